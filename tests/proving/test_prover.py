"""What the prover answers, held against trying every text."""

from math import inf
from types import SimpleNamespace

import custom_rules
import oracle
import pytest
import strategies as some
from hypothesis import assume, given
from joint_states import chain_of, memories_of, prompt_of, states, whole_rest
from oracle import Case, Wish
from tiny import TinyTokenizer, chars, engine_of, vocabulary

from gen_engine.chain import BETWEEN, make_chain
from gen_engine.errors import ConflictError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.proving.prover import NODE, NODES, Finding, Prover, automaton_of, counted_bound
from gen_engine.types import Named


def prover_of(case, nodes=NODES):
    product = chain_of(case).product
    automaton = automaton_of(product, counted_bound(product, len(case.prompt) + 3 * case.budget), room=0)
    return Prover(product, automaton.from_origin(product.start(prompt_of(case)).node, inf), nodes)


@given(some.cases())
@some.examples(120)
def test_answers_agree_with_trying_every_text(case):
    assume(not case.refuses())
    prover = prover_of(case)
    for tokens, joint in states(case, prover.product).items():
        if case.stopped(tokens) is None:
            needed = case.world.alive.get(tokens)
            for budget in range(case.budget - len(tokens) + 1):
                expected = "yes" if needed is not None and needed <= budget else "no"
                assert prover.feasible(joint, budget) == expected


@given(some.cases())
@some.examples(80)
def test_choices_are_the_tokens_that_lead_to_a_text(case):
    assume(not case.refuses() and case.world.legal)
    chain = chain_of(case)
    plan = chain.plan(prompt_of(case), case.budget)
    for tokens, joint in states(case, plan.product).items():
        if case.stopped(tokens) is not None or tokens not in case.world.alive:
            continue
        left = case.budget - len(tokens)
        offered = plan.tokens(joint, left).to_array().nonzero()[0].tolist() if left else []
        alive = [token for token in offered if is_alive(plan, joint, token, left)]
        assert sorted(alive) == [t for t in case.world.choices(tokens) if t != case.vocabulary.end]
        assert plan.product.accepts(joint) == (tokens in case.world.legal)


def is_alive(plan, joint, token, left):
    return plan.find(plan.product.next(joint, token), left - 1).answer == "yes"


@given(some.cases())
@some.examples(80)
def test_witnesses_are_legal_and_fit_the_budget(case):
    assume(not case.refuses() and case.world.legal)
    prover = prover_of(case)
    for tokens, joint in states(case, prover.product).items():
        left = case.budget - len(tokens)
        if tokens in case.world.alive and prover.feasible(joint, left) == "yes":
            rest = whole_rest(prover, joint, left)
            assert len(rest) <= left
            assert (*tokens, *rest) in case.world.legal or case.stopped((*tokens, *rest)) is not None


def test_a_rest_known_to_exist_is_told_without_a_search():
    case = Case(chars("abcdefgh"), "", 30, (oracle.no_repeat(3), oracle.length(30, 30)))
    prover = prover_of(case, nodes=1)
    start = prover.product.start(prompt_of(case))
    assert prover.feasible(start, 30) == "yes"
    assert len(whole_rest(prover, start, 30)) == 30


@given(some.cases())
@some.examples(80)
def test_distances_of_the_automaton_are_bounds(case):
    assume(not case.refuses())
    prover = prover_of(case)
    for tokens, joint in states(case, prover.product).items():
        if case.stopped(tokens) is None:
            left = case.budget - len(tokens)
            needed = case.world.alive.get(tokens, float("inf"))
            assert prover.automaton.relaxed(joint.node) <= needed
            assert prover.automaton.robust(joint.node) >= min(needed, left + 1)


def test_twins_of_a_singled_out_token_are_tried_too():
    """`once` may spend one a, so that `pairs` has to go for the b, which no rule mentions."""
    vocab = vocabulary("a", "a", "b", "b")
    engine = engine_of(vocab)
    spent = Named("once", custom_rules.TokensOnceSharp(4, used=frozenset([1])))
    done = engine.generate("", processors=[Named("pairs", custom_rules.Pairs()), spent, "length=2"], max_new=2, seed=1)
    assert done[0].new == "bb"


def test_tokens_that_print_nothing_are_tried_last():
    at_the_end = SimpleNamespace(
        start=lambda text: "", step=lambda state, char: state + char, accepts=lambda state: len(state) == 23
    )
    engine = engine_of(vocabulary("", "", *"春夏秋冬东西南北", specials=(0, 1)))
    assert len(engine.generate("", processors=[Named("all", at_the_end)], max_new=24, seed=1)[0].new) == 23


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_memory_that_is_full_forgets_and_nothing_changes(size):
    case = Case(chars("abc"), "", 5, (oracle.no_repeat_ngram(2), oracle.length(4, 5)))
    with memories_of(size):
        prover = prover_of(case)
        for tokens, joint in states(case, prover.product).items():
            assert (prover.feasible(joint, 5 - len(tokens)) == "yes") == (tokens in case.world.alive)


def test_twins_count_when_rules_are_counted():
    with pytest.raises(ConflictError):
        engine_of(vocabulary("a", "a", "a", "b", "b")).generate("", processors=["no_repeat=2", "length=3"], max_new=3)


def test_each_search_between_tokens_has_the_same_node_limit(monkeypatch):
    allowed = []
    case = Case(chars("abc"), "", 5, (oracle.length(4, 5),))
    plan = chain_of(case).plan(prompt_of(case), 5)
    monkeypatch.setattr(Prover, "at_once", lambda *_: None)
    monkeypatch.setattr(
        "gen_engine.proving.prover._Search.run", lambda search: allowed.append(search.limit) or Finding("undecided")
    )
    assert {plan.find(plan.start, 5, hint=(number,)).answer for number in range(9)} == {"undecided"}
    assert allowed == [NODES // BETWEEN * NODE] * 9


def test_what_parts_of_characters_make_meaningless_is_not_searched():
    searched = {}
    for name, extra in (("whole", ()), ("parts", (b"\xe6",))):
        vocab = vocabulary("", *"abc", *extra, end=0, specials=(0,))
        chain = make_chain(vocab, [build("length=3", registry(), vocab)])
        prompt = TinyTokenizer(vocab).encode("")
        searched[name] = chain.plan(prompt, 3).prover.automaton.searched
    assert searched["whole"] - searched["parts"] == {"relaxed"}


def test_tokens_that_change_nothing_are_never_tried():
    parts = [bytes([byte]) for byte in sorted(set("霜问更荣".encode()))]
    vocab = vocabulary(b"", b"", *parts, end=0, specials=(0, 1))
    case = Case(vocab, "", 40, (Wish("regex=[霜问更荣]{4}"), oracle.no_repeat(12)))
    prover = prover_of(case)
    assert prover.find(prover.product.start(prompt_of(case)), case.budget, nodes=50).answer == "yes"
