"""An engine that was used answers as a fresh one does, whatever was asked of it before."""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import strategies as some
from custom_rules import Echo, EvenChars, TokensOnce, TokenSum
from hypothesis import given, reject
from hypothesis import strategies as st
from joint_states import chain_of, memories_of, prompt_of, states
from tiny import TinyTokenizer, chars, engine_of

from gen_engine.chain import make_chain
from gen_engine.decoding.viable import Viable
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing import strategies as kit
from gen_engine.types import Named

DECODERS = ("sample", "sample", "greedy", "beam=3", "beam=2,length_penalty=0", "smc=3", "smc=4,resample=1")


@dataclass(frozen=True)
class DeadEnd:
    """A text begins with one of ten tokens, goes on with any, and may end behind two; never behind the last of the ten.

    Four functions and nothing else: that nothing follows that one takes a search.
    """

    size: int

    def start(self, prompt):
        return 0

    def allowed(self, state):
        found = np.zeros(self.size, dtype=bool)
        found[1 : 11 if state == 0 else self.size] = True
        return found

    def next(self, state, token):
        return token if state == 0 else state if state == 10 else 11

    def accepts(self, state):
        return state == 11


@pytest.mark.parametrize("before", [[3], [5, 3, 3]])
@pytest.mark.parametrize("decoder", ["sample", "greedy", "beam=2", "smc=3"])
@pytest.mark.parametrize("salt", [14, 22, 26])  # of which the dead one is the likeliest
def test_a_shorter_request_before_changes_no_text_and_no_mask(before, decoder, salt):
    used, fresh = (engine_of(chars("abcdefghijklmnop"), salt=salt) for _ in range(2))
    ask = partial(told, rule := Named("dead end", DeadEnd(17)), decoder)
    for budget in before:
        ask(used, budget)
    assert ask(used, 4) == ask(fresh, 4)
    assert masks(used, rule, 4) == masks(fresh, rule, 4)


def told(rule, decoder, engine, budget):
    try:
        return engine.generate(
            "",
            processors=[rule, "top_k=2"],
            max_new=budget,
            num=1 if decoder[:3] == "smc" else 2,
            seed=5,
            decoder=decoder,
        )
    except GenError as error:
        return str(error)


def masks(engine, rule, budget):
    """What may follow at each place, as the plan tells, along a text."""
    plan = engine.chain([rule, "top_k=2"]).plan(engine.tokenizer.encode(""), budget)
    joint, found = plan.start, []
    for left in range(budget, 0, -1):
        found.append(plan.tokens(joint, left).to_array().nonzero()[0].tolist())
        if found[-1]:
            joint = plan.product.next(joint, found[-1][0])
    return found


@dataclass(frozen=True)
class Request:
    """One request to an engine, but for its processors."""

    prompt: str
    budget: int
    seed: int
    decoder: str
    num: int

    def made(self, engine, rules):
        """The completions in writing, where no number is unlike itself, or what was said instead of them."""
        wanted = {"max_new": self.budget, "seed": self.seed, "decoder": self.decoder, "num": self.num}
        try:
            return list(map(repr, engine.generate(self.prompt, processors=rules, **wanted)))
        except GenError as error:
            return repr(error)


def requests(vocabulary):
    decoders = st.sampled_from(DECODERS)
    nums = st.integers(1, 2)
    return st.builds(Request, kit.prompts(vocabulary), st.integers(0, 5), st.integers(0, 99), decoders, nums)


@dataclass(frozen=True)
class Scattered:
    """A machine that scatters over very many states and may end in few of them: much stays undecided."""

    modulus: int

    def start(self, text):
        return len(text)

    def step(self, state, char):
        after = (state * 31 + ord(char)) % self.modulus
        return None if after % 5 == 1 else after

    def accepts(self, state):
        return state % 7 == 0


def customs(vocabulary):
    rules = [
        EvenChars(),
        Echo(),
        TokenSum(len(vocabulary)),
        TokensOnce(len(vocabulary)),
        Scattered(1009),
        Scattered(997),
    ]
    named = st.sampled_from([Named(repr(rule), rule) for rule in rules])
    return st.lists(named, max_size=2, unique_by=str)


@st.composite
def histories(draw):
    """A model, rules, requests that come before, and the request that is compared."""
    vocabulary = draw(some.vocabularies())
    rules = [*draw(customs(vocabulary)), *draw(kit.chains(vocabulary, shapers=True))]
    before = draw(st.lists(requests(vocabulary), min_size=1, max_size=4))
    return draw(kit.models(vocabulary)), rules, before, draw(requests(vocabulary))


def used_and_fresh(history):
    """The completions of the last request, and those of an engine that was asked nothing before."""
    model, rules, before, last = history
    used = Engine(model)
    for request in before:
        request.made(used, rules)
    return last.made(used, rules), last.made(Engine(model), rules)


@given(histories())
@some.examples(40)
def test_a_used_engine_answers_as_a_fresh_one(history):
    used, fresh = used_and_fresh(history)
    assert used == fresh


@contextmanager
def searches_of(nodes):
    """Let the chains of engines made from now on search no further than so many states."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gen_engine.engine.make_chain", lambda *given, **more: make_chain(*given[:2], nodes, **more))
        yield


@given(histories(), st.sampled_from([0, 1, 2, 8, 16, 40]))
@some.examples(40)
def test_used_engines_answer_as_fresh_ones_where_searches_end_undecided(history, nodes):
    with searches_of(nodes):
        used, fresh = used_and_fresh(history)
    assert used == fresh


@given(histories(), st.sampled_from([1, 2, 5]), st.sampled_from([2, 16, 20_000]))
@some.examples(25)
def test_what_is_remembered_changes_no_answer(history, size, nodes):
    with searches_of(nodes):
        with memories_of(size):
            used, forgetful = used_and_fresh(history)
        assert used == forgetful == used_and_fresh(history)[1]


@given(histories(), st.integers(1, 12))
@some.examples(25)
def test_used_engines_answer_as_fresh_ones_with_few_expansions(history, expansions):
    with pytest.MonkeyPatch.context() as patch, searches_of(16):
        patch.setattr("gen_engine.proving.automaton.EXPANSIONS", expansions)
        used, fresh = used_and_fresh(history)
    assert used == fresh


def test_an_undecided_search_is_met_at_all():
    """Else the tests above would say nothing of searches that end at their limit."""
    engine = engine_of(chars("abcdef"))
    with searches_of(16):
        done = Request("", 6, 1, "sample", 4).made(engine, [Named("scattered", Scattered(1009)), "no_repeat=3"])
    assert any("exact=False" in each for each in done)


def test_masks_along_a_chain_are_those_of_a_fresh_one():
    vocabulary = chars("abcdefghijklmnop")
    rule = Named("dead end", DeadEnd(17))
    prompt = TinyTokenizer(vocabulary).encode("")
    used = make_chain(vocabulary, [rule])
    for budget in (3, 7, 4, 5):
        for left in range(budget, 0, -1):
            plan, other = used.plan(prompt, budget), make_chain(vocabulary, [rule]).plan(prompt, budget)
            mine, fresh = (each.tokens(each.start, left).to_array().tolist() for each in (plan, other))
            assert mine == fresh


def planned(case, nodes):
    """A plan that was asked nothing yet, and what tells who has a text behind him."""
    try:
        plan = chain_of(case, nodes).plan(prompt_of(case), case.budget)
    except GenError:
        reject()
    return plan, Viable(plan)


def answers(plan, viable, joint, left):
    """All that is told of one state: what may follow, which of that is seen to be dead, and what is found behind it."""
    tokens, found = plan.tokens(joint, left).members(), plan.find(joint, left)
    return tokens, viable.seen_dead(joint, left, tokens), found.answer, found.rest


@given(some.cases(), st.sampled_from([20_000, 64, 8]), st.data())
@some.examples(60)
def test_what_was_asked_before_changes_no_answer(case, nodes, data):
    plan, viable = planned(case, nodes)
    joints = list(states(case, plan.product).values())
    places = st.tuples(st.sampled_from(joints[:8]), st.integers(1, case.budget + 2))
    for joint, left in data.draw(st.lists(places, min_size=1, max_size=4)):
        for more in (left, left - 1):
            fresh, other = planned(case, nodes)
            same = fresh.product.joint(joint.states)._replace(accepted=joint.accepted)
            assert answers(plan, viable, joint, more) == answers(fresh, other, same, more)
