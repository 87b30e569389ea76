"""What makes tokens behave alike under rules that do not say so."""

from dataclasses import dataclass

import pytest

from gen_engine import ConflictError
from gen_engine.chain import make_chain
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
    chain.plan(PROMPT, 4)
    kinds = chain.product.rules[0].kinds
    assert [kind == kinds[0] for kind in kinds] == [True] * 4 + [False] * 4


def test_a_rule_of_too_many_states_is_left_alone(monkeypatch):
    monkeypatch.setattr("gen_engine.learn.STATES", 10)
    chain = rules(Distinct())
    assert chain.plan(PROMPT, 4).prover.feasible(chain.product.start(PROMPT), 4) == "yes"
    assert chain.product.rules[0].kinds is None


def test_a_start_that_was_not_covered_makes_a_new_version():
    rule = rules(Wet(2)).product.rules[0]
    assert rule.cover((2, b"")) < rule.cover((0, b""))
    assert rule.cover((1, b"")) == rule.cover((0, b""))


def test_what_was_learnt_proves_conflicts_at_once():
    chain = rules(Wet(9))
    with pytest.raises(ConflictError, match="Wet admits no text within 8"):
        chain.plan(PROMPT, 8)
    assert chain.product.rules[0].kinds is not None
