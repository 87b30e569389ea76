"""What is told of the tokens that may follow, held against trying all texts behind them."""

import pytest
import strategies as some
from custom_rules import Estranged, OnlyTheLast
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from joint_states import chain_of, prompt_of, states
from tiny import TinyTokenizer, chars

from gen_engine.chain import Plan, make_chain
from gen_engine.decoding.viable import ATTEMPTS, DOUBTS, NEAR, SWEEP, TRIES, Choice, Seen, Viable, is_dead
from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.proving.prover import Finding
from gen_engine.types import Named

COUNT = 400
LAST = COUNT
WIDE = chars("".join(map(chr, range(0x4E00, 0x4E00 + COUNT))))


def lives(product, joint, left):
    """Whether a text of at most `left` tokens follows, by trying all."""
    if product.accepts(joint):
        return True
    permitted = (t for t in product.vocabulary.usable if left > 0 and product.permits(joint, t))
    return any(lives(product, product.next(joint, token), left - 1) for token in permitted)


@st.composite
def places(draw):
    """A plan, a joint state, tokens left, and those that may follow with what is true of each."""
    case = draw(some.cases())
    assume(case.budget)
    try:
        plan = chain_of(case).plan(prompt_of(case), case.budget)
    except GenError:
        reject()
    joint = draw(st.sampled_from(list(states(case, plan.product).values())[:30]))
    left = draw(st.integers(1, case.budget))
    tokens = plan.tokens(joint, left).members()
    return (
        plan,
        joint,
        left,
        {token: lives(plan.product, plan.product.next(joint, token), left - 1) for token in tokens},
    )


@given(places())
@some.examples(30)
def test_a_token_is_live_if_trying_all_finds_a_text(place):
    plan, joint, left, truth = place
    for token, is_alive in truth.items():
        seen = Viable(plan).look(joint, left, token)
        assert (seen.answer == "yes") == is_alive
        assert seen.joint == plan.product.next(joint, token)
        after = plan.product.walk(seen.joint, seen.rest)[-1]
        assert not is_alive or lives(plan.product, after, left - 1 - len(seen.rest))


@given(places())
@some.examples(30)
def test_near_the_end_all_that_is_dead_is_seen(place):
    plan, joint, left, truth = place
    dead = {token for token, is_alive in truth.items() if not is_alive}
    tells, viable = [*truth], Viable(plan)
    assert viable.dead(joint, left, tells) == (dead, 0)
    assert viable.seen_dead(joint, left, tells) <= dead
    if left - 1 <= NEAR:
        assert viable.seen_dead(joint, left, tells) == viable.seen_dead(joint, left, tells) == dead


@given(places(), st.integers(5, 9))
@some.examples(30)
def test_far_from_the_end_quick_answers_are_right(place, left):
    plan, joint, _, _ = place
    tokens = plan.tokens(joint, left).members()
    after = {token: plan.product.next(joint, token) for token in tokens}
    at_once = {token for token in tokens if plan.prover.at_once(after[token], left - 1) == "no"}
    assert Viable(plan).seen_dead(joint, left, tokens) == at_once


@given(places(), st.data())
@some.examples(30)
def test_the_first_proposal_that_lives_is_chosen_without_doubt(place, data):
    plan, joint, left, truth = place
    order = data.draw(st.permutations([*truth]))
    found = next((number for number, token in enumerate(order) if truth[token]), len(order))
    assume(found < SWEEP)
    choice = Viable(plan).first(joint, left, lambda struck, attempt: [*order, plan.end][len(struck)])
    assert (choice.token, choice.struck) == ([*order, plan.end][found], tuple(order[:found]))
    assert (choice.joint is None, choice.exact, choice.doubts) == (found == len(order), True, 0)


@given(places())
@some.examples(30)
def test_the_witness_is_trusted_to_go_on_and_to_end(place):
    plan, joint, left, truth = place
    assume(any(truth.values()) or plan.product.accepts(joint))
    choice = Viable(plan).trusted(joint, left, struck=(7,), doubts=3)
    assert (choice.struck, choice.exact, choice.doubts) == ((7,), False, 3)
    if plan.product.accepts(joint):
        assert (choice.token, choice.joint) == (plan.end, None)
    else:
        assert truth[choice.token]
        assert choice.joint == plan.product.next(joint, choice.token)


def one_lives(size=COUNT, budget=1):
    """A plan under which of so many tokens only the last has a text behind it, which nobody foresees."""
    return plan_of([OnlyTheLast(size + 1)], WIDE.texts[1 : size + 1], budget)


class Proposals:
    """The tokens in order, the end aside; what was struck and tried before each is noted."""

    def __init__(self):
        self.attempts, self.struck = [], ()

    def __call__(self, struck, attempt):
        self.attempts.append(attempt)
        self.struck = struck
        return min(set(range(1, COUNT + 1)).difference(struck))


def test_after_some_strikes_every_seen_dead_token_is_struck():
    plan, propose = one_lives(), Proposals()
    choice = Viable(plan).first(plan.start, 1, propose, among=range(COUNT + 1).__iter__)
    assert (choice.token, choice.exact, choice.doubts) == (LAST, True, 0)
    assert propose.attempts == [*range(SWEEP + 1)]
    assert sorted(set(choice.struck)) == [*range(1, LAST)]


def test_with_doubts_the_witness_decides_without_a_sweep():
    plan, propose = one_lives(), Proposals()
    choice = Viable(plan).first(plan.start, 1, propose, among=lambda: pytest.fail("asked"), doubts=1)
    assert (choice.token, choice.exact, choice.doubts) == (LAST, False, 1)
    assert choice.struck == tuple(range(1, ATTEMPTS + 1))


def test_what_was_struck_before_counts():
    plan, propose = one_lives(), Proposals()
    Viable(plan).first(plan.start, 1, propose, among=lambda: pytest.fail("asked"), struck=tuple(range(1, SWEEP + 1)))
    assert propose.attempts == [*range(SWEEP, ATTEMPTS)]


def test_the_rest_behind_its_first_token_is_kept():
    plan = one_lives(5, 4)
    rest = (5, 1, 2, 3)
    assert Viable(plan).look(plan.start, 4, 5, rest).rest == rest[1:]
    after = plan.product.next(plan.start, 5)
    assert Viable(plan).trusted(plan.start, 4, rest) == Choice(5, after, rest[1:], (), exact=False, doubts=0)
    assert Viable(plan).dead(plan.start, 4, [1, 2, 5], rest) == ({1, 2}, 0)


@pytest.mark.parametrize("tries, is_seen", [(0, False), (COUNT - 1, False), (COUNT, True)])
def test_rests_are_tried_as_long_as_there_are_tries(tries, is_seen):
    plan = one_lives()
    assert is_dead(plan.prover, plan.product.next(plan.start, 1), 1, iter(range(tries))) == is_seen


class Hidden(OnlyTheLast):
    """The same, kept from the automaton: it might mention tokens."""

    def kinds(self):
        return range(self.size)

    def mentions(self, state):
        return ()


def plan_of(rules, text, budget):
    """A plan of these rules over the characters of a text."""
    vocab = chars(text)
    named = [Named("own", rule) if not isinstance(rule, str) else build(rule, registry(), vocab) for rule in rules]
    return make_chain(vocab, named).plan(TinyTokenizer(vocab).encode(""), budget)


@pytest.mark.parametrize("left, seen", [(NEAR, {1, 2, 3, 4}), (NEAR + 1, {1, 2, 3, 4}), (NEAR + 2, set())])
def test_what_no_rule_foresees_is_seen_near_the_end_alone(left, seen):
    plan = plan_of([Hidden(6)], "abcde", 9)
    assert Viable(plan).seen_dead(plan.start, left, [1, 2, 3, 4, 5]) == seen
    assert is_dead(plan.prover, plan.product.next(plan.start, 1), left - 1, iter(range(TRIES))) == bool(seen)


@pytest.mark.parametrize("rules", [(), (Hidden(4),)])
def test_what_needs_all_tokens_that_are_left_is_not_dead(rules):
    plan = plan_of([*rules, "length=4"], "abc", 4)
    assert Viable(plan).seen_dead(plan.start, 4, [3]) == set()
    assert Viable(plan).seen_dead(plan.start, 3, [3]) == {3}


@pytest.mark.parametrize("left", [3, 6, 9, 12])
def test_transitions_that_are_too_long_are_seen_to_be_dead(left):
    letters = "abcdefghijkl"
    ways = "|".join(f"{letter}.{{{more}}}" for more, letter in enumerate(letters))
    plan = plan_of([f"regex={ways}"], letters, 12)
    assert Viable(plan).seen_dead(plan.start, left, range(1, 13)) == set(range(left + 1, 13))


def test_tokens_that_a_rule_mentions_are_tried_alone():
    plan = plan_of([Estranged()], "abc", 3)
    [*_, joint], viable = plan.product.walk(plan.start, (1, 2)), Viable(plan)
    assert viable.dead(joint, 1, [1, 2, 3]) == viable.dead(joint, 1, [2, 1, 3]) == ({1}, 0)
    assert viable.seen_dead(joint, 1, [1, 2, 3]) == viable.seen_dead(joint, 1, [3, 2, 1]) == {1}


def test_what_is_not_found_out_is_a_doubt(monkeypatch):
    plan = plan_of([Estranged()], "abcdefgh", 2)
    monkeypatch.setattr(Plan, "find", lambda *_: Finding("undecided"))
    assert Viable(plan).dead(plan.start, 2, [1, 2, 3], (2, 3)) == ({1, 3}, 2)
    choice = Viable(plan).first(plan.start, 2, lambda struck, attempt: attempt + 1)
    assert (choice.struck, choice.exact, choice.doubts) == ((1, 2, 3, 4)[:DOUBTS], False, DOUBTS)


@pytest.mark.parametrize("more", [(), ("no_repeat_ngram=2,within=6",)])
def test_what_used_characters_tell_is_not_searched_for(monkeypatch, more):
    plan = plan_of(["length=5", "no_repeat=5", *more], WIDE.texts[1:61], 5)
    [history] = plan.prover.histories.begin(plan.prompt)
    assert Viable(plan).look(plan.start, 4, 1, history=history).answer == "no"
    monkeypatch.setattr(Plan, "find", lambda *_: pytest.fail("searched"))
    assert Viable(plan).look(plan.start, 5, 1, history=history) == Seen("yes", plan.product.next(plan.start, 1))


def test_a_choice_is_exact_and_without_doubts_by_default():
    assert Choice(1, None) == Choice(1, None, (), (), exact=True, doubts=0)
