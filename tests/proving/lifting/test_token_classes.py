"""What makes tokens behave alike under rules that do not say so."""

from dataclasses import dataclass

import pytest

from gen_engine import ConflictError
from gen_engine.chain import make_chain
from gen_engine.proving.prover import prover_of
from gen_engine.text import Vocabulary
from gen_engine.types import Named, Prompt

CHARS = "春夏秋冬江河湖海"
VOCABULARY = Vocabulary(tuple(char.encode() for char in CHARS), tuple(CHARS))
PROMPT = Prompt("", (), ())


@dataclass(frozen=True)
class Wet:
    """Exactly `most` of the characters are water; which these are, it does not say."""

    most: int

    def start(self, text):
        return 0

    def step(self, state, char):
        state += char in "江河湖海"
        return state if state <= self.most else None

    def accepts(self, state):
        return state == self.most


@dataclass(frozen=True)
class Until:
    """One character comes; before and after it anything may."""

    char: str

    def start(self, text):
        return False

    def step(self, state, char):
        return state or char == self.char

    def accepts(self, state):
        return state


@dataclass(frozen=True)
class Distinct:
    """No character twice; every text is a state of its own."""

    def start(self, text):
        return frozenset()

    def step(self, state, char):
        return None if char in state else state | {char}

    def accepts(self, state):
        return len(state) >= 2


def rules(*processors):
    return make_chain(VOCABULARY, [Named(type(p).__name__, p) for p in processors])


def test_tokens_that_do_the_same_in_every_state_are_alike():
    chain = rules(Wet(2))
    kinds = chain.plan(PROMPT, 4).product.rules[0].kinds
    assert chain.product.rules[0].kinds is None
    assert [kind == kinds[0] for kind in kinds] == [True] * 4 + [False] * 4


def test_a_rule_of_too_many_states_is_left_alone(monkeypatch):
    monkeypatch.setattr("gen_engine.proving.lifting.token_classes.STATES", 10)
    plan = rules(Distinct()).plan(PROMPT, 4)
    assert plan.prover.feasible(plan.start, 4) == "yes"
    assert plan.product.rules[0].kinds is None


@pytest.mark.parametrize("starts", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_what_is_learned_depends_on_the_start_alone(starts):
    used = rules(Wet(2)).product.rules[0]
    for start in (*starts, *starts):
        fresh = rules(Wet(2)).product.rules[0]
        assert (used.learn_from((start, b"")).learned == fresh.learn_from((start, b"")).learned).all()
    assert used.learned is None


def test_what_a_start_cannot_reach_tells_no_tokens_apart():
    rule = rules(Until("江")).product.rules[0]
    assert len(set(rule.learn_from((False, b"")).kinds)) == 2
    assert len(set(rule.learn_from((True, b"")).kinds)) == 1


def test_what_was_learnt_proves_conflicts_at_once():
    chain = rules(Wet(9))
    with pytest.raises(ConflictError, match="Wet admits no text within 8"):
        chain.plan(PROMPT, 8)
    prover, start = prover_of(chain.product, PROMPT, 8, nodes=0)
    assert prover.at_once(start, 8) == "no"
