"""Rules as plugin authors write them: some with only the required functions, some with every optional one.

`WISHES` are the same rules in the oracle's words.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from oracle import Wish

from gen_engine.constraints.bans import ban, no_double_punctuation, only
from gen_engine.constraints.brackets import balanced
from gen_engine.constraints.finite import choice
from gen_engine.constraints.lengths import force, length
from gen_engine.constraints.regex import regex
from gen_engine.constraints.repeats import no_repeat, no_repeat_ngram
from gen_engine.proving.lifting.lift import AnyText
from gen_engine.types import Named


@dataclass(frozen=True)
class EvenChars:
    """A character machine with nothing optional: the new text has an even number of characters."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return 1 - state

    def accepts(self, state):
        return state == 0


@dataclass(frozen=True)
class Echo:
    """A character machine with nothing optional: the new text ends with the character it began with."""

    def start(self, text):
        return ("", "")

    def step(self, state, char):
        return (state[0] or char, char)

    def accepts(self, state):
        return state[0] == state[1]


@dataclass(frozen=True)
class Pairs:
    """Characters come in pairs, aabbcc; the state mentions the one that has to be repeated."""

    def start(self, text):
        return ""

    def step(self, state, char):
        if not state:
            return char
        return "" if char == state else None

    def accepts(self, state):
        return not state

    def kind(self, char):
        return None

    def mentions(self, state):
        return state


@dataclass(frozen=True)
class Readings:
    """Kinds that are tuples, the empty one included: characters without a reading stand at odd places only."""

    read: str

    def start(self, text):
        return 0

    def step(self, state, char):
        return None if state == 1 and char not in self.read else 1 - state

    def accepts(self, state):
        return state == 0

    def kind(self, char):
        return (char,) if char in self.read else ()


@dataclass(frozen=True)
class TokenSum:
    """A constraint with nothing optional: the ids of the new tokens add up to a multiple of 3."""

    size: int

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return np.ones(self.size, dtype=bool)

    def next(self, state, token):
        return (state + token) % 3

    def accepts(self, state):
        return state == 0


@dataclass(frozen=True)
class TokensOnce:
    """A constraint with nothing optional: no token twice."""

    size: int

    def start(self, prompt):
        return frozenset()

    def allowed(self, state):
        array = np.ones(self.size, dtype=bool)
        array[list(state)] = False
        return array

    def next(self, state, token):
        return state | {token}

    def accepts(self, state):
        return True


@dataclass(frozen=True)
class TokensOnceSharp(TokensOnce):
    """The same with everything optional; some tokens may be spent from the start."""

    used: frozenset = frozenset()

    def start(self, prompt):
        return self.used

    def permits(self, state, token):
        return token not in state

    def kinds(self):
        return [None] * self.size

    def mentions(self, state):
        return state

    def removes_at_most(self, horizon):
        return min(horizon, self.size)


@dataclass(frozen=True)
class NotTheLast(TokensOnce):
    """No token twice in a row; counted, without kinds."""

    def start(self, prompt):
        return frozenset()

    def next(self, state, token):
        return frozenset([token])

    def removes_at_most(self, horizon):
        return 1


@dataclass(frozen=True)
class OddEven:
    """Tokens with odd and even ids take turns, beginning with odd; told apart by kind, no state mentions any."""

    size: int

    def start(self, prompt):
        return 1

    def allowed(self, state):
        return np.arange(self.size) % 2 == state

    def next(self, state, token):
        return 1 - state

    def accepts(self, state):
        return True

    def kinds(self):
        return [token % 2 for token in range(self.size)]


class Estranged(Echo):
    """The text does not end as it began; what its states mention is said."""

    def accepts(self, state):
        return state[0] != state[1]

    def kind(self, char):
        return None

    def mentions(self, state):
        return "".join(state)


class OnlySome:
    """Everything is allowed, but only these tokens are good beginnings, which shows late."""

    def __init__(self, size, *good):
        self.size, self.good = size, good

    def start(self, prompt):
        return None

    def allowed(self, state):
        return np.ones(self.size, dtype=bool)

    def next(self, state, token):
        return token if state is None else state

    def accepts(self, state):
        return state in self.good


class OnlyTheLast(OnlySome):
    """Only the last token is ever a good beginning: no kinds, so nothing can be foreseen."""

    def __init__(self, size):
        super().__init__(size, size - 1)

    def __repr__(self):
        return "OnlyTheLast()"  # the same in every process: ids of tests are made of it


class Diary:
    """A shaper that remembers every token with its log-probability, and halves the logits."""

    def __init__(self):
        self.read = {}

    def start(self):
        return ()

    def next(self, state, token, logprob):
        return (*state, (token, logprob))

    def __call__(self, step, logits):
        for history, prompt, state in zip(step.histories, step.prompt_lengths, step.states, strict=True):
            self.read[tuple(history[prompt:])] = state
        return logits / 2


def pairs_broken(case, tokens):
    new = case.new(tokens)
    return any(a != b for a, b in zip(new[::2], new[1::2], strict=False))


def echoes(case, tokens):
    return case.new(tokens)[:1] == case.new(tokens)[-1:]


def wishes(size, alphabet):
    """Each custom rule and what it means."""
    read = alphabet[: max(1, len(alphabet) // 2)]
    return (
        Wish(Named("even", EvenChars()), complete=lambda c, t: len(c.new(t)) % 2 == 0),
        Wish(Named("echo", Echo()), complete=echoes),
        Wish(Named("pairs", Pairs()), pairs_broken, lambda c, t: len(c.new(t)) % 2 == 0),
        Wish(
            Named("readings", Readings(read)),
            lambda c, t: any(char not in read for char in c.new(t)[1::2]),
            lambda c, t: len(c.new(t)) % 2 == 0,
        ),
        Wish(Named("sum", TokenSum(size)), complete=lambda c, t: sum(t) % 3 == 0),
        Wish(Named("once", TokensOnce(size)), lambda c, t: len(set(t)) < len(t)),
        Wish(Named("once sharp", TokensOnceSharp(size)), lambda c, t: len(set(t)) < len(t)),
        Wish(Named("not the last", NotTheLast(size)), lambda c, t: any(a == b for a, b in itertools.pairwise(t))),
        Wish(Named("odd even", OddEven(size)), lambda c, t: any(token % 2 == i % 2 for i, token in enumerate(t))),
    )


MACHINES = [
    AnyText(),
    ban(("ab", "c")),
    only(("a", "punctuation")),
    no_repeat(2),
    no_repeat(3, exempt=("punctuation",)),
    no_repeat_ngram(1),
    no_repeat_ngram(2),
    length("2..4"),
    length("3", of="whole"),
    force(("2:b", "4:,")),
    no_double_punctuation(),
    regex("[ab]{1,2},?é*"),
    choice(("ab", "é,a", "b,")),
    balanced(("é,", "a")),
    EvenChars(),
    Echo(),
    Pairs(),
    Readings("ab"),
    no_repeat(1),
    no_repeat(3),
    no_repeat_ngram(1, exempt=("punctuation",)),
    regex("[ab]{1,2},?[^a]*é*"),
]
"""Machines of the core and of authors over the letters a, b, c, a comma and é."""
