"""Many texts at once are told what each is told that is asked about by itself."""

import numpy as np
import pytest
from custom_rules import TokensOnce
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from tiny import TinyTokenizer, chars, engine_of, vocabulary

from gen_engine.chain import make_chain
from gen_engine.decoding.generation import Generation
from gen_engine.decoding.viable import Choice, Viable
from gen_engine.errors import ConflictError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.text import CharSet
from gen_engine.types import Named

ALPHABET = "春夏秋冬，。"
VOCABULARIES = {
    "characters": chars(ALPHABET),
    "twins": vocabulary("", *ALPHABET, "春", "夏", end=0, specials=(0,)),
    "merged": vocabulary("", *ALPHABET, "春夏", "，冬", end=0, specials=(0,)),
    "bytes": vocabulary("", *ALPHABET, b"\xe6", b"\x98", b"\xa5", end=0, specials=(0,)),
    "endless": vocabulary("", *ALPHABET, specials=(0,)),
}
RULES = st.lists(
    st.sampled_from(["no_repeat=2", "no_repeat=9,exempt=punctuation", "no_repeat_ngram=2", "no_repeat_ngram=2,within=4",
                     "only=han|，", "require=夏|冬", "stop=秋冬", "ban=春夏", "length=..8", "length=4",
                     "regex=[^，]*，.*",                     "force=2:，|3:冬"]),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip
PATHS = st.lists(st.integers(0, 50), min_size=1, max_size=8)


class Counting:
    """A rule of four functions over tokens, as authors write them: it lets no more than two tokens 1 stand."""

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return np.array([token != 1 or state < 2 for token in range(len(VOCABULARIES["characters"]))])

    def next(self, state, token):
        return state + (token == 1)

    def accepts(self, state):
        return state != 1


class Seasons:
    """A machine that lets summer, autumn and winter follow, and spring by name; its state is the whole text."""

    def start(self, text):
        return text

    def step(self, state, char):
        return state + char if char in "春夏秋冬" else None

    def accepts(self, state):
        return True

    def allowed(self, state):
        return CharSet(frozenset("夏秋冬"), plus=frozenset("春"))


class Long(Seasons):
    """A machine over letters: the first says how many more must follow."""

    def start(self, text):
        return None

    def step(self, state, char):
        return LETTERS.index(char) if state is None else state - 1 if state else None

    def accepts(self, state):
        return state == 0

    def allowed(self, state):
        return CharSet(frozenset(LETTERS) if state != 0 else frozenset())


class Followed(Long):
    """A machine over letters: each is followed by the next one, and that is the end."""

    def step(self, state, char):
        return LETTERS.index(char) + 1 if state is None else 0 if char == LETTERS[state % len(LETTERS)] else None

    def allowed(self, state):
        return CharSet(frozenset(LETTERS if state is None else LETTERS[state % len(LETTERS)] if state else ""))


class Without:
    """A machine that forbids one letter, which it singles out in its states."""

    def start(self, text):
        return ""

    def step(self, state, char):
        return None if char == "m" else char

    def accepts(self, state):
        return True

    def allowed(self, state):
        return CharSet(minus=frozenset("m"))

    def kind(self, char):
        return None

    def mentions(self, state):
        return frozenset("m")

    only_forbids_repeats_of = mentions


LETTERS = "abcdefghijklm"


def generation_of(vocab, specs, prompt, budget=8):
    named = [Named("own", spec) if not isinstance(spec, str) else build(spec, registry(), vocab) for spec in specs]
    try:
        plan = make_chain(vocab, named).plan(TinyTokenizer(vocab).encode(prompt), budget)
    except ConflictError:
        reject()
    return Generation(plan, 0, range(3), engine_of(vocab).model, print, False)


@st.composite
def generations(draw):
    vocab = VOCABULARIES[draw(st.sampled_from(list(VOCABULARIES)))]
    return generation_of(vocab, draw(RULES), draw(st.text(ALPHABET, max_size=4)))


def sight(generation, joint, left):
    """What may follow a joint state, the end included; None where the text is finished."""
    plan = generation.plan
    if plan.product.cut(joint) or left <= 0:
        return None
    allowed, accepts = plan.tokens(joint, left), plan.product.accepts(joint)
    return None if accepts and allowed.is_empty() else (plan.with_end(allowed) if accepts else allowed).members()


def write(generation, text, number):
    """Write one of the tokens that have a rest, as a decoder does; what was seen of it, None if there is none."""
    alive = [token for token in text.allowed.members() if token != generation.plan.end]
    if not alive:
        return None
    joint, left, token = text.joint, generation.left(text), alive[number % len(alive)]
    seen = Viable(generation.plan).look(joint, left, token, text.rest)
    if seen.answer != "yes":
        return None
    if not generation.go_on(text, token, lambda _: 0.0):
        generation.write(text, Choice(token, seen.joint, seen.rest))
    return seen


def is_told_as_by_itself(generation, text):
    """Whether a text is told what its joint state is told."""
    (why, only), expected = generation.look(text), sight(generation, text.joint, generation.left(text))
    if why is not None:
        return expected is None
    return text.allowed.members() == expected and (only is None or [only] == expected)


@given(generations(), PATHS)
@settings(max_examples=300)
def test_a_text_is_told_what_its_state_is_told(generation, path):
    text = generation.texts()[1]
    for number in path:
        assert is_told_as_by_itself(generation, text)
        found = None if generation.look(text)[0] is not None else write(generation, text, number)
        if found is None:
            break
        assert (text.joint, text.rest) == (found.joint, found.rest)


@given(generations(), PATHS, st.data())
def test_what_is_seen_at_once_is_so(generation, path, data):
    text = generation.texts()[0]
    for number in path:
        if generation.look(text)[0] is not None or write(generation, text, number) is None:
            break
    assume(generation.look(text)[0] is None)
    for token in text.allowed.members():
        other, seen = text.fork(), Viable(generation.plan).look(text.joint, generation.left(text), token, text.rest)
        if token != generation.plan.end and generation.go_on(other, token, lambda _: 0.0):
            assert (seen.answer, other.joint, other.rest) == ("yes", seen.joint, seen.rest)


@given(generations(), PATHS)
def test_a_text_without_alternative_is_written_as_by_itself(generation, path):
    text = generation.texts()[0]
    for number in path:
        why, only = generation.look(text)
        if why is not None:
            break
        if only is not None:
            expected = generation.plan.product.next(text.joint, only)
            generation.force(text, only)
            assert text.joint == expected
        elif write(generation, text, number) is None:
            break


@pytest.mark.parametrize("specs", [["no_repeat_ngram=3"], ["stop=秋冬"]])
@pytest.mark.parametrize("rest, left", [((1, 2), (2,)), ((2, 1), ()), ((), ())])
def test_a_rest_is_kept_behind_a_forced_token(specs, rest, left):
    generation = generation_of(VOCABULARIES["characters"], specs, "")
    text = generation.texts()[0]
    generation.look(text)
    text.rest = rest
    generation.force(text, 1)
    assert (text.rest, text.joint) == (left, generation.plan.product.next(generation.plan.start, 1))


def test_a_new_text_has_nothing_written():
    texts = generation_of(VOCABULARIES["characters"], ["no_repeat=2"], "春").texts()
    assert [text.sample for text in texts] == [0, 1, 2]
    assert [(text.tokens, text.unread, text.forced, text.branch, text.exact) for text in texts] == [
        ([], 0, 0, 0, True)
    ] * 3


@given(generations(), PATHS, PATHS)
def test_a_branch_of_a_text_goes_on_by_itself(generation, path, other_path):
    text = generation.texts()[0]
    generation.look(text)
    other = text.fork()
    for each, numbers in ((text, path), (other, other_path)):
        for number in numbers:
            if generation.look(each)[0] is not None or write(generation, each, number) is None:
                break
    walked = [generation.plan.product.walk(generation.plan.start, each.tokens)[-1] for each in (text, other)]
    assert [text.joint, other.joint] == walked
    assert (other.sample, text.fork(7).sample) == (text.sample, 7)


@pytest.mark.parametrize("specs", [("no_repeat=9",), ("no_repeat=9", "length=4"), ("no_repeat_ngram=2",)])
def test_rules_of_history_are_not_asked_row_by_row(specs):
    generation = generation_of(VOCABULARIES["characters"], specs, "")
    text = generation.texts()[0]
    generation.look(text)
    assert generation.go_on(text, 3, lambda _: 0.0)
    assert (text.asked, text.unstepped) == ((), [3])


def test_a_rule_of_four_functions_is_asked_row_by_row():
    generation = generation_of(VOCABULARIES["characters"], [Counting()], "", 6)
    text = generation.texts()[0]
    for _ in range(2):
        assert generation.look(text)[0] is None
        write(generation, text, 0)
    assert generation.look(text) == (None, None)
    assert 1 not in text.allowed.members()
    assert text.tokens == [1, 1]


def test_a_rule_of_many_states_is_asked_row_by_row():
    generation = generation_of(chars("".join(map(chr, range(0x4E00, 0x4E00 + 100)))), [TokensOnce(101)], "", 3)
    text = generation.texts()[0]
    assert generation.look(text) == (None, None)
    write(generation, text, 0)
    assert (text.tokens, text.asked) == ([1], (frozenset({1}),))
    generation.look(text)
    assert text.allowed.members() == [0, *range(2, 101)]


@pytest.mark.parametrize("name", ["characters", "twins"])
@pytest.mark.parametrize("prompt, left", [("春夏", "秋冬"), ("夏", "春秋冬")])
def test_what_a_class_adds_does_not_overrule_what_was_used(name, prompt, left):
    generation = generation_of(VOCABULARIES[name], [Seasons(), "no_repeat=9"], prompt)
    text = generation.texts()[0]
    generation.look(text)
    assert {generation.plan.chain.vocabulary.texts[token] for token in text.allowed.members()} == {"", *left}


def sure(generation, *, searched=False):
    """The tokens of which it is seen at once that they may come first."""
    found, plan, begun = [], generation.plan, generation.texts()[0]
    generation.look(begun)
    for token in begun.allowed.members():
        if searched:
            plan.prover.automaton.robust(plan.product.next(begun.joint, token).node, 20)
        found += [token] if generation.go_on(begun.fork(), token, lambda _: 0.0) else []
    return found


@pytest.mark.parametrize("searched", [False, True])
@pytest.mark.parametrize("budget", [3, 5, 8])
@pytest.mark.parametrize("rule", [(), ("no_repeat_ngram=2",), ("no_repeat=13", "no_repeat_ngram=2,within=9")])
def test_ways_that_are_too_long_are_not_sure(budget, rule, searched):
    generation = generation_of(chars(LETTERS), [Long(), *rule], "", budget)
    assert max(sure(generation, searched=searched), default=0) <= budget


def test_what_lacks_characters_is_not_sure():
    found = sure(generation_of(chars(LETTERS), [Long(), "no_repeat=13"], "ab", 20))
    assert 3 in found
    assert max(found) <= 11  # of 13 letters two are used, and one comes first


def test_what_another_rule_forbids_later_is_not_sure():
    found = sure(generation_of(chars(LETTERS), [Followed(), Without(), "no_repeat=13"], "", 2))
    assert LETTERS.index("k") + 1 in found
    assert LETTERS.index("l") + 1 not in found


WIDE = "".join(map(chr, range(0x4E00, 0x4E00 + 60)))


@given(st.lists(st.integers(0, 200), max_size=20), st.sampled_from([(), ("no_repeat_ngram=2,within=6",)]))
def test_of_wide_places_what_is_seen_at_once_is_so(path, more):
    generation = generation_of(
        chars(WIDE), [f"force=22:{WIDE[0]}|23:{WIDE[1]}", "length=24", "no_repeat=24", *more], "", 24
    )
    text = generation.texts()[0]
    for number in path:
        assert is_told_as_by_itself(generation, text)
        if (found := write(generation, text, number)) is None:
            break
        assert (text.joint, text.rest) == (found.joint, found.rest)


def test_the_array_of_texts_does_not_grow_with_the_budget():
    generation = generation_of(VOCABULARIES["characters"], ["no_repeat=2"], "", 10**9)
    assert generation.texts()[0].history.home.size < 10_000


def test_where_all_places_are_wanted_nothing_else_may_follow():
    wanted = WIDE[:4]  # fewer are known to the automaton
    generation = generation_of(chars(WIDE), ["require=" + "|".join(wanted)], "", len(wanted))
    text = generation.texts()[0]
    generation.look(text)
    assert {generation.plan.chain.vocabulary.texts[token] for token in text.allowed.members()} == {*wanted}
