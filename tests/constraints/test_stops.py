"""Stop strings, banned strings and choices by the thousand: what they say is what the definition says."""

import pytest
import strategies as some
from hypothesis import example, given
from hypothesis import strategies as st
from tiny import chars, engine_of, vocabulary

from gen_engine.constraints.bans import ban
from gen_engine.constraints.finite import choice
from gen_engine.constraints.stops import stop
from gen_engine.constraints.strings import BannedStrings, ManyStrings
from gen_engine.testing import check_constraint
from gen_engine.text import EVERY_CHAR

SURFACES = ("", "a", "b", "c", "ab", "ba", "cab", "abcab", "春", b"\xe6", b"\x98\xa5")
STRINGS = st.lists(st.text("abc春", min_size=1, max_size=5), min_size=1, max_size=4)


def cut_by_definition(strings, surfaces):
    """How many of these tokens a stop string cuts, None if one is complete that began within a token."""
    whole, ends = b"".join(surfaces), [0]
    for surface in surfaces:
        ends.append(ends[-1] + len(surface))
    found = {whole.find(s.encode(), start) for s in strings for start in range(len(whole))} - {-1}
    begun = [ends[:-1][::-1].index(start) + 1 for start in found if start in ends[:-1]]
    if any(start not in ends and start < ends[-2] for start in found) or (found and not begun):
        return None
    return max(begun, default=0)


@given(STRINGS, st.lists(st.sampled_from(range(1, len(SURFACES))), max_size=6))
@some.examples(300)
def test_a_stop_string_cuts_where_the_text_first_has_one(strings, tokens):
    rule = stop(vocabulary(*SURFACES), tuple(strings))
    surfaces = rule.vocabulary.surfaces
    state = rule.start(None)
    for count, token in enumerate(tokens, 1):
        expected = cut_by_definition(strings, [surfaces[each] for each in tokens[:count]])
        assert rule.permits(state, token) == (expected is not None) == (token in rule.allowed(state))
        assert (token in rule.enders(state)) == bool(expected)
        if expected is None or expected:
            return
        state = rule.next(state, token)
        assert rule.cut(state) == 0


@given(st.lists(st.text("ab春", min_size=1, max_size=4), min_size=1, max_size=3), st.text("ab春", max_size=9))
@example(["aabb", "ab"], "aab")
@some.examples(500)
def test_a_banned_string_is_refused_at_its_last_character(strings, text):
    rule, state = ban(tuple(strings)), 0
    for place, char in enumerate(text):
        is_banned = text[: place + 1].endswith(tuple(strings))
        after = rule.step(state, char)
        assert (after is None) == is_banned == (char not in rule.allowed(state))
        if after is None:
            return
        assert [to for members, to in rule.transitions(state) if char in members] == [after]
        state = after


@given(st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=8), st.text("abcx", max_size=5))
@some.examples(200)
def test_a_choice_accepts_its_strings_alone(strings, text):
    rule, state = choice(tuple(strings)), 0
    for char in text:
        after = rule.step(state, char)
        assert (after is None) == (char not in rule.allowed(state))
        if after is None:
            assert not any(each.startswith(text) for each in strings)
            return
        state = after
    assert rule.accepts(state) == (text in strings)


def thousand(letters, length=3):
    """A thousand different strings of these letters."""
    size = len(letters)
    return ["".join(letters[(i // size**k + k) % size] for k in range(length)) for i in range(1000)]


@pytest.mark.parametrize("name", ["stop", "ban", "choice"])
def test_a_thousand_strings_cost_steps_in_proportion(monkeypatch, name):
    from gen_engine.constraints import stops
    from gen_engine.constraints import strings as rules

    asked = [0]
    follow, longest = stops.Trie.follow, rules._longest_end
    monkeypatch.setattr(stops.Trie, "follow", lambda *args: asked.append(1) or follow(*args))
    monkeypatch.setattr(rules, "_longest_end", lambda *args: asked.append(1) or longest(*args))
    letters = [chr(0x4E00 + i) for i in range(40)]
    spec = f"{name}={'|'.join(thousand(letters))}"
    assert engine_of(chars("".join(letters))).generate("", processors=[spec], max_new=8, seed=1)
    assert len(asked) < 20_000


def test_one_very_long_string_costs_memory_in_proportion():
    rule = stop(chars("ab"), ("ab" * 20_000,))
    state = rule.next(rule.start(None), 1)
    assert (rule.held(state), sorted(rule.kinds())) == (1, [-2, 1, 2])
    assert ban(("ab" * 20_000,)).step(0, "a") == 1


@given(st.lists(st.text("abc", min_size=2, max_size=4), min_size=1, max_size=8), st.text("abcd", max_size=12))
def test_many_banned_strings_are_banned_as_few_are(strings, text):
    few = BannedStrings(EVERY_CHAR, tuple(strings))
    many = ManyStrings(few)
    state = few.start("")
    for char in text:
        completing = {c for c in "abcd" if few.step(state, c) is None}
        assert many.mentions(state) == completing == {c for c in "abcd" if c not in many.allowed(state)}
        assert len(completing) <= many.removes_at_most(99)
        assert not any(many.never_forbids(c) for c in completing)
        if char in completing:
            return
        state = many.step(state, char)


def test_many_banned_strings_keep_every_law():
    check_constraint(ManyStrings(BannedStrings(EVERY_CHAR, ("春夏", "夏秋", "秋秋", "春春冬"))), alphabet="春夏秋冬")


def test_thousands_of_banned_strings_are_counted():
    strings = [chr(0x4E00 + i) + chr(0x4E00 + (i * 7) % 3000) for i in range(3000)]
    assert isinstance(ban(tuple(strings)), ManyStrings)
    assert isinstance(ban(tuple(strings[:50])), BannedStrings)
    assert ban(tuple(strings)).removes_at_most(100) < 10
