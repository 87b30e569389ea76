"""How a next-character model sees a text."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nextchar_models import CLS, MASK, PAD, SEP, SIZE, examples

from gen_engine.errors import GenError
from gen_nextchar.framing import Framing, framing_of

MARKS = {CLS, SEP, MASK, PAD}
texts = st.lists(st.integers(0, SIZE - 1), max_size=30)


def framing(window=8, variable=False):
    return Framing(window, variable, cls=CLS, sep=SEP, mask=MASK, pad=PAD)


def settings(**changed):
    plain = {"window": 8, "variable": False, "encoder": {"max_position_embeddings": 16}}
    return SimpleNamespace(
        **plain | {f"{name}_token_id": i for i, name in enumerate(("pad", "cls", "sep", "mask"))} | changed
    )


@examples(100)
@given(ids=texts, window=st.integers(1, 12))
def test_the_last_characters_stand_between_cls_and_sep(ids, window):
    chars = [token for token in ids if token not in MARKS]
    assert framing(window).frame(ids) == [CLS, *chars[-window:], SEP]


@examples(100)
@given(ids=texts, window=st.integers(1, 12))
def test_a_variable_window_ends_with_the_mask_to_be_guessed(ids, window):
    plain, found = framing(window).frame(ids), framing(window, variable=True).frame(ids)
    assert found == [*plain[:-1], MASK, SEP]


@examples(100)
@given(ids=texts, window=st.integers(1, 12), variable=st.booleans())
def test_framing_what_is_framed_changes_nothing(ids, window, variable):
    once = framing(window, variable).frame(ids)
    assert framing(window, variable).frame(once) == once
    assert len(once) <= framing(window, variable).most


def test_an_empty_text_has_a_frame():
    assert framing().frame([]) == [CLS, SEP]
    assert framing(variable=True).frame([CLS]) == [CLS, MASK, SEP]


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"window": 0}, "from 1"),
        ({"window": 15}, "at most 14"),
        ({"window": 14, "variable": True}, "at most 13"),
        ({"mask_token_id": None}, "mask_token_id"),
    ],
)
def test_a_window_that_cannot_be_is_refused(changed, reason):
    with pytest.raises(GenError, match=reason):
        framing_of(settings(**changed))


def test_a_window_may_fill_all_positions_of_the_encoder():
    assert framing_of(settings(window=14)).most == 16
    assert framing_of(settings(window=13, variable=True)).most == 16
