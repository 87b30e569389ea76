"""Processors, decoders and models that are wrong on purpose, each in one way, and the law that each of them breaks."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import numpy as np

from gen_engine.constraints.builtin import Length
from gen_engine.constraints.repeats import NoRepeat
from gen_engine.testing import constraint_laws, engine_laws, promise_laws
from gen_engine.text import CharSet
from gen_engine.text.token_sets import Mask, TokenSet

# ------------------------------------------------------------------------------------------------- constraints


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


def no_mark(char):
    return False


class Coarse:
    """No character twice in a row, without saying which one a state singles out."""

    def start(self, text):
        return ""

    def step(self, state, char):
        return None if char == state else char

    def accepts(self, state):
        return True

    def kind(self, char):
        return None


class Modest(NoRepeat):
    """Two characters may not be repeated, and one is said to be removed."""

    def removes_at_most(self, horizon):
        return self.window - 1


class Lenient(NoRepeat):
    """Tells many rows together of one character less than may not be repeated."""

    def banned(self, history, lengths):
        return super().banned(history, np.maximum(lengths - 1, 0))


class Unfinished(NoRepeat):
    """Tells many rows together what may not be repeated, and lets no text end before its second character."""

    def accepts(self, state):
        return len(state) > 1


class Worn:
    """Once the same object has begun many texts, it forbids most characters."""

    def __init__(self):
        self.begun = 0

    def start(self, text):
        self.begun += 1
        return self.begun > WORN

    def step(self, state, char):
        return None if state and char != "，" else state

    def accepts(self, state):
        return True


WORN = 8


class Sparing(NoRepeat):
    """Spares what it forbids."""

    def spares(self, char):
        return char == "春"


class Spendthrift(NoRepeat):
    """Says that nothing is spent."""

    def spent(self, state):
        return frozenset()


class Hasty(NoRepeat):
    """Lets each character come again one place too early, as it says."""

    def bars(self, state):
        return [(char, places - 1) for char, places in super().bars(state)]


class Pessimist(Length):
    """Says that one character more is needed than is."""

    def least(self, state):
        return self.low - state + 1


class Mover(Length):
    """Every move leads back to where it began."""

    def moves(self, state):
        return [(self.allowed(state), state)]


class Mute(Length):
    """Wants nothing in words."""

    def wants(self, state):
        return None


@dataclass(frozen=True)
class Cutter:
    """Cuts one token more than there are."""

    size: int

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return np.full(self.size, not state)

    def next(self, state, token):
        return int(token == self.size - 1)

    def accepts(self, state):
        return True

    def cut(self, state):
        return 9 * state


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
    "coarse": (Coarse, promise_laws.KINDS),
    "modest": (lambda: Modest(2, no_mark), promise_laws.REMOVES),
    "lenient": (lambda: Lenient(2, no_mark), promise_laws.BANNED),
    "unfinished": (lambda: Unfinished(2, no_mark), promise_laws.BANNED),
    "worn": (Worn, engine_laws.USED),
    "sparing": (lambda: Sparing(2, no_mark), promise_laws.SPARES),
    "spendthrift": (lambda: Spendthrift(2, no_mark), promise_laws.SPENT),
    "pessimist": (lambda: Pessimist(1, 3, False), promise_laws.LEAST),
    "mover": (lambda: Mover(1, 3, False), promise_laws.MOVES),
    "mute": (lambda: Mute(1, 3, False), promise_laws.WANTS),
    "cutter": (lambda vocabulary: Cutter(len(vocabulary)), promise_laws.CUTS),
}

OPTIONS = {
    "last character": {"over": "characters", "alphabet": "春夏"},
    "sparing": {"alphabet": "春夏"},
    "hasty": {"over": "characters"},
}
"""What else the kit is told about some of them."""
