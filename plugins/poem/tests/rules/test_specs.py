"""Processors as a user writes them, read back by the engine's own reader."""

from hypothesis import given
from hypothesis import strategies as st

from gen_engine.hooks.specs import parse_spec
from gen_poem.rules.specs import as_spec

TEXTS = st.text(st.sampled_from("春，,|'\"\\=n "), max_size=4)


def test_a_plain_processor_needs_no_quotes():
    assert as_spec("form", "五绝", tones="strict", book=None, rows=4) == "form=五绝,tones=strict,rows=4"


def test_without_pieces_the_value_is_empty():
    assert as_spec("require") == "require="


@given(st.lists(TEXTS, min_size=1, max_size=3), TEXTS)
def test_what_is_written_is_read_back(pieces, option):
    found = parse_spec(as_spec("ban", *pieces, exempt=option))
    assert (found.value, found.options) == (tuple(pieces), {"exempt": (option,)})
