"""The ending at the end of a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_novel.command import rules
from gen_novel.ending import sentence_end


def run(machine, text):
    state = machine.start("before。")
    for char in text:
        state = machine.step(state, char)
        if state is None:
            return None
    return state


@given(st.integers(0, 6), st.text("春月。！，", max_size=12))
def test_a_text_ends_exactly_with_its_first_late_sentence_end(after, text):
    late = [i for i, char in enumerate(text) if char in "。！？…" and i >= after]
    machine = sentence_end(after)
    state = run(machine, text)
    assert (state is not None and machine.accepts(state)) is (late[:1] == [len(text) - 1] and bool(late))


def test_nothing_follows_the_end():
    machine = sentence_end(0)
    assert run(machine, "。") is not None
    assert run(machine, "。春") is None


def test_a_negative_length_is_refused():
    with pytest.raises(GenError, match="from 0"):
        sentence_end(-1)


def test_the_rules_of_a_novel_are_those_of_its_options():
    ends = ("no_unk", "no_special")
    assert rules(300, False, None, False) == (
        *ends,
        "no_repeat_ngram=6,within=300,exempt=punctuation|space",
        "length=300",
    )
    assert rules(300, False, 30, False) == (*ends, "no_repeat=30,exempt=punctuation", "length=300")
    assert rules(9, True, 0, False) == (*ends, "sentence_end=9")
    assert "的" in rules(9, True, 5, True)[2]
