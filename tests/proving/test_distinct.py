"""Proofs by counting characters, held against trying every text; and what rules may say of themselves."""

from dataclasses import replace
from types import SimpleNamespace

import oracle
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st
from joint_states import chain_of, prompt_of, states
from oracle import Case, Wish
from slots import PLAIN, SLOTS, Different, Slots, different_wish, either_wish, slots_wish
from tiny import chars, engine_of, vocabulary

from gen_engine.errors import ConflictError
from gen_engine.proving.prover import NODES, prover_of
from gen_engine.proving.states import RuleTable
from gen_engine.types import Named


@st.composite
def slot_cases(draw):
    vocab = draw(PLAIN)
    slots = draw(st.one_of(SLOTS.map(slots_wish), st.tuples(SLOTS, SLOTS).map(lambda two: either_wish(*two))))
    more = draw(
        st.lists(st.sampled_from([oracle.no_special(), oracle.no_repeat_ngram(1), oracle.no_repeat(2)]), max_size=1)
    )
    budget = draw(st.integers(0, 4 if len(vocab) > 6 else 5))
    return Case(vocab, "", budget, (slots, different_wish(draw(st.sampled_from(["", "", "a", "d"]))), *more))


@given(slot_cases())
@some.examples(150)
def test_matching_never_says_what_trying_every_text_denies(case):
    prover, _ = prover_of(chain_of(case).product, prompt_of(case), case.budget, NODES)
    for tokens, each in states(case, prover.product).items():
        left = case.budget - len(tokens)
        alive = tokens in case.world.alive
        assert alive or not prover.distinct.suffices(each.node, each.others, left)
        assert not alive or not prover.distinct.clashes(each.node, each.others, left)


@st.composite
def near_cases(draw):
    """Slots under a rule that forbids repetitions that are near, or all."""
    slots = draw(st.one_of(SLOTS.map(slots_wish), st.tuples(SLOTS, SLOTS).map(lambda two: either_wish(*two))))
    rules = [oracle.no_repeat_ngram(1), *map(oracle.no_repeat, (1, 2, 3, 4))]
    return Case(draw(PLAIN), draw(st.sampled_from(["", "a", "bca"])), 5, (slots, draw(st.sampled_from(rules))))


@given(near_cases())
@some.examples(150)
def test_crowding_is_never_claimed_where_a_text_exists(case):
    prover, _ = prover_of(chain_of(case).product, prompt_of(case), case.budget, NODES)
    for tokens, each in states(case, prover.product).items():
        alive = tokens in case.world.alive
        assert not alive or not prover.distinct.clashes(each.node, each.others, case.budget - len(tokens))


@given(slot_cases())
@some.examples(100)
def test_answers_with_matching_agree_with_trying_every_text(case):
    prover, _ = prover_of(chain_of(case).product, prompt_of(case), case.budget, NODES)
    for tokens, each in states(case, prover.product).items():
        expected = "yes" if tokens in case.world.alive else "no"
        assert prover.feasible(each, case.budget - len(tokens)) == expected


@given(slot_cases())
@some.examples(100)
def test_moves_and_steps_tell_the_same(case):
    product = chain_of(case).product
    blind = chain_of(replace(case, wishes=(Wish(Named("blind", without_moves(case.wishes[0])), None, None),))).product
    assume(blind.rules[0].is_structural)
    rule = product.rules[0]
    for joint in states(case, product).values():
        found = {token: after for mask, after in moves_of(product, rule, joint.states[0]) for token in ids(mask)}
        assert found == {
            token: after for mask, after in moves_of(blind, blind.rules[0], joint.states[0]) for token in ids(mask)
        }


def moves_of(product, rule, state):
    table = RuleTable(rule, product.intern, product.table.whole, product.table.single)
    return [(mask, after and after.state) for mask, after in table.transitions(table.part(state), single=False)]


def ids(mask):
    return mask.array.nonzero()[0].tolist()


def without_moves(wish):
    machine = wish.spec.processor
    return SimpleNamespace(start=machine.start, step=machine.step, accepts=machine.accepts, kind=machine.kind)


def test_too_few_characters_for_the_places_conflict_at_once():
    """Each of 24 places takes one of 23 characters: trying would take 23! texts."""
    letters = "abcdefghijklmnopqrstuvwx"
    engine = engine_of(chars(letters))
    rules = [Named("slots", Slots((letters[:23],) * 24)), Named("different", Different())]
    with pytest.raises(ConflictError) as conflict:
        engine.generate("", processors=rules, max_new=24)
    assert conflict.value.members == ("slots", "different")


SEVEN = ("abcdefghijklmnopqrstuvwx",) * 7
CROWDED = {
    "no_repeat_ngram=1": (*SEVEN, "y", *SEVEN, "z", *SEVEN, "y"),
    "no_repeat_ngram=1,within=40": (*SEVEN, "y", *SEVEN, "z", *SEVEN, "y"),
    "no_repeat=16": (*SEVEN, "y", *SEVEN, "z", *SEVEN, "y"),
    "no_repeat=17": (*SEVEN, "yz", *SEVEN, "yz", "yz", *SEVEN),
}


@pytest.mark.parametrize("rule", CROWDED)
def test_marks_too_near_each_other_are_a_conflict_at_once(rule):
    engine = engine_of(chars("abcdefghijklmnopqrstuvwxyz"))
    rules = [Named("slots", Slots(CROWDED[rule])), rule]
    with pytest.raises(ConflictError) as conflict:
        engine.generate("", processors=rules, max_new=30, patience=5)
    assert conflict.value.members == ("slots", rule)
    assert engine.generate("", processors=[rules[0], "no_repeat=6"], max_new=30, seed=1)


def test_characters_spelt_in_parts_are_never_too_few():
    parts = [bytes([byte]) for byte in sorted(set("霜问更荣".encode()))]
    vocab = vocabulary(b"", b"", *parts, end=0, specials=(0, 1))
    case = Case(vocab, "", 8, (Wish("choice=霜问|更荣"), oracle.no_repeat(12)))
    prover, joint = prover_of(chain_of(case).product, prompt_of(case), case.budget, NODES)
    assert not prover.distinct.clashes(joint.node, joint.others, case.budget)


def test_just_enough_characters_for_the_places_are_found():
    letters = "abcdefghijklmnopqrstuvwx"
    slots = tuple(letters[i:] for i in range(23, -1, -1))  # the first place takes x alone, the second w or x, ...
    rules = [Named("slots", Slots(slots)), Named("different", Different())]
    done = engine_of(chars(letters)).generate("", processors=rules, max_new=24, seed=1, num=3)
    assert [each.new for each in done] == [letters[::-1]] * 3
    assert all(each.exact for each in done)


def test_a_conflict_tells_what_each_rule_wants_where_they_part():
    rules = [Named("one", Slots(("ab", "ab", "a"))), Named("two", Slots(("ab", "abc", "b")))]
    with pytest.raises(ConflictError, match="one wants one of a at place 3, two wants one of b at place 3; drop"):
        engine_of(chars("abcd")).generate("", processors=rules, max_new=4)


def test_a_conflict_tells_which_characters_are_needed_twice():
    rules = ["force=1:a|3:b|5:a", Named("different", Different())]
    with pytest.raises(ConflictError, match=r"force=1:a\|3:b\|5:a needs a more than once"):
        engine_of(chars("abcd")).generate("", processors=[*rules, Named("slots", Slots(("abcd",) * 5))], max_new=5)
