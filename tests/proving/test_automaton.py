"""How far the end is: a function of the beginning, the node and the limit, whatever was asked before."""

from math import inf

import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st
from joint_states import chain_of, prompt_of, states
from tiny import TinyTokenizer, vocabulary

from gen_engine.chain import make_chain
from gen_engine.errors import UndecidedError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.patience import Patience
from gen_engine.proving.automaton import EXPANSIONS
from gen_engine.proving.distances import GRAPHS
from gen_engine.proving.prover import prover_of

MERGED = vocabulary("", *"abc", "ab", "bca", "aaaa", end=0, specials=(0,))
QUESTIONS = ("relaxed", "robust", "single", "reach")


@pytest.fixture
def expansions(monkeypatch):
    """Lets the first search of a graph open so many nodes."""
    return lambda count: monkeypatch.setattr("gen_engine.proving.automaton.EXPANSIONS", count)


def automaton_of(case):
    """An automaton that was asked nothing yet, its product, and the states that a stop string has not ended."""
    assume(not case.refuses())
    prover, _ = prover_of(chain_of(case).product, prompt_of(case), case.budget, 64)
    joints = [joint for joint in states(case, prover.product).values() if not joint.node.cut]
    return prover.automaton, [joint.states for joint in joints], prover.product


@given(some.cases(), st.integers(0, 6) | st.just(EXPANSIONS), st.data())
@some.examples(150)
def test_what_was_asked_before_changes_no_distance(case, count, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gen_engine.proving.automaton.EXPANSIONS", count)
        used, places, product = automaton_of(case)
        asked = st.tuples(st.sampled_from(QUESTIONS), st.sampled_from(places), st.integers(0, 7) | st.just(inf))
        for question, place, limit in data.draw(st.lists(asked, min_size=2, max_size=6)):
            fresh, _, others = automaton_of(case)
            told = getattr(used, question)(product.joint(place).node, limit)
            again = getattr(fresh, question)(others.joint(place).node, limit)
            assert told == again or min(told, again) > limit


@given(some.cases(), st.integers(0, 6) | st.just(EXPANSIONS))
@some.examples(150)
def test_the_end_is_in_reach_where_it_is_near_enough(case, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gen_engine.proving.automaton.EXPANSIONS", count)
        automaton, places, product = automaton_of(case)
        for node in {product.joint(place).node for place in places}:
            for limit in range(case.budget + 2):
                assert (automaton.reach(node, limit) <= limit) == (automaton.relaxed(node, limit) <= limit)


@given(some.cases(), st.permutations(GRAPHS))
@some.examples(150)
def test_fresh_counts_tokens_that_print_single_characters(case, order):
    automaton, places, product = automaton_of(case)
    assume("single" in automaton.searched and case.vocabulary.merged)
    for node in {product.joint(place).node for place in places}:
        for question in order:
            getattr(automaton, question)(node)
        assert automaton.single(node) == singly(automaton, node)


def singly(automaton, node):
    """The fewest tokens of one character each from a node to the end, layer by layer."""
    layer, seen, count = {node}, set(), 0
    while layer:
        if any(here.accepts for here in layer):
            return count
        seen |= layer
        edges = [edge for here in layer for edge in automaton.table.single_edges(here)]
        layer, count = {after for _, after in edges if after is not None} - seen, count + 1
    return inf


def planned(prompt, *specs, budget=8):
    chain = make_chain(MERGED, [build(spec, registry(), MERGED) for spec in specs])
    return chain, chain.plan(TinyTokenizer(MERGED).encode(prompt), budget)


@pytest.mark.parametrize("specs, graph", [(["length=4"], "robust"), (["length=4", "no_repeat=2"], "relaxed")])
def test_what_single_characters_spare_is_put_off(specs, graph):
    _, plan = planned("", *specs)
    automaton = plan.prover.automaton
    assert graph in automaton.put_off - automaton.searched
    assert automaton._found_out == {}


def test_what_is_put_off_is_searched_once_it_is_needed():
    _, plan = planned("", "length=4", budget=2)
    automaton = plan.prover.automaton
    assert automaton._found_out["robust"]
    assert automaton.robust(plan.start.node, 2) == 1


def test_each_beginning_finds_out_what_was_put_off(expansions):
    """Where one character is missing there is nothing to choose, where five are the search is cut off."""
    _, plan = planned("", "length=5")
    start, product = plan.start, plan.product
    ending = product.walk(start, [MERGED.texts.index("a")] * 4)[-1]
    expansions(0)
    nodes = (ending.node, start.node, ending.node)
    assert [plan.prover.automaton.behind(node).is_searched("robust") for node in nodes] == [True, False, True]


def test_what_is_searched_does_not_depend_on_what_is_known(expansions):
    _, plan = planned("", "length=5")
    automaton, start = plan.prover.automaton, plan.start.node
    assert automaton.distances.distance("robust", start, inf) == 2
    expansions(0)
    assert not automaton.behind(start).is_searched("robust")


def test_where_patience_ends_nothing_is_found_out():
    _, plan = planned("", "length=5")
    automaton = plan.prover.automaton
    patience = Patience(1, spent=1)
    with pytest.raises(UndecidedError), patience:
        automaton.is_searched("robust")
    assert (dict(automaton._found_out), automaton.is_searched("robust")) == ({}, True)


def test_provers_of_several_beginnings_share_what_is_known_of_nodes():
    chain, plan = planned("", "length=4", "no_repeat=2")
    after = plan.product.next(plan.start, MERGED.texts.index("a"))
    one, other = (chain._shared_prover(plan.product, joint, 4) for joint in (plan.start, after))
    assert one is plan.prover
    assert one.automaton.beginning != other.automaton.beginning
    assert one.automaton.distances is other.automaton.distances
    assert (one.distinct, one.alike) == (other.distinct, other.alike)
