"""Constraints that are wrong on purpose, each in one way, and the law that each of them breaks."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import numpy as np

from gen_engine.testing import constraint_laws, engine_laws
from gen_engine.text import CharSet
from gen_engine.text.token_sets import Mask, TokenSet


@dataclass
class Counting:
    """At most three characters, counted in the object rather than in the state."""

    count: int = 0

    def start(self, text):
        self.count = 0
        return 0

    def step(self, state, char):
        return 0 if self.count < 3 else None

    def accepts(self, state):
        self.count += 1
        return True


class Moody:
    """Two that are made alike differ: by the number in which they were made."""

    numbers = itertools.count()

    def __init__(self):
        self.odd = next(self.numbers) % 2

    def start(self, text):
        return 0

    def step(self, state, char):
        return state if ord(char) % 2 == self.odd else None

    def accepts(self, state):
        return True


class Random:
    """Forbids at random."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return 0 if random.random() < 0.7 else None

    def accepts(self, state):
        return True


class Growing:
    """The state is a list that `step` appends to."""

    def start(self, text):
        return []

    def step(self, state, char):
        state.append(char)
        return state

    def accepts(self, state):
        return True


class Unhashable:
    """The state is a new list each time, which cannot be hashed."""

    def start(self, text):
        return list(text)

    def step(self, state, char):
        return [*state, char]

    def accepts(self, state):
        return True


@dataclass(eq=False)
class Tally:
    seen: str = ""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


class Confusing:
    """No character twice, with states that are all equal."""

    def start(self, text):
        return Tally()

    def step(self, state, char):
        return None if char in state.seen else Tally(state.seen + char)

    def accepts(self, state):
        return True


class Crashing:
    """Knows three characters of text and fails on the fourth."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return [1, 2, 3, 4][state]

    def accepts(self, state):
        return True


class Refusing:
    """Refuses prompts with an error of Python's own."""

    def start(self, text):
        return "ab"[len(text)]

    def step(self, state, char):
        return state

    def accepts(self, state):
        return True


class Boasting:
    """`allowed` says more than `step` does."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return 0 if char.isalpha() else None

    def allowed(self, state):
        return CharSet()

    def accepts(self, state):
        return True


@dataclass(frozen=True)
class Shared:
    """One array for all answers, written over at each question; allows every token but the last one."""

    array: np.ndarray = field(compare=False)

    def start(self, prompt):
        return -1

    def allowed(self, state):
        self.array[:] = True
        self.array[state] = state < 0
        return self.array

    def next(self, state, token):
        return token

    def accepts(self, state):
        return True


@dataclass(frozen=True)
class Twice:
    """A TokenSet that takes away a token twice."""

    size: int

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return TokenSet(Mask(np.ones(self.size, dtype=bool)), minus=(1, 1))

    def next(self, state, token):
        return 0

    def accepts(self, state):
        return True


@dataclass(frozen=True)
class Contrary:
    """`permits` forgets what `allowed` forbids."""

    size: int

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return np.arange(self.size) % 3 != 2

    def permits(self, state, token):
        return True

    def next(self, state, token):
        return 0

    def accepts(self, state):
        return True


@dataclass(frozen=True)
class LastCharacter:
    """No 春, it says; but of a token it looks at the last character only."""

    vocabulary: object

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return np.array([not surface.endswith("春".encode()) for surface in self.vocabulary.surfaces])

    def next(self, state, token):
        return 0

    def accepts(self, state):
        return True


class Endless:
    """No text is ever accepted."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return 0

    def accepts(self, state):
        return False


CONSTRAINTS = {
    "counting": (Counting, constraint_laws.HISTORY),
    "moody": (Moody, constraint_laws.DETERMINED),
    "random": (Random, constraint_laws.DETERMINED),
    "growing": (Growing, constraint_laws.IMMUTABLE),
    "unhashable": (Unhashable, constraint_laws.IMMUTABLE),
    "confusing": (Confusing, constraint_laws.EQUAL),
    "crashing": (Crashing, constraint_laws.RAISES),
    "refusing": (Refusing, constraint_laws.RAISES),
    "boasting": (Boasting, constraint_laws.AGREE),
    "shared": (lambda vocabulary: Shared(np.ones(len(vocabulary), dtype=bool)), constraint_laws.INPUTS),
    "twice": (lambda vocabulary: Twice(len(vocabulary)), constraint_laws.MASKS),
    "contrary": (lambda vocabulary: Contrary(len(vocabulary)), constraint_laws.AGREE),
    "last character": (LastCharacter, constraint_laws.MERGED),
    "endless": (Endless, engine_laws.EXISTS),
}

OPTIONS = {
    "last character": {"over": "characters", "alphabet": "春夏"},
}
"""What else the kit is told about some of them."""
