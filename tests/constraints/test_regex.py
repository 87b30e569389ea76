"""`regex`, `choice` and `balanced`: texts held against what `re`, a list of strings and a counter of quotes say."""

import re
import time

import machines
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st
from tiny import chars, engine_of, vocabulary

from gen_engine import ConflictError
from gen_engine.constraints.brackets import balanced
from gen_engine.constraints.finite import choice
from gen_engine.constraints.regex import regex
from gen_engine.errors import GenError

ALPHABET = "ab春1\n"
TEXTS = machines.texts(ALPHABET, 4)
LEAVES = [
    "a",
    "b",
    "春",
    "1",
    ".",
    "[ab]",
    "[^a]",
    "[春-秋1]",
    r"\w",
    r"\W",
    r"\d",
    r"\s",
    r"[^\w\s]",
    "[a-b春]",
    r"\n",
]
REPEATS = ["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "+?", "??", "{,2}", "{0}"]


def joined(inner):
    pair = st.tuples(inner, inner)
    flags = st.sampled_from(["(?:", "(", "(?i:", "(?s:", "(?a:", "(?P<x>", "(?-i:"])
    return (
        pair.map("".join)
        | pair.map(lambda two: f"(?:{two[0]}|{two[1]})")
        | st.tuples(inner, st.sampled_from(REPEATS)).map(lambda two: f"(?:{two[0]}){two[1]}")
        | st.tuples(flags, inner).map(lambda two: f"{two[0]}{two[1]})")
    )


PATTERNS = st.recursive(st.sampled_from(LEAVES), joined, max_leaves=7)


def agreed(pattern):
    """Whether it is a pattern at all, and one that some text matches: (?P<x>) twice is none, say."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return "(?P<x>" not in pattern or pattern.count("(?P<x>") == 1


def built(pattern):
    """The rule, None if no text matches at all."""
    try:
        return regex(pattern)
    except GenError as refused:
        if "matches no text at all" in str(refused):
            return None
        raise


@given(PATTERNS, st.sampled_from(["", "(?i)", "(?s)", "(?a)", "^", "(?m)^"]), st.sampled_from(["", "$", r"\Z"]))
@some.examples(150)
def test_exactly_those_texts_match_that_re_matches_as_a_whole(pattern, before, behind):
    pattern = f"{before}(?:{pattern}){behind}"
    assume(agreed(pattern))
    machine = built(pattern)
    found = [] if machine is None else machines.language(machine, ALPHABET, 4)
    assert found == [text for text in TEXTS if re.fullmatch(pattern, text)]


@pytest.mark.parametrize(
    "pattern", ["(?i)K", "(?i)(?-i:k)|ß", "(?i)[à-ç]", "(?i)[^k]", r"\d", r"(?a)\w", "(?i:ſ)|é", r"\S"]
)
def test_unicode_classes_and_cases_are_those_of_re(pattern):
    machine = regex(pattern)
    for char in map(chr, [*range(0x600), 0x1E9E, 0x212A, 0x3000, 0x4E00, 0xFF11, 0x1F600, 0x10FFFF]):
        assert bool(re.fullmatch(pattern, char)) == (machine.step(0, char) is not None), hex(ord(char))


@given(PATTERNS)
@some.examples(60)
def test_what_a_state_says_of_its_future_is_true(pattern):
    assume(agreed(pattern) and any(re.fullmatch(pattern, text) for text in TEXTS))
    machine = regex(pattern)
    for state in machines.states(machine, ALPHABET, 2):
        assert machine.min_remaining(state) >= (0 if machine.accepts(state) else 1)
        assert machines.distance(machine, state, ALPHABET, 6) in (machine.min_remaining(state), None)
        assert min(machines.extent(machine, state, ALPHABET + "é。", 9), 10) == min(machine.max_remaining(state), 10)
        for char in ALPHABET + "é。":
            assert machines.moved(machine, state, char) == machines.stepped(machine, state, char)
            assert (char in machine.allowed(state)) == bool(machines.stepped(machine, state, char))


@given(PATTERNS)
@some.examples(30)
def test_no_state_is_a_dead_end(pattern):
    assume(agreed(pattern) and any(re.fullmatch(pattern, text) for text in TEXTS))
    machine = regex(pattern)
    assert sorted(machine._distances) == list(range(len(machine.table)))


VOCABULARIES = [
    chars("ab春1"),
    vocabulary("", "a", "b", "ab", "春1", "1a", "aa", "春", end=0, specials=(0,)),
    vocabulary("", "a", "b", "1", "春".encode()[:1], "春".encode()[1:], b"a" + "春".encode()[:1], end=0, specials=(0,)),
    vocabulary("", "ab", "春a", "b1", end=0, specials=(0,)),
]


def printable(vocab, budget):
    """What at most so many tokens print, where that is text."""
    found = {b""}
    for _ in range(budget):
        found |= {data + vocab.surfaces[token] for data in found for token in vocab.usable}
    return {data.decode() for data in found if not data.decode(errors="replace").count("\ufffd")}


@given(PATTERNS, st.sampled_from(VOCABULARIES), st.integers(0, 3))
@some.examples(80)
def test_every_vocabulary_writes_a_match_or_has_none_to_write(pattern, vocab, budget):
    assume(agreed(pattern) and any(re.fullmatch(pattern, text) for text in TEXTS))
    expected = {text for text in printable(vocab, budget) if re.fullmatch(pattern, text)}
    try:
        done = engine_of(vocab).generate("b", processors=[regex(pattern)], max_new=budget, num=5, seed=1)
        assert {each.new for each in done} <= expected
    except ConflictError:
        assert not expected


def test_a_branch_that_no_token_completes_is_never_begun():
    done = engine_of(chars("abc")).generate("", processors=["regex=(ab|cd)"], num=20, seed=1, max_new=9)
    assert {each.new for each in done} == {"ab"}


def test_a_branch_too_long_for_the_budget_is_never_begun():
    done = engine_of(chars("ab")).generate("", processors=["regex='ab|aaaa'"], num=20, seed=1, max_new=3)
    assert {each.new for each in done} == {"ab"}


@pytest.mark.parametrize(
    "pattern, message",
    [
        ("a(?=b)", "has a look-around, which"),
        ("(?<!a)b", "has a look-around, which"),
        (r"(a)\1", "has a back-reference, which"),
        (r"(a)?(?(1)b|a)", "has a conditional group, which"),
        (r"\bab", "has a word boundary, which"),
        ("a^b", "has an anchor within the text, which"),
        ("(?:a$)+b", "has an anchor within the text, which"),
        ("(?>a)", "has an atomic group, which"),
        ("a*+", "has a possessive repeat, which"),
        ("", "regex needs a pattern to match"),
        ("(a", r"is no regular expression of Python \(missing \), "),
        ("a{99999999999}", "is no regular expression of Python"),
        (r"[^\s\S]", "matches no text at all; change it"),
    ],
)
def test_a_pattern_beyond_automata_is_refused_in_one_sentence(pattern, message):
    with pytest.raises(GenError, match=message):
        regex(pattern)


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){40}", "a{1000000}", "(){1000000}", "((a?){50}){50}"])
def test_a_pattern_that_explodes_is_refused_before_it_does(pattern):
    started = time.process_time()
    with pytest.raises(GenError, match=r"too large to build .*length=A\.\.B"):
        regex(pattern)
    assert time.process_time() - started < 5


def test_a_pattern_of_too_many_characters_is_sent_to_choice():
    with pytest.raises(GenError, match="names 700 different characters and sets.*choice=A|B"):
        regex("|".join(chr(0x4E00 + i) + "a" for i in range(699)))


def test_long_counted_repeats_are_fine():
    assert regex(".{1000}").min_remaining(0) == 1000


def test_a_regex_tells_what_it_wants_and_where():
    machine = regex("春[ab]*。|春")
    assert machine.describe_next(0) == "春 at place 1 of the new text"
    assert machine.describe_next(1) == "a-b or 。 at place 2 of the new text or the end"
    assert machine.describe_next(machine.step(machine.step(1, "a"), "b")) == "a-b or 。"
    assert regex(".").describe_next(0) == "any character but U+000A at place 1 of the new text"


# ------------------------------------------------------------------------------------------------------- choice


STRINGS = st.lists(st.text("ab春", max_size=4), min_size=1, max_size=6).filter(any)


@given(STRINGS)
@some.examples(80)
def test_a_choice_is_exactly_one_of_its_strings(strings):
    machine = choice(tuple(strings))
    assert machines.language(machine, "ab春", 4) == sorted(
        set(strings), key=lambda s: (len(s), ["ab春".index(c) for c in s])
    )
    for state in machines.states(machine, "ab春", 4):
        assert machines.distance(machine, state, "ab春", 4) == machine.min_remaining(state)
        assert machines.extent(machine, state, "ab春", 4) == machine.max_remaining(state)
        for char in "ab春é":
            assert machines.moved(machine, state, char) == machines.stepped(machine, state, char)


def test_equal_endings_of_a_choice_are_one_state():
    machine = choice(tuple(a + b + "风雨" for a in "春夏秋冬" for b in "江海"))
    assert len(machine.table) == 5
    assert [len(machine.transitions(state)) for state in range(5)] == [1, 1, 1, 1, 0]


@pytest.mark.parametrize("vocab", VOCABULARIES, ids=["chars", "merged", "bytes", "merged only"])
def test_a_choice_is_written_in_every_vocabulary(vocab):
    done = engine_of(vocab).generate("a", processors=["choice=ab|abab|春a春a|x"], num=40, seed=2, max_new=6)
    assert {each.new for each in done} == {"ab", "abab", "春a春a"}


def test_a_choice_of_nothing_is_refused():
    with pytest.raises(GenError, match="choice needs strings"):
        choice(("",))


# ----------------------------------------------------------------------------------------------------- balanced


def closes(text, *pairs):
    """Whether what is opened is closed, by taking away what is balanced already."""
    before = None
    while before != text:
        before = text
        for opened, closed in pairs:
            text = re.sub(f"{opened}[^{''.join(pairs)}]*{closed}", "", text)
    return not set(text) & set("".join(pairs))


@pytest.mark.parametrize("prompt", ["", "a《", "“《a", "《》a"])
def test_what_is_opened_is_closed_in_order(prompt):
    machine = balanced(("《》", "“”"), depth=9)
    found = set(machines.language(machine, "a《》“”", 5, prompt))
    assert found == {new for new in machines.texts("a《》“”", 5) if closes(prompt + new, "《》", "“”")}


def test_a_straight_quote_closes_itself():
    found = machines.language(balanced(('"', "（）")), '"（）', 4)
    assert found == ["", '""', "（）", '""""', '""（）', '"（）"', '（""）', "（（））", '（）""', "（）（）"]


def test_no_more_is_opened_than_the_depth_allows():
    found = set(machines.language(balanced(("《》", "“”"), depth=1), "《》“”", 4))
    assert {"《》", "《》“”", "《》《》"} <= found
    assert not {"《“”》", "《《》》"} & found
    assert machines.language(balanced(("《》",), depth=1), "《》", 3, "《《《") == ["》》》"]


@pytest.mark.parametrize("pairs", [("《》", "“”"), ('"', "（）", "'")])
@pytest.mark.parametrize("depth", [1, 2])
def test_what_quotes_say_of_their_future_is_true(pairs, depth):
    machine, alphabet = balanced(pairs, depth=depth), "a" + "".join(pairs)
    for state in machines.states(machine, alphabet, 3, "x" + pairs[0][0]):
        assert machines.distance(machine, state, alphabet, 4) == machine.min_remaining(state)
        for char in alphabet + "é":
            assert machines.moved(machine, state, char) == machines.stepped(machine, state, char)
            assert (char in machine.allowed(state)) == bool(machines.stepped(machine, state, char))


@pytest.mark.parametrize(
    "prompt, message",
    [("a》", "has 》 at place 2, which nothing opened"), ("《“》", "has 》 at place 3, where ” is still missing")],
)
def test_a_prompt_that_closes_what_is_not_open_is_refused(prompt, message):
    with pytest.raises(GenError, match=message):
        balanced().start(prompt)


@pytest.mark.parametrize("spec", ["balanced=abc", "balanced=《》|》x", "balanced=", "balanced=《》,depth=0"])
def test_pairs_that_make_no_sense_are_refused(spec):
    with pytest.raises(GenError, match="balanced.*; |balanced.* give "):
        engine_of(chars("a")).chain([spec])


def test_a_quote_opened_by_the_prompt_closes_within_the_budget():
    engine = engine_of(chars("a《》“”"))
    done = engine.generate("“《a", processors=["balanced"], num=40, seed=1, max_new=6)
    assert {closes(each.text, "《》", "“”") for each in done} == {True}
    with pytest.raises(ConflictError, match="balanced"):
        engine.generate("“《a", processors=["balanced"], max_new=1)


def test_quotes_say_what_is_missing():
    assert balanced().describe_next("”》") == "》 before the end, then ”"
    assert balanced().describe_next("") == "no closing quote or bracket, since none is open"
