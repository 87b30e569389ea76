"""Ways to the end other than the nearest: found where that one lacks characters, legal, and never too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joint_states import whole_rest
from slots import Different, Either, Slots, fits
from tiny import TinyTokenizer, chars

from gen_engine.chain import make_chain
from gen_engine.proving.detours import DETOURS, detours, different, written_out
from gen_engine.proving.prover import NODES, prover_of
from gen_engine.types import Named

SLOTS = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=5).map(tuple)


def prover_for(machine, nodes=NODES, letters="abcdef", free=""):
    vocabulary = chars(letters)
    chain = make_chain(vocabulary, [Named("slots", machine), Named("different", Different(free))])
    return prover_of(chain.product, TinyTokenizer(vocabulary).encode(""), 5, nodes)


@pytest.mark.parametrize(
    ("one", "two"),
    [(("abcd", "ab", "ab", "ab"), ("ef", "a", "b", "c")), (("ab", "ab", "ab"), ("c", "d", "ef")),
     (("abcdef", "a", "a"), ("f", "ab", "ab"))],
)  # fmt: skip
def test_a_way_with_enough_characters_is_found_beside_the_nearest(one, two):
    prover, joint = prover_for(Either(Slots(one), Slots(two)), nodes=1)
    assert prover.feasible(joint, 5) == "yes"
    texts = prover.product.vocabulary.texts
    assert fits("".join(texts[token] for token in whole_rest(prover, joint, 5)), two)


@given(SLOTS, SLOTS, st.integers(1, 6))
def test_what_is_written_out_is_legal_and_of_different_characters(one, two, budget):
    prover, joint = prover_for(Either(Slots(one), Slots(two)))
    texts = prover.product.vocabulary.texts
    for rest in written_out(prover.product.vocabulary, prover.automaton, joint.node, budget, frozenset("a")):
        text = "".join(texts[token] for token in rest)
        assert len(text) == len(set(text)) <= budget
        assert "a" not in text
        assert fits(text, one) or fits(text, two)


@given(SLOTS, SLOTS)
def test_an_answer_by_detours_is_that_of_trying_everything(one, two):
    prover, joint = prover_for(Either(Slots(one), Slots(two)))
    found = any(possible(each) for each in (one, two))
    assert prover.feasible(joint, 5) == ("yes" if found else "no")


def possible(slots, taken=""):
    """Whether each slot can have a character of its own."""
    return not slots or any(possible(slots[1:], taken + char) for char in set(slots[0]) - set(taken))


@given(SLOTS, SLOTS)
def test_the_nearest_way_comes_first_and_none_exceeds_the_budget(one, two):
    prover, joint = prover_for(Either(Slots(one), Slots(two)))
    ways = list(detours(prover.automaton, joint.node, 4))
    assert all(len(way) <= 4 for way in ways)
    shortest = min(len(one), len(two))
    assert (len(ways[0]) == shortest) if ways else shortest > 4


def test_a_place_of_repeatable_characters_needs_none_of_its_own():
    prover, joint = prover_for(Slots(("a", "ab", "b")), letters="ab", free="b")
    vocabulary = prover.product.vocabulary
    [way, *_] = detours(prover.automaton, joint.node, 5)
    tokens = different(vocabulary, prover.automaton, way, frozenset())
    assert "".join(vocabulary.texts[token] for token in tokens) == "abb"
    assert DETOURS > 1
