"""What the prover answers, held against trying every text."""

from types import SimpleNamespace

import customs
import oracle
import pytest
import strategies as some
from hypothesis import assume, given
from oracle import Case
from tiny import chars, engine_of, vocabulary
from walks import chain_of, prompt_of, states

from gen_engine.chain import counted_bound
from gen_engine.errors import ConflictError
from gen_engine.prover import Prover
from gen_engine.types import Named


def prover_of(case):
    chain = chain_of(case)
    product = chain.product
    return Prover(product, counted_bound(product, len(case.prompt) + 3 * case.budget))


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
    return plan.is_alive(plan.product.next(joint, token), left - 1, joint) == "yes"


@given(some.cases())
@some.examples(80)
def test_witnesses_are_legal_and_fit_the_budget(case):
    assume(not case.refuses() and case.world.legal)
    prover = prover_of(case)
    for tokens, joint in states(case, prover.product).items():
        left = case.budget - len(tokens)
        if tokens in case.world.alive and prover.feasible(joint, left) == "yes":
            rest = prover.witness(joint, left)
            assert len(rest) <= left
            assert (*tokens, *rest) in case.world.legal or case.stopped((*tokens, *rest)) is not None


def test_a_rest_that_is_known_to_exist_is_told_without_a_search():
    case = Case(chars("abcdefgh"), "", 30, (oracle.no_repeat(3), oracle.length(30, 30)))
    product = chain_of(case).product
    prover = Prover(product, counted_bound(product, 64), nodes=1)
    start = product.start(prompt_of(case))
    assert prover.feasible(start, 30) == "yes"
    assert len(prover.witness(start, 30)) == 30


@given(some.cases())
@some.examples(80)
def test_distances_of_the_automaton_are_bounds(case):
    assume(not case.refuses())
    prover = prover_of(case)
    for tokens, joint in states(case, prover.product).items():
        if case.stopped(tokens) is None:
            state, left = prover.structural(joint), case.budget - len(tokens)
            needed = case.world.alive.get(tokens, float("inf"))
            assert prover.automaton.relaxed(state) <= needed
            assert prover.automaton.robust(state) >= min(needed, left + 1)


def test_twins_of_a_token_that_one_rule_singles_out_are_tried_too():
    """`once` may spend one a, so that `pairs` has to go for the b, which no rule mentions."""
    vocab = vocabulary("a", "a", "b", "b")
    engine = engine_of(vocab)
    spent = Named("once", customs.TokensOnceSharp(4, used=frozenset([1])))
    done = engine.generate("", processors=[Named("pairs", customs.Pairs()), spent, "length=2"], max_new=2, seed=1)
    assert done[0].new == "bb"


def test_tokens_that_print_nothing_are_tried_last():
    at_the_end = SimpleNamespace(
        start=lambda text: "", step=lambda state, char: state + char, accepts=lambda state: len(state) == 23
    )
    engine = engine_of(vocabulary("", "", *"春夏秋冬东西南北", specials=(0, 1)))
    assert len(engine.generate("", processors=[Named("all", at_the_end)], max_new=24, seed=1)[0].new) == 23


def test_a_memory_that_is_full_is_emptied_and_nothing_changes(monkeypatch):
    case = Case(chars("abc"), "", 5, (oracle.no_repeat_ngram(2), oracle.length(4, 5)))
    monkeypatch.setattr("gen_engine.prover.REMEMBERED", 2)
    prover = prover_of(case)
    for tokens, joint in states(case, prover.product).items():
        assert (prover.feasible(joint, 5 - len(tokens)) == "yes") == (tokens in case.world.alive)


def test_twins_count_when_rules_are_counted():
    with pytest.raises(ConflictError):
        engine_of(vocabulary("a", "a", "a", "b", "b")).generate("", processors=["no_repeat=2", "length=3"], max_new=3)


def test_less_and_less_is_spent_behind_tokens_that_are_not_found_out_about(monkeypatch):
    asked = []
    prover = prover_of(Case(chars("abc"), "", 5, (oracle.length(4, 5),)))
    start = prover.product.start(prompt_of(Case(chars("abc"), "", 5, ())))
    monkeypatch.setattr(Prover, "at_once", lambda *_: None)
    monkeypatch.setattr(Prover, "_search", lambda *_, nodes=None: asked.append(nodes) or "undecided")
    for before in [start] * 9 + [None]:
        prover.feasible(start, 5, before)
    assert asked == [20_000] * 4 + [10_000] * 4 + [5_000, None]
