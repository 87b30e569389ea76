"""The figures of sets of poems: each worked out by hand on a few lines, and `gen eval poem` on the shipped model."""

import json
import lzma
import sys
import warnings

import pytest
from click.testing import CliRunner
from font_files import font_of, forget_fonts
from hypothesis import given, settings
from hypothesis import strategies as st

import gen_engine.engine
from gen_engine.cli.languages import CHINESE
from gen_engine.cli.main import make_cli
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_poem.evaluation import measures as measures
from gen_poem.evaluation import picture as eval_picture
from gen_poem.evaluation.figures import evaluate
from gen_poem.evaluation.measures import PoeTone, Wanted, judge_poem, nats
from gen_poem.verse.poem_files import read_poems

pytestmark = pytest.mark.usefixtures("one_engine")

HERON = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
CI = "山下兰芽短浸溪。松间沙路净无泥。萧萧暮雨子规啼。谁道人生无再少，门前流水尚能西。休将白发唱黄鸡。"
TUNE = Wanted(tune="浣溪沙")

verses = st.lists(st.text("春江花月夜", min_size=2, max_size=5), min_size=1, max_size=4).map("，".join)


def figure(found, name):
    return next(each.value for each in found.figures if each.name == name)


# -------------------------------------------------------------------------------------------------------- one poem


def test_a_poem_in_form_keeps_everything_and_names_its_rhyme():
    poem = judge_poem(HERON, Wanted("五绝"))
    assert (poem.format, poem.strict, poem.loose, poem.rhyme, poem.group) == (True, True, True, True, "尤")


def test_the_form_is_found_where_none_is_asked_for():
    assert judge_poem(HERON, Wanted()).form == "五绝"


def test_a_wrong_tone_breaks_the_tones_and_not_the_rhyme():
    poem = judge_poem(HERON.replace("黄河", "黄海"), Wanted("五绝"))
    assert (poem.format, poem.loose, poem.rhyme) == (True, False, True)


def test_loose_tones_may_not_be_strict_ones():
    lonely = judge_poem("白日依山尽，白河入海流。欲穷千里目，更上一层楼。", Wanted("五绝"))
    assert (lonely.strict, lonely.loose) == (False, True)


@pytest.mark.parametrize("text", ["", "abc", "春，花开了又落下。月", HERON[:-7]])
def test_what_lacks_the_format_keeps_nothing(text):
    poem = judge_poem(text, Wanted("五绝"))
    assert {poem.format, poem.strict, poem.loose, poem.rhyme} == {False}


def test_an_unknown_form_or_tune_is_an_error_at_once():
    with pytest.raises(GenError):
        Wanted("八律").check()
    with pytest.raises(GenError):
        Wanted(tune="浣溪沙", variant=99).check()
    with pytest.raises(GenError, match="one form or one tune"):
        Wanted("五绝", "浣溪沙").check()


# --------------------------------------------------------------------------------------------------------- PoeTone


def test_poetone_weighs_structure_tone_and_rhyme():
    assert PoeTone(1.0, 0.5, 0.25).score == pytest.approx(0.4 + 0.15 + 0.075)


def test_a_ci_true_to_its_tune_scores_full_marks():
    assert judge_poem(CI, TUNE).poetone == PoeTone(1, 1, 1)


def test_a_word_out_of_rhyme_costs_its_share():
    assert judge_poem(CI.replace("黄鸡", "黄花"), TUNE).poetone == PoeTone(1, 1, pytest.approx(4 / 5))


def test_a_short_line_costs_its_share_of_the_structure_alone():
    shares = judge_poem(CI.replace("净无泥", "无泥"), TUNE).poetone
    assert (shares.structure, shares.tone) == (pytest.approx(5 / 6), 1)


def test_a_wrong_tone_costs_its_share_of_the_places():
    whole, wrong = judge_poem(CI, TUNE).poetone, judge_poem(CI.replace("流水", "流沙"), TUNE).poetone
    assert whole.tone - wrong.tone == pytest.approx(1 / 42)


def test_only_ci_have_poetone():
    assert judge_poem(HERON, Wanted("五绝")).poetone is None


# ---------------------------------------------------------------------------------------------------------- variety


def test_distinct_counts_different_runs_within_lines():
    assert measures.distinct(["春春，春花。"], 1) == 2 / 4
    assert measures.distinct(["春花，春花。", "月"], 2) == 1 / 2
    assert measures.distinct(["月"], 2) == 0


def test_repeated_lines_are_those_that_stood_before():
    assert measures.repeated_lines(["春花，秋月。", "春花，秋月，春花。"]) == 3 / 5


def test_verbatim_lines_stand_in_the_corpus_whatever_their_marks():
    corpus = ["春花！秋水", "月"]
    assert measures.verbatim(["春花，秋月。", "春花，夏。"], corpus) == 2 / 4


def test_self_bleu_is_one_among_twins_zero_among_strangers():
    assert measures.self_bleu([HERON, HERON]) == pytest.approx(1)
    assert measures.self_bleu(["春江花月夜", "白日依山尽"]) == pytest.approx(0, abs=0.02)
    assert measures.self_bleu([HERON]) is None


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.lists(verses, min_size=2, max_size=5), st.randoms())
def test_figures_are_shares_whatever_the_order_of_poems(poems, random):
    shuffled = random.sample(poems, len(poems))
    for measure in (lambda p: measures.distinct(p, 2), measures.self_bleu, measures.repeated_lines):
        assert 0 <= measure(poems) <= 1 + 1e-9
        assert measure(shuffled) == pytest.approx(measure(poems))


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.lists(verses, min_size=1, max_size=4))
def test_all_corpus_lines_are_verbatim_in_it_none_without_one(poems):
    assert measures.verbatim(poems, poems) == 1
    assert measures.verbatim(poems, []) == 0


def test_the_figures_of_a_set_are_shares_of_its_poems():
    lonely, broken = HERON.replace("黄河", "白河"), HERON.replace("上一层楼", "上一层山")
    found = evaluate([HERON, lonely, lonely, broken], Wanted("五绝"), source="here")
    names = ("format", "tone strict", "tone loose", "rhyme")
    assert [figure(found, name) for name in names] == [1, 0.5, 1, 0.75]
    assert found.groups == [("尤", 3)]


# ------------------------------------------------------------------------------------------------------ likelihood


def tiny():
    return Engine(table_model("", "春", "花", "月", "，", "。", "", unk=6, order=2))


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(st.lists(st.text("春花月", min_size=1, max_size=4), min_size=1, max_size=3), st.integers(1, 3))
def test_nats_are_the_models_own_and_packing_changes_nothing(lines, packed):
    poems, engine = [f"{line}。" for line in lines], tiny()
    for poem, (total, known) in zip(poems, nats(engine, poems * packed), strict=False):
        tokens = (*engine.tokenizer.encode(poem).tokens, 0)
        own = [engine.model.logits(tokens[:i]).log_softmax(-1)[tokens[i]].item() for i in range(1, len(tokens))]
        assert (total, known) == (pytest.approx(-sum(own), abs=1e-4), len(poem) - 1)


def test_unknown_characters_count_neither_as_nats_nor_as_characters():
    engine = tiny()
    tokens = (*engine.tokenizer.encode("春鬱。").tokens, 0)
    own = {t: engine.model.logits(tokens[:i]).log_softmax(-1)[t].item() for i, t in enumerate(tokens) if i}
    assert nats(engine, ["春鬱。"]) == [(pytest.approx(own[6] - sum(own.values()), abs=1e-4), 1)]


def test_the_end_costs_what_all_ends_cost_together():
    engine = Engine(table_model("", "春", "。", "", "", ends=(3, 4)))
    after = engine.model.logits(engine.tokenizer.encode("春。").tokens).log_softmax(-1)
    own = [engine.model.logits((0, *before)).log_softmax(-1)[token] for before, token in [((), 1), ((1,), 2)]]
    [(total, _)] = nats(engine, ["春。"])
    assert total == pytest.approx(-float(sum(own) + after[[0, 3, 4]].logsumexp(0)), abs=1e-4)


def test_lines_without_marks_are_read_with_them():
    assert nats(tiny(), ["春花\n花月"]) == nats(tiny(), ["春花，花月。"])


# ----------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "text", ["春花，\n秋月。\n\n夏\n", "\n春花，\n秋月。\n\n\n夏", '{"text": "春花，\\n秋月。"}\n{"text": "夏"}\n']
)
def test_poems_stand_between_empty_lines_or_in_json(tmp_path, text):
    (tmp_path / "poems").write_text(text, encoding="utf-8")
    assert read_poems(str(tmp_path / "poems")) == ["春花，\n秋月。", "夏"]


def test_a_poem_of_one_verse_a_line_is_one(tmp_path):
    (tmp_path / "poem").write_text("春花，\n秋月。\n夏夜，\n冬江。\n", encoding="utf-8")
    assert read_poems(str(tmp_path / "poem")) == ["春花，\n秋月。\n夏夜，\n冬江。"]


def test_poems_stand_one_a_line_and_may_be_packed(tmp_path):
    with lzma.open(tmp_path / "poems.xz", "wt", encoding="utf-8") as file:
        file.write("春花，秋月。\n夏\n")
    assert read_poems(str(tmp_path / "poems.xz")) == ["春花，秋月。", "夏"]


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "no poem"), (b"\xff\xfe", "utf-16 text.*iconv"), (b'{"a": 1}', "no JSON")]
)
def test_a_file_without_poems_says_what_to_do(tmp_path, data, message):
    (tmp_path / "poems").write_bytes(data)
    with pytest.raises(GenError, match=message):
        read_poems(str(tmp_path / "poems"))


def test_a_missing_file_is_named():
    with pytest.raises(GenError, match=r"no file nowhere\.txt"):
        read_poems("nowhere.txt")


# --------------------------------------------------------------------------------------------------------- pictures


def test_a_picture_shows_chinese_names(tmp_path):
    eval_picture.draw(evaluate([HERON, HERON[:12] * 2], Wanted("五绝"), source="here"), str(tmp_path / "p.svg"))
    drawn = (tmp_path / "p.svg").read_text("utf-8")
    assert [word for word in ("五绝", "尤", "distinct-2", "50.0%") if word not in drawn] == []


@pytest.mark.parametrize(
    "language, words",
    [("en", ("kept: shares of poems, lines or places", "per cent", "number of poems in each", "1 × 五绝 (here)")),
     ("zh", ("守律：诗、句或字的比例", "变化：字或句的比例、相似度", "百分比", "平仄（严）", "1 × 五绝（here）"))],
)  # fmt: skip
def test_a_picture_says_what_its_colours_and_units_are(tmp_path, language, words):
    eval_picture.draw(evaluate([HERON], Wanted("五绝"), source="here"), str(tmp_path / "p.svg"), language)
    drawn = (tmp_path / "p.svg").read_text("utf-8")
    assert [each for each in words if f">{each}</text>" not in drawn] == []


def test_a_picture_of_likelihoods_tells_mean_and_unit(tmp_path):
    found = evaluate(["春花。"], Wanted(), source="here", engine=tiny())
    eval_picture.draw(found, str(tmp_path / "p.svg"), "zh")
    drawn = (tmp_path / "p.svg").read_text("utf-8")
    assert [each for each in ("每字奈特（越小越可能）", "平均 ", "诗的首数") if each not in drawn] == []


def test_every_figure_of_poems_is_told_in_chinese():
    found = [
        evaluate([HERON], wanted, source="", corpus=[HERON])
        for wanted in (Wanted("五绝"), Wanted(), Wanted(tune="如梦令"))
    ]
    figures = [each for evaluation in found for each in evaluation.figures]
    assert [each.name for each in figures if each.name not in CHINESE or each.meaning not in CHINESE] == []


def test_an_unreadable_picture_is_refused_before_anything_is_done(tmp_path, monkeypatch):
    forget_fonts(monkeypatch)
    with pytest.raises(GenError, match="install one"):
        eval_picture.check_picture(str(tmp_path / "p.png"))
    with pytest.raises(GenError, match="end it in"):
        eval_picture.check_picture("p.doc")
    with pytest.raises(GenError, match="folder does not exist"):
        eval_picture.check_picture(str(tmp_path / "no" / "p.svg"))


@pytest.mark.parametrize("kind", ["png", "pdf", "PNG"])
def test_a_font_installed_since_matplotlib_looked_is_found(tmp_path, monkeypatch, kind):
    forget_fonts(monkeypatch, font_of(tmp_path / "han.ttf", eval_picture.NAMES + "七尤×"))
    picture = str(tmp_path / f"p.{kind}")
    eval_picture.check_picture(picture)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eval_picture.draw(evaluate([HERON], Wanted("五绝"), source="here"), picture)
    assert (tmp_path / f"p.{kind}").stat().st_size > 5_000


@pytest.mark.parametrize("missing", ["matplotlib", "sacrebleu.metrics.bleu"])
def test_what_is_missing_is_named_with_its_install_command(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(GenError, match=r"pip install 'gen-engine-poem\[eval\]'"):
        eval_picture.check_picture("p.svg") if missing == "matplotlib" else measures.self_bleu([HERON, CI])


def test_the_other_figures_do_without_sacrebleu(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    found = evaluate([HERON, CI], Wanted(), source="here")
    assert figure(found, "self-BLEU") is None
    assert figure(found, "distinct-1") > 0


# ----------------------------------------------------------------------------------------------------- the command


def gen(*words, **given):
    return CliRunner().invoke(make_cli(), ["eval", "poem", *map(str, words)], catch_exceptions=False, **given)


@pytest.mark.parametrize("words", [("--form", "五绝", "--num", 10**9), ("--free", "--num", 50_001),
                                   ("--tune", "浣溪沙", "--num", 10**30),
                                   ("--form", "七律", "--num", 10**6)])  # fmt: skip
def test_more_poems_than_are_judged_at_once_are_not_begun(words, monkeypatch):
    monkeypatch.setattr(gen_engine.engine, "load", None)
    with pytest.raises(GenError, match="more than the 20,000,000 characters that are judged at once; ask for fewer"):
        gen(*words)


def test_a_models_poems_are_judged_by_their_form():
    found = json.loads(gen("--form", "五绝", "--num", 4, "--seed", 1, "--json").stdout)
    assert found["poems"] == 4
    assert {found["figures"][name] for name in ("format", "tone loose", "rhyme")} == {1.0}
    assert 3 < found["figures"]["nats a character"] < 7


def test_a_file_of_poems_is_judged_beside_a_corpus(tmp_path):
    (tmp_path / "poems.txt").write_text(HERON, encoding="utf-8")
    (tmp_path / "corpus.txt").write_text("欲穷千里目，更上一层楼。\n", encoding="utf-8")
    shown = gen(tmp_path / "poems.txt", "--corpus", tmp_path / "corpus.txt").stdout
    assert [line.split()[1] for line in shown.splitlines() if line.startswith(("tone", "verbatim"))][-1] == "50.0%"
    assert "尤 1" in shown


def test_poems_may_come_from_standard_input():
    assert "100.0%" in gen("-", input=HERON).stdout


def test_ci_are_judged_by_poetone(tmp_path):
    (tmp_path / "ci.txt").write_text(CI.replace("黄鸡", "黄花"), encoding="utf-8")
    found = json.loads(gen(tmp_path / "ci.txt", "--tune", "浣溪沙", "--json").stdout)
    assert found["figures"]["PoeTone"] == pytest.approx(0.4 + 0.3 + 0.3 * 0.8)
    assert found["each"][0]["poetone"]["rhyme"] == pytest.approx(0.8)


def test_with_out_the_figures_are_written_to_a_file(tmp_path):
    (tmp_path / "poems.txt").write_text(HERON, encoding="utf-8")
    done = gen(tmp_path / "poems.txt", "--out", tmp_path / "figures.json", "--picture", tmp_path / "p.svg")
    assert done.stdout == ""
    assert json.loads((tmp_path / "figures.json").read_text("utf-8"))["figures"]["format"] == 1
    assert (tmp_path / "p.svg").exists()


def test_a_model_is_asked_for_a_form():
    with pytest.raises(GenError, match="give --form, --tune or --free"):
        gen("--num", 2)


def test_poems_are_written_as_gen_poem_writes_them():
    found = json.loads(gen("--form", "五绝", "--acrostic", "春夏秋冬", "--rhyme", "东", "--num", 2, "--json").stdout)
    assert found["rhymes"] == {"东": 2}
    assert [poem["text"][::6] for poem in found["each"]] == ["春夏秋冬"] * 2


def test_options_for_new_poems_are_refused_for_a_file(tmp_path):
    (tmp_path / "poems.txt").write_text(HERON, encoding="utf-8")
    with pytest.raises(GenError, match="is for new ones"):
        gen(tmp_path / "poems.txt", "--acrostic", "春")


def test_free_poems_are_judged_by_what_they_look_like():
    found = json.loads(gen("--free", "--with", "form=4x5", "--num", 12, "--seed", 1, "--json").stdout)
    assert {poem["form"] for poem in found["each"]} <= {"五绝", "五古"}
    assert found["figures"]["tone strict"] < 1


def test_old_verse_counts_apart_where_no_form_is_named(tmp_path):
    (tmp_path / "poems").write_text(f"{SNOW}\n{STORK}\n", encoding="utf-8")
    figures = json.loads(gen(str(tmp_path / "poems"), "--json").stdout)["figures"]
    assert [figures[name] for name in ("old verse", "tone loose", "rhyme")] == [0.5, 0.5, 1]
    named = json.loads(gen(str(tmp_path / "poems"), "--form", "五绝", "--json").stdout)["figures"]
    assert "old verse" not in named


SNOW = "千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。"
STORK = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
