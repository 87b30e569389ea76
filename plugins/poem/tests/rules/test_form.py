"""The form of verse: its pattern, how prompts are laid out in it, and that every poem has it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.chain import make_chain
from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.patience import Patience
from gen_engine.testing.models import tiny_vocabulary
from gen_engine.text import Vocabulary
from gen_engine.types import Named, Prompt
from gen_poem.rules.form import LONGEST, Form, distinct_rhymes, form
from gen_poem.verse.layout import lay_out
from gen_poem.verse.marks import break_lines

sizes = st.tuples(st.integers(1, 8), st.integers(1, 9))
HAN = st.text(st.sampled_from("春江花月夜一二三〇𬭭"), max_size=20)


def well_formed(poem, rows, cols):
    lines = re.findall("[^，。]+[，。]", poem)
    marks = ["，" if row % 2 == 0 and row + 1 < rows else "。" for row in range(rows)]
    return [len(line) for line in lines] == [cols + 1] * rows and [line[-1] for line in lines] == marks


@given(sizes)
def test_odd_lines_end_in_commas_others_in_full_stops(size):
    assert well_formed(Form(*size).pattern, *size)


@given(sizes, HAN)
def test_laying_out_a_prompt_loses_no_character(size, prompt):
    shape = Form(*size)
    if len(prompt) > size[0] * size[1]:
        with pytest.raises(GenError, match=f"at most {size[0] * size[1]}"):
            lay_out(prompt, shape)
        return
    laid = lay_out(prompt, shape)
    assert re.sub("[，。]", "", laid) == prompt
    assert shape.start(laid) == len(laid)


@given(sizes, HAN)
def test_laying_out_twice_changes_nothing(size, prompt):
    shape = Form(*size)
    laid = lay_out(prompt[: size[0] * size[1]], shape)
    assert lay_out(laid, shape) == laid


def test_a_prompt_longer_than_a_line_flows_on():
    assert lay_out("白日依山尽黄河", Form(4, 5)) == "白日依山尽，黄河"


def test_punctuation_of_either_width_is_taken_where_it_belongs():
    assert lay_out("白日依山尽,黄河", Form(4, 5)) == lay_out("白日依山尽，黄河", Form(4, 5))


@pytest.mark.parametrize(("prompt", "word"), [("白日，", "does not belong"), ("abc", "Chinese characters only")])
def test_what_does_not_fit_the_form_is_refused_by_name(prompt, word):
    with pytest.raises(GenError, match=word):
        lay_out(prompt, Form(4, 5))


@pytest.mark.parametrize("size", ["4", "x", "4x", "axb", "4x5x6", "-1x5", "0x5", "²x5", "4x" + 5000 * "9"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(GenError, match="form=|give both"):
        form(size)


def test_the_form_refuses_a_text_that_breaks_it():
    with pytest.raises(GenError, match="place 3"):
        Form(1, 2).start("春夏秋")


def test_a_poem_is_shown_in_lines_with_full_width_marks():
    assert break_lines("白日依山尽,黄河入海流.") == "白日依山尽，\n黄河入海流。\n"


@given(st.lists(st.text("春月，,。.", max_size=4), max_size=5))
def test_pieces_are_shown_as_the_whole_is(pieces):
    assert "".join(map(break_lines, pieces)) == break_lines("".join(pieces))


@given(sizes, st.lists(st.sampled_from("春，,。.a\n"), max_size=12))
def test_allowed_and_step_say_the_same(size, chars):
    shape, state = Form(*size), 0
    for char in chars:
        after = shape.step(state, char)
        assert (char in shape.allowed(state)) is (after is not None)
        state = state if after is None else after


@pytest.mark.parametrize("size", [(LONGEST, 1), (1, LONGEST)])
def test_the_longest_poems_are_planned(size):
    chars = "，。春夏秋冬a"
    chain = make_chain(Vocabulary(tuple(c.encode() for c in chars), tuple(chars)), [Named("form", Form(*size))])
    # It takes seconds; how many is no matter here.
    assert chain.plan(Prompt("", (), ()), 2 * LONGEST, Patience(120)).budget == 2 * LONGEST


def test_a_longer_poem_is_refused_at_once():
    with pytest.raises(GenError, match="ask for fewer"):
        Form(LONGEST, 2)


def test_a_named_form_or_tune_keeps_its_tones_and_rhymes():
    assert form("七律", tones="strict", rhyme=("东",)).rhymes == ("东",)
    assert len(form("七律").patterns) == 4
    assert form("浣溪沙", variant=2).patterns[0].name == "第2体"
    assert form("水调歌头").book.name == "cilin"


@pytest.mark.parametrize("rule", ["form", "distinct_rhymes"])
def test_no_rhyme_book_is_none_in_a_chain_too(rule):
    machine = build(f"{rule}=五绝,book=none", registry(), tiny_vocabulary("", "春")).processor
    verse = machine if rule == "form" else machine.verses[0]
    assert not any(line.rhyme for pattern in verse.patterns for line in pattern.lines)


def test_the_same_wish_is_the_same_machine():
    assert form("五绝", first="rhymed") is form("五绝", first="rhymed")
    assert distinct_rhymes("五绝", first="rhymed").verses[0] is form("五绝", first="rhymed")


def test_too_many_rhymes_are_refused_and_leave_out_shorter_tunes():
    with pytest.raises(GenError, match="五绝 rhymes in 1 of the 2 groups"):
        form("五绝", rhyme=("东", "支"))
    all_of_them, some = form("荷叶杯").patterns, form("荷叶杯", rhyme=("第一部", "第二部", "第三部")).patterns
    assert 0 < len(some) < len(all_of_them)


def test_a_size_has_neither_tones_nor_rhymes():
    with pytest.raises(GenError, match="name a form of `gen forms`"):
        form("4x5", tones="strict")


def test_what_a_form_wants_is_told_with_its_place():
    wants = [Form(2, 2).describe_next(place) for place in (0, 2, 4, 6)]
    assert wants == ["a Chinese character at line 1, place 1", "， at line 1, place 3",
                     "a Chinese character at line 2, place 2", "the end"]  # fmt: skip
