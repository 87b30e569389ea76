"""Machines whose texts have one character of each slot, and rules that forbid to repeat; each with what it means."""

from dataclasses import dataclass

from hypothesis import strategies as st
from oracle import Wish
from tiny import chars, vocabulary

from gen_engine.text import NO_CHAR, CharSet
from gen_engine.types import Named


@dataclass(frozen=True)
class Slots:
    """The new text has one character of each slot, in order; everything optional is offered."""

    slots: tuple[str, ...]

    def start(self, text):
        return 0

    def step(self, state, char):
        return state + 1 if state < len(self.slots) and char in self.slots[state] else None

    def accepts(self, state):
        return state == len(self.slots)

    def allowed(self, state):
        return CharSet(frozenset(self.slots[state])) if state < len(self.slots) else NO_CHAR

    def kind(self, char):
        return char

    def transitions(self, state):
        return [(self.allowed(state), state + 1)] if state < len(self.slots) else []

    def min_remaining(self, state):
        return len(self.slots) - state

    def describe_next(self, state):
        return f"one of {self.slots[state]} at place {state + 1}" if state < len(self.slots) else "the end"


@dataclass(frozen=True)
class Different:
    """No character twice in the new text; but those of `free`."""

    free: str = ""

    def start(self, text):
        return frozenset()

    def step(self, state, char):
        return None if char in state else state | frozenset(set(char) - set(self.free))

    def accepts(self, state):
        return True

    def kind(self, char):
        return char in self.free

    def mentions(self, state):
        return state

    def only_forbids_repeats_of(self, state):
        return state

    def never_again(self, state, room):
        return state

    def describe_next(self, state):
        return "a new one"

    def never_forbids(self, char):
        return char in self.free


@dataclass(frozen=True)
class Either:
    """The text is that of one of two machines, found out on the way; with moves, and a coarse lower bound."""

    one: Slots
    two: Slots

    def start(self, text):
        return (0, 0)

    def step(self, state, char):
        pairs = zip((self.one, self.two), state, strict=True)
        after = tuple(-1 if at < 0 or (to := each.step(at, char)) is None else to for each, at in pairs)
        return None if after == (-1, -1) else after

    def accepts(self, state):
        return any(at >= 0 and each.accepts(at) for each, at in zip((self.one, self.two), state, strict=True))

    def kind(self, char):
        return char

    def transitions(self, state):
        found = {}
        for char in sorted({char for each in (self.one, self.two) for slot in each.slots for char in slot}):
            after = self.step(state, char)
            if after is not None:
                found.setdefault(after, set()).add(char)
        return [(CharSet(frozenset(letters)), after) for after, letters in found.items()]

    def min_remaining(self, state):
        return min(each.min_remaining(at) for each, at in zip((self.one, self.two), state, strict=True) if at >= 0)


def slots_wish(slots):
    return Wish(Named("slots", Slots(slots)), lambda case, t: not fits(case.new(t), slots, part=True),
                lambda case, t: fits(case.new(t), slots))  # fmt: skip


def either_wish(one, two):
    return Wish(
        Named("either", Either(Slots(one), Slots(two))),
        lambda case, t: not any(fits(case.new(t), each, part=True) for each in (one, two)),
        lambda case, t: any(fits(case.new(t), each) for each in (one, two)),
    )


def fits(text, slots, part=False):
    return (len(text) <= len(slots) if part else len(text) == len(slots)) and all(
        char in slot for char, slot in zip(text, slots, strict=False)
    )


def different_wish(free):
    return Wish(
        Named("different", Different(free)),
        lambda case, t: any(char not in free and case.new(t).count(char) > 1 for char in case.new(t)),
    )


SLOTS = st.lists(st.sampled_from(["a", "b", "ab", "abc", "abcd", "cd"]), min_size=1, max_size=5).map(tuple)
PLAIN = st.sampled_from([chars("abcd"), vocabulary("", "", *"abcd", specials=(0, 1)), vocabulary("", *"abcdab")])
