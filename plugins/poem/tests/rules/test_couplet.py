"""Couplets: what is accepted, by trying every text, and what `gen couplet` writes and refuses."""

import itertools
import json
import re

import machine_laws as laws
import pytest
from click.testing import CliRunner
from couplets import is_couplet, pingshui
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_gpt2.data_texts import Data, split_texts
from gen_poem.rules.couplet import Couplet, couplet, couplet_of, shape_of
from gen_poem.rules.parallel import LEVEL, NO_TONES, OBLIQUE, Tones

READ = {"天": LEVEL, "云": LEVEL, "地": OBLIQUE, "雨": OBLIQUE, "中": LEVEL + OBLIQUE}
TINY = Tones(*(frozenset(char for char, tones in READ.items() if tone in tones) for tone in (LEVEL, OBLIQUE)))


def tiny(line, *, toned=True):
    """A couplet of this shape over the tiny book; 汉 is a character."""
    return Couplet(line, TINY if toned else NO_TONES).rule


def candidates(sizes, alphabet):
    """Every text of the shape, and every short text of any."""
    shaped = (itertools.product(alphabet, repeat=size) for size in sizes * 2)
    yield from ("，".join(map("".join, parts)) + "。" for parts in itertools.product(*map(list, shaped)))
    yield from laws.texts([*alphabet, "，", "。"], 3)


@pytest.mark.parametrize("toned", [True, False])
@pytest.mark.parametrize(
    ("sizes", "alphabet"),
    [([1], "天地云雨中"), ([2], "天地云雨中"), ([3], "天地云"), ([2], "天鬱地"), ([1, 2], "天地雨中")],
)
def test_a_couplet_is_accepted_if_its_lines_answer_each_other(sizes, alphabet, toned):
    machine = tiny("，".join("汉" * size for size in sizes), toned=toned)
    found = laws.accepted(machine, [*alphabet, "，", "。"], 2 * (sum(sizes) + len(sizes)))
    read = (lambda char: READ.get(char, "")) if toned else None
    assert found == {text for text in candidates(sizes, alphabet) if is_couplet(text, sizes, read)}


@pytest.mark.parametrize("part", [*tiny("汉").parts, *tiny("汉汉").parts, *tiny("汉，汉").parts], ids=range(9))
def test_allowed_moves_and_kinds_say_what_step_does(part):
    laws.check_answers(part, "天地中，。", 6)


def test_least_is_the_rest_of_the_couplet():
    laws.check_least(tiny("汉汉"), "天地云雨，。", 6)


@given(st.sampled_from([[1], [2], [1, 1]]), st.booleans(), st.integers(3, 6), st.integers(0, 9))
@laws.examples(10)
def test_a_model_writes_couplets_with_merged_tokens(sizes, toned, budget, seed):
    machine = tiny("，".join("汉" * size for size in sizes), toned=toned)
    read = (lambda char: READ.get(char, "")) if toned else None
    surfaces = ["天", "地", "，", "，天", "雨。"]
    laws.check_engine(machine, surfaces, budget, lambda text: is_couplet(text, sizes, read), seed=seed)


def gen(*arguments):
    return CliRunner().invoke(make_cli(), ["couplet", *map(str, arguments)], catch_exceptions=False)


def couplets(*arguments):
    done = gen(*arguments, "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


FIRSTS = ["春满神州花似锦", "水", "处处莺声处处柳", "风声雨声读书声，声声入耳", "山，水，月"]


@pytest.mark.parametrize("first", FIRSTS)
def test_the_second_line_answers_the_first(first):
    found = couplets("--first", first, "--num", 4, "--seed", 3)
    assert len(found) == 4
    for each in found:
        assert is_couplet(each["text"], list(map(len, first.split("，"))), pingshui)
        assert each["lines"] == [f"{first}，", each["new"]]
        assert each["text"] == f"{first}，{each['new']}"


@pytest.mark.parametrize(("cols", "prompt"), [(7, ""), (5, "春"), (1, ""), (4, "春江花月夜"), ("3，4", "山")])
def test_both_lines_are_written_from_a_prompt(cols, prompt):
    sizes = [int(size) for size in str(cols).split("，")]
    for each in couplets("--cols", cols, "--prompt", prompt, "--num", 3, "--seed", 1):
        assert is_couplet(each["text"], sizes, pingshui)
        assert each["text"].replace("，", "").startswith(prompt)


def test_without_tones_a_first_line_may_end_level():
    first = "春风不度玉门关"
    (found,) = couplets("--first", first, "--tones", "off", "--seed", 1)
    assert is_couplet(found["text"], [7], None)
    with pytest.raises(GenError, match=r"ends in 关, which pingshui.*; end it otherwise, or give --tones off\."):
        gen("--first", first)


def test_the_book_says_what_tones_are():
    assert couplets("--first", "东风吹雨急", "--seed", 1)
    with pytest.raises(GenError, match="which xinyun does not have in an oblique tone"):
        gen("--first", "东风吹雨急", "--rhyme-book", "xinyun")


def test_end_marks_and_spaces_are_no_part_of_a_line():
    texts = {couplets("--first", first, "--seed", 2)[0]["text"] for first in ("山高月小", " 山高 月小，", "山高月小。")}
    assert len(texts) == 1


def test_couplets_are_shown_as_two_lines_with_blanks_between():
    shown = gen("--first", "山高月小，水落石出", "--num", 2, "--seed", 2).stdout
    assert re.fullmatch(r"(山高月小，水落石出，\n[^，。\n]{4}，[^，。\n]{4}。\n\n?){2}", shown)


def test_traditional_characters_are_printed_if_asked_for():
    simple = couplets("--first", "万里云开见远岫", "--seed", 1)[0]
    pytest.importorskip("opencc")
    found = couplets("--first", "万里云开见远岫", "--seed", 1, "--script", "trad")[0]
    assert found["lines"][0] == "萬里雲開見遠岫，"
    assert (len(found["text"]), found["logprob"]) == (len(simple["text"]), simple["logprob"])


def test_other_processors_join_in_and_replace_the_defaults():
    chosen = ["--with", "ban=不|无|人", "--with", "top_k=1", "--temperature", 1]
    texts = [each["text"] for each in couplets("--first", "明月松间照", *chosen, "--num", 3)]
    assert len(set(texts)) == 1
    assert not set("不无人") & set(texts[0])


WRONG = {
    ("--first", "春", "--prompt", "夏"): "give the whole first line, or how it begins",
    ("--first", "春暖", "--cols", "7"): "is of the shape 2, and --cols is 7; leave out --cols",
    ("--first", "，"): "has no characters; write one",
    ("--first", "abc"): "has 'a', and a couplet is Chinese characters and marks; leave it out",
    ("--first", "春，，暖"): "couplet=1，，1 is no shape",
    ("--cols", "0"): "couplet=0 is no shape",
    ("--cols", "99，2"): "couplet=99，2 is no shape of up to 100 characters",
    ("--cols", "2", "--prompt", "春夏秋冬东"): "longer than the couplet",
    ("--cols", "3", "--prompt", "春，"): "has '，' where the couplet has a Chinese character; leave it out",
    ("--cols", "2", "--prompt", "春天"): "ends in 天, which pingshui does not have in an oblique tone",
    (
        "--cols",
        "2",
        "--prompt",
        "春雨雨",
    ): "has 雨 at line 2, place 1, where couplet wants a character that is not among",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_no_couplet_is_refused_with_the_remedy(arguments):
    with pytest.raises(GenError, match=re.escape(WRONG[arguments])):
        gen(*arguments)


def test_any_command_writes_couplets():
    options = ["--model", "poem", "--prompt", "山高月小", "--with", "couplet=4", "--max-new", 6, "--json"]
    done = CliRunner().invoke(make_cli(), ["text", *map(str, options)], catch_exceptions=False)
    assert is_couplet(json.loads(done.stdout)["text"], [4], pingshui)


def test_a_shape_is_read_off_a_line_as_numbers():
    assert [shape_of(line) for line in ("春江花月夜", "山高月小，水落石出", "一、二三；四")] == ["5", "4，4", "1、2；1"]
    assert couplet_of("4,5", book=None).pattern == "汉汉汉汉,汉汉汉汉汉，汉汉汉汉,汉汉汉汉汉。"


@pytest.mark.parametrize("shape", ["", "x", "，", "4，", "-4", "4x5", "1000"])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(GenError, match="no shape"):
        couplet(shape)


@pytest.mark.parametrize(("begun", "count"), [(("--first", "春满神州花似锦"), 8), (("--prompt", "春"), 15), ((), 16)])
@pytest.mark.parametrize("options", [(), ("--explain",), ("--script", "trad", "--explain")])
def test_what_is_new_is_shown_in_full_width_when_explained(begun, count, options):
    [done] = couplets(*begun, "--seed", 1, *options)
    assert done["new"] == done["text"][-count:]


def pairs_of(text):
    return [text[i : i + 2] for i in range(len(text) - 1)]


def demanded(first):
    """Whether every couplet with this first line repeats a pair in the second, by a couplet of all new characters."""
    answer = {char: chr(0x3400 + place) for place, char in enumerate(dict.fromkeys(first)) if char != "，"}
    whole = f"{first}，{''.join(answer.get(char, char) for char in first)}。"
    return any(pair in pairs_of(whole)[:at] for at, pair in enumerate(pairs_of(whole)) if at + 2 > len(first) + 1)


@given(st.lists(st.text("天地云", min_size=1, max_size=4), min_size=1, max_size=3).map("，".join))
@laws.examples(200)
def test_a_repeated_pair_or_like_parts_demand_a_pair(first):
    machine = couplet_of(shape_of(first), book=None)
    assert machine.must_repeat(first + "，", 2) is demanded(first)
    assert machine.must_repeat(first, 2) >= demanded(first)  # before its mark, that may be part of a pair
    assert not machine.must_repeat("", 2)


@pytest.mark.parametrize(
    ("first", "noted"),
    [("处处莺声处处柳", True), ("风声，风雨", True), ("春满神州花似锦", False), ("万水千山水", False)],
)
def test_no_pair_is_repeated_unless_the_first_line_demands_it(first, noted):
    done = gen("--first", first, "--num", 3, "--seed", 5, "--tones", "off", "--json")
    assert ("no_repeat_ngram=2 is left out" in done.stderr) is noted
    for line in done.stdout.splitlines():
        pairs = pairs_of(json.loads(line)["text"])
        assert noted or len(set(pairs)) == len(pairs)


def test_a_begun_couplet_may_demand_a_pair_too():
    done = gen("--prompt", "处处莺声处处", "--seed", 1)
    assert "is left out" in done.stderr


def test_a_mark_the_model_lacks_is_refused_with_the_remedy():
    with pytest.raises(
        GenError, match="The model poem does not know the mark ；, and the second line needs it; write ，"
    ):
        gen("--first", "春；夏月")


def test_a_couplet_is_both_lines_and_their_marks_long():
    for size in (1, 3, 5, 7, 11):
        (found,) = couplets("--cols", size, "--seed", size)
        assert len(found["text"]) == 2 * size + 2


@pytest.mark.parametrize(("first", "second"), [("明月松间照", "清泉石上流"), ("山高月小，鸟飞", "水落石出，云散")])
def test_trainer_prompt_and_constraint_lay_a_couplet_out_alike(first, second, tmp_path):
    (tmp_path / "a.tsv").write_text(f"{first}\t{second}\n", encoding="utf-8")
    [text], _ = split_texts(Data((tmp_path / "a.tsv",), column="1", column2="2", ending="。", valid_share=0), 0)
    machine = couplet_of(shape_of(first), book=None)
    assert text.startswith(machine.full_width(first + "，"))
    assert machine.rule.accepts(laws.state_after(machine.rule, text))
