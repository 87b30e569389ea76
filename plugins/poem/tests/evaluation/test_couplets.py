"""`gen eval couplet`: what is judged, both baselines, and that it says the same each time."""

import json
import lzma
import math
import re
from collections import Counter

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.evaluation.couplets import (
    Drawn,
    Retrieval,
    bleu,
    draw,
    evaluate,
    grams,
    opposed,
    read_pairs,
    same_length,
    shuffle_alike,
)
from gen_poem.rules.parallel import tones_of

PINGSHUI = tones_of("pingshui")
REAL = [
    ("两个黄鹂鸣翠柳", "一行白鹭上青天"), ("明月松间照", "清泉石上流"), ("白日依山尽", "黄河入海流"),
    ("窗含西岭千秋雪", "门泊东吴万里船"), ("山高月小，水落石出", "地阔天长，云来雨收"), ("山河", "日月"),
]  # fmt: skip


def gen(*arguments):
    return CliRunner().invoke(make_cli(), ["eval", "couplet", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "couplets.tsv.xz"
    path.write_bytes(lzma.compress("\n".join(map("\t".join, REAL)).encode()))
    return path


def test_real_couplets_are_opposed_and_broken_ones_are_not():
    assert opposed(("明月松间照", "清泉石上流"), PINGSHUI)
    assert not opposed(("明月松间照", "清泉石上月"), PINGSHUI)
    assert not opposed(("明月松间照", "白日石上流"), PINGSHUI)
    assert not opposed(("明月松间照", "清泉石上"), PINGSHUI)


def test_a_character_of_two_tones_can_be_opposed_to_either():
    assert all("平" in PINGSHUI.of(char) and "仄" in PINGSHUI.of(char) for char in "看")
    assert opposed(("天看地", "云看天"), PINGSHUI)
    assert opposed(("天看地", "云雨天"), PINGSHUI)


def test_marks_must_stand_at_the_same_places():
    assert same_length(("山高，月", "水落，石"))
    assert not same_length(("山高，月", "水，落石"))


def test_first_lines_that_end_level_are_set_aside_and_counted():
    drawn = draw([*REAL, ("春风不度玉门关", "羌笛何须怨杨柳"), ("abc", "春")], 99, seed=1, book="pingshui")
    assert sorted(drawn.pairs) == sorted(REAL[:5])
    assert drawn.aside == {"ends level": 2, "other signs or shapes": 1}


def test_first_lines_with_marks_the_model_lacks_are_set_aside():
    drawn = draw([("春、夏月", "秋、冬风"), REAL[0]], 9, seed=0, book="pingshui", unknown="、；")
    assert (drawn.pairs, drawn.aside) == ([REAL[0]], {"marks the model lacks": 1})


@given(st.lists(st.text("天地云雨风", min_size=1, max_size=4), min_size=1, max_size=8), st.text("天地云雨", min_size=1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_nearest_line_has_the_highest_cosine(firsts, asked):
    rare = Counter(gram for first in firsts for gram in set(grams(first)))
    weight = {gram: math.log((1 + len(firsts)) / (1 + count)) + 1 for gram, count in rare.items()}

    def cosine(first):
        shared = sum(weight[gram] ** 2 for gram in set(grams(first)) & set(grams(asked)))
        return shared / math.sqrt(sum(weight[gram] ** 2 for gram in set(grams(first))))

    found = Retrieval([(first, str(number)) for number, first in enumerate(firsts)]).nearest(asked)[0]
    assert cosine(found[0]) == pytest.approx(max(map(cosine, firsts)))


def test_a_line_is_nearest_to_itself_and_far_from_strangers():
    retrieval = Retrieval(REAL)
    assert retrieval.nearest("明月松间照") == (REAL[1], pytest.approx(1))
    assert retrieval.nearest("〇〇") == (REAL[0], 0)


def test_a_second_score_leaves_out_near_duplicates():
    corpus = [("明月松间照，", "清泉石上流"), ("〇", "〇")]
    drawn = Drawn(REAL[:3], Counter())
    found = evaluate(drawn, [second for _, second in REAL[:3]], book="pingshui", corpus=corpus, seed=0)
    assert (found.bleu.lines, found.bleu_apart.lines) == (3, 2)
    assert (found.bleu.written, found.bleu_apart.written) == (pytest.approx(100), pytest.approx(100))
    assert found.bleu_apart.retrieval < found.bleu.retrieval
    assert (found.opposed, found.real_opposed, found.copied) == (1, 1, 1)


def test_shuffled_lines_keep_their_shape_and_leave_their_first_line():
    moved = shuffle_alike(REAL, seed=0)
    assert sorted(moved) == sorted(second for _, second in REAL)
    assert not any(second == real for second, (_, real) in zip(moved, REAL, strict=True))
    assert [len(line) for line in moved[:4]] == [7, 5, 5, 7]


def test_bleu_is_100_for_real_lines_and_0_for_others():
    wanted = [second for _, second in REAL]
    assert bleu(wanted, wanted) == pytest.approx(100)
    assert bleu(["〇" * len(line) for line in wanted], wanted) < 5


def test_a_model_keeps_the_rules_and_json_has_the_figures(table):
    done = gen(table, "--lines", 3, "--corpus", table, "--not-in", table, "--seed", 2, "--json")
    found = json.loads(done.stdout)
    assert (found["equal_length"], found["opposed"], found["copied"]) == (1, 1, 0)
    assert found["bleu"]["retrieval"] == pytest.approx(100)  # the lines asked for stand in the corpus
    assert len(found["couplets"]) == found["lines"] == 3
    assert gen(table, "--lines", 3, "--corpus", table, "--not-in", table, "--seed", 2, "--json").stdout == done.stdout


def test_people_are_shown_a_table(table):
    shown = gen(table, "--lines", 2).stdout
    assert re.search(r"opposed tones\W+100\.0%", shown)
    assert "copied" not in shown


def test_the_table_is_chinese_by_option(table):
    told = gen(table, "--lines", 2, "--corpus", table, "--lang", "zh").stdout
    for words in ("下联（", "指标", "等长", "平仄相对", "照抄句", "BLEU，打乱", "BLEU，检索"):
        assert words in told


def test_a_table_that_is_none_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "a.tsv").write_text("天\t地\n天\n", encoding="utf-8")
    with pytest.raises(GenError, match="Row 2 of .* is not FIRST<tab>SECOND; mend it"):
        read_pairs(str(tmp_path / "a.tsv"))
    (tmp_path / "b.tsv.xz").write_bytes(b"x")
    with pytest.raises(GenError, match="cannot be unpacked"):
        read_pairs(str(tmp_path / "b.tsv.xz"))
    with pytest.raises(GenError, match="None of the first lines"):
        draw([("山河", "日月")], 2, seed=0, book="pingshui")
