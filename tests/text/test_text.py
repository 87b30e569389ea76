"""Surfaces, characters and sets of them; sets of tokens."""

import sys
from collections import Counter
from itertools import chain

import numpy as np
import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from tiny import vocabulary

from gen_engine.constraints.bans import ban, only
from gen_engine.errors import GenError
from gen_engine.proving.lifting.lift import Lifted
from gen_engine.text import CharSet, Ranges, Vocabulary, char_test, class_ranges, is_han, is_punctuation, split_utf8
from gen_engine.text.char_sets import CLASSES, codes_beginning
from gen_engine.text.token_sets import Intern, Mask, TokenSet
from gen_engine.types import Prompt

BYTES = vocabulary("", "ab", "春", b"\xe6", b"\x98\xa5", "春", "a", end=0, unused=(5,))


@given(st.text(max_size=4), st.binary(max_size=3))
def test_utf8_is_split_where_the_last_whole_character_ends(text, more):
    found = split_utf8(text.encode() + more)
    if found is not None:
        whole, rest = found
        assert whole.encode() + rest == text.encode() + more
        assert whole.startswith(text)
        assert not rest or rest.decode(errors="ignore") == ""


@pytest.mark.parametrize("data", [b"\xff", b"a\x80", b"\xe6\x41", b"\xc0\x80", b"\xed\xa0"])
def test_what_no_more_bytes_make_utf8_is_not_split(data):
    assert split_utf8(data) is None


def test_a_vocabulary_knows_what_its_tokens_print():
    assert BYTES.texts == ("", "ab", "春", None, None, "春", "a")
    assert BYTES.usable == (1, 2, 3, 4, 6)
    assert BYTES.merged == (1,)
    assert BYTES.partial == (3, 4)
    assert BYTES.silent == ()
    assert BYTES.singles == {"春": (2, 5), "a": (6,)}
    assert BYTES.carriers == {"a": (1, 6), "b": (1,), "春": (2, 5)}


def test_a_text_is_the_concatenation_of_surfaces():
    assert BYTES.text_of([1, 3, 4, 0, 2]) == "ab春春"
    assert BYTES.text_of([1, 3]) == "ab�"


def test_a_vocabulary_needs_a_name_for_each_surface():
    with pytest.raises(GenError, match=r"one name for each surface; give"):
        Vocabulary((b"a", b"b"), ("a",))


def test_classes_of_characters():
    assert [char for char in "〇一龥㐀a，。!1 " if is_han(char)] == ["〇", "一", "龥", "㐀"]
    assert [char for char in "春a，。!~1 《" if is_punctuation(char)] == ["，", "。", "!", "~", "《"]


def test_items_name_classes_or_characters():
    test = char_test(("digit", "ab", "，"), whole_strings=True)
    assert [char for char in "1a，b2" if test(char)] == ["1", "，", "2"]
    test = char_test(("ab",))
    assert [char for char in "1ab" if test(char)] == ["a", "b"]


@given(st.sampled_from([None, "han", frozenset("ab")]), st.booleans(), st.text("ab春"), st.text("ab春"))
def test_a_set_of_characters_is_its_kind_with_exceptions(kind, inverted, minus, plus):
    chars = CharSet(kind, inverted, frozenset(minus), frozenset(plus))
    of_kind = {None: "ab春", "han": "春"}.get(kind, "ab")
    for char in "ab春":
        assert (char in chars) == (char in plus or (((char in of_kind) != inverted) and char not in minus))


def named(kind):
    """All characters of classes, asked one by one."""
    tests = [CLASSES[name] for name in kind.split("|")]
    return {code for code in range(sys.maxunicode + 1) if any(test(chr(code)) for test in tests)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*CLASSES, "digit|punctuation", "han|latin|space", "|".join(CLASSES)])
def test_the_ranges_of_classes_hold_what_their_definitions_say(kind):
    found = class_ranges(kind)
    ranges = map(range, found.starts, found.ends)
    assert set(chain(*ranges)) == named(kind)


@given(st.sampled_from(["punctuation", "han|digit", "space|latin|letter"]), st.characters(codec="utf-8"))
@some.examples(300)
def test_ranges_classes_and_sets_of_them_agree(kind, char):
    expected = any(CLASSES[name](char) for name in kind.split("|"))
    assert (char in class_ranges(kind), char in CharSet(kind)) == (expected, expected)
    assert class_ranges(kind).count(range(ord(char), ord(char) + 1)) == expected


KINDS = [None, "digit", "han|punctuation", frozenset("é春𠀀"), Ranges([0x80, 0x6625], [0x90, 0x6626])]


@given(st.sampled_from(KINDS), st.booleans(), st.text("é春𠀀", max_size=3), st.text("éß🌙", max_size=1),
       st.sampled_from([char.encode()[:n] for char in "éß春𠀀🌙" for n in range(1, len(char.encode()))]))  # fmt: skip
@some.examples(400)
def test_a_set_knows_which_beginnings_of_characters_it_completes(kind, inverted, minus, plus, data):
    chars = CharSet(kind, inverted, frozenset(minus), frozenset(plus))
    expected = any(chr(code) in chars for code in codes_beginning(data))
    assert chars.has_beginning(data) == expected


@pytest.mark.parametrize("items", ["punctuation|digit", "han|punctuation", "letter|space|digit", "latin|，"])
@pytest.mark.parametrize("rule", [ban, only])
def test_classes_are_asked_of_the_characters_of_the_vocabulary_alone(monkeypatch, rule, items):
    asked = Counter()
    for name, test in list(CLASSES.items()):
        monkeypatch.setitem(CLASSES, name, lambda char, test=test: asked.update("!") or test(char))
    lifted = Lifted(rule(tuple(items.split("|"))), vocabulary(*"春1，a ~", end=None))
    found = lifted.allowed(lifted.start(Prompt("", (), ()))).to_array().tolist()
    inside = [
        char in items.split("|") or any(CLASSES[n](char) for n in items.split("|") if n in CLASSES)
        for char in "春1，a ~"
    ]
    assert found == [each is (rule is only) for each in inside]
    assert asked.total() <= 100


@st.composite
def token_sets(draw):
    array = np.array(draw(st.lists(st.booleans(), min_size=6, max_size=6)))
    odd = draw(st.sets(st.integers(0, 5)))
    minus, plus = [token for token in odd if array[token]], [token for token in odd if not array[token]]
    return TokenSet(Mask(array), tuple(minus), tuple(plus))


@given(st.lists(token_sets(), min_size=1, max_size=4))
@some.examples(100)
def test_sets_of_tokens_meet_as_their_arrays_do(sets):
    found = Intern().meet(sets)
    expected = np.logical_and.reduce([each.to_array() for each in sets])
    assert found.to_array().tolist() == expected.tolist()
    assert [token in found for token in range(6)] == expected.tolist()
    assert found.is_empty() == (not expected.any())
    assert found.only() == (expected.argmax() if expected.sum() == 1 else None)


def test_equal_arrays_are_remembered_as_one_mask():
    intern = Intern()
    array = np.array([True, False])
    assert intern.adopt(array).mask is intern.adopt(array.copy()).mask
    assert array.flags.writeable
