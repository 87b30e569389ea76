"""Constraints that keep their rule and promise too much of it, each in one way, and the law that each breaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gen_engine.constraints.lengths import Length
from gen_engine.constraints.repeats import NoRepeat
from gen_engine.testing import engine_laws, promise_laws


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

    def never_forbids(self, char):
        return char == "春"


class Spendthrift(NoRepeat):
    """Says that nothing is spent."""

    def only_forbids_repeats_of(self, state):
        return frozenset()


class Hasty(NoRepeat):
    """Lets each character come again one place too early, as it says."""

    def bars(self, state):
        return [(char, places - 1) for char, places in super().bars(state)]


class Pessimist(Length):
    """Says that one character more is needed than is."""

    def min_remaining(self, state):
        return self.low - state + 1


class Mover(Length):
    """Every move leads back to where it began."""

    def transitions(self, state):
        return [(self.allowed(state), state)]


class Mute(Length):
    """Wants nothing in words."""

    def describe_next(self, state):
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
    "sparing": {"alphabet": "春夏"},
    "hasty": {"over": "characters"},
}
"""What else the kit is told about some of them."""
