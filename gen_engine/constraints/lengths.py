"""How long a text is, and which characters stand at given places: `length` and `force`."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Literal

from ..errors import GenError, brief
from ..text.char_sets import EVERY_CHAR, NO_CHAR, CharSet
from ..types import CharMachine
from .strings import given

NEEDED = 100
"""Up to this place, a state lists the characters that are still to be forced."""

LONGEST = 20_000
"""The longest text, in characters, that lengths and places may refer to; each character takes one state."""


def length(chars: str, *, of: Literal["new", "whole"] = "new") -> CharMachine:
    """Fix the length of the new (or the whole) text, in characters (`length=20`, `length=5..10`, `length=5..`)."""
    least, _, most = str(chars).partition("..")
    try:
        low = int(least) if least else 0
        high = (int(most) if most else None) if ".." in str(chars) else low
    except ValueError:
        raise GenError(f"length={brief(chars)} is no length; write 20, or a range such as 5..10.") from None
    if low < 0 or (high is not None and high < low):
        raise GenError(f"length={brief(chars)} is an empty range; write the smaller number first, from 0.")
    if max(low, high or 0) > LONGEST:
        raise GenError(
            f"length={brief(chars)} is longer than any text made here; write at most {LONGEST}, or leave the end open."
        )
    return Length(low, high, of == "whole")


def force(places: tuple[str, ...], *, of: Literal["new", "whole"] = "new") -> CharMachine:
    """Force characters at places counted from 1 in the new (or the whole) text (`force=1:春|4:风`)."""
    forced: dict[int, str] = {}
    for item in given("force", places):
        place, _, char = item.partition(":")
        if not re.fullmatch(r"[0-9]{1,9}", place) or int(place) < 1 or len(char) != 1:
            raise GenError(
                f"force={brief(item)} names no place; write PLACE:CHARACTER with places from 1, such as 1:春."
            )
        if int(place) > LONGEST:
            raise GenError(f"force={brief(item)} is beyond the longest text made here; give places up to {LONGEST}.")
        if forced.setdefault(int(place), char) != char:
            raise GenError(f"force gives place {place} both {forced[int(place)]} and {char}; keep one of them.")
    return Forced(tuple(sorted(forced.items())), of == "whole")


@dataclass(frozen=True)
class Length:
    """State: the characters counted so far, up to the number from which on more make no difference."""

    low: int
    high: int | None
    whole: bool

    def start(self, text: str) -> int:
        count = len(text) if self.whole else 0
        if self.high is not None and count > self.high:
            blank = ", with the blank at its end" if text[-1:] == " " else ""  # perhaps not typed: </w> prints one
            raise GenError(
                f"The prompt has {count} characters{blank}, more than the {self.high} that length allows the "
                f"whole text; shorten it to {self.high} or raise length."
            )
        return self._capped(count)

    def _capped(self, count: int) -> int:
        return min(count, self.low) if self.high is None else count

    def step(self, state: int, char: str) -> int | None:
        return None if self.high is not None and state >= self.high else self._capped(state + 1)

    def accepts(self, state: int) -> bool:
        return state >= self.low

    def allowed(self, state: int) -> CharSet:
        return NO_CHAR if self.high is not None and state >= self.high else EVERY_CHAR

    def kind(self, char: str) -> None:
        return None

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        """Any character, if one more fits."""
        after = self.step(state, "")
        return [] if after is None else [(EVERY_CHAR, after)]

    def min_remaining(self, state: int) -> int:
        """The number of missing characters."""
        return max(0, self.low - state)

    def max_remaining(self, state: int) -> float:
        """The number of characters that may still follow."""
        return inf if self.high is None else self.high - state

    def describe_next(self, state: int) -> str:
        """How many more characters are needed, in words."""
        if self.high is not None and state >= self.high:
            return "the end"
        missing = self.low - state
        return f"{missing} more character{'s' * (missing > 1)}" if missing > 0 else "any character or the end"


@dataclass(frozen=True)
class Forced:
    """State: the number of characters before the next one, capped at the last forced place."""

    places: tuple[tuple[int, str], ...]
    whole: bool

    @cached_property
    def _wanted(self) -> dict[int, str]:
        return dict(self.places)

    @cached_property
    def _sets(self) -> dict[str, CharSet]:
        return {char: CharSet(frozenset(char)) for _, char in self.places}

    def start(self, text: str) -> int:
        state = 0
        for char in text if self.whole else "":
            after = self.step(state, char)
            if after is None:
                wanted = self._wanted[state + 1]
                raise GenError(f"force wants {wanted} at place {state + 1}, where the prompt has {char}; change one.")
            state = after
        return state

    def step(self, state: int, char: str) -> int | None:
        return None if self._wanted.get(state + 1, char) != char else min(state + 1, self.places[-1][0])

    def accepts(self, state: int) -> bool:
        return state >= self.places[-1][0]

    def allowed(self, state: int) -> CharSet:
        wanted = self._wanted.get(state + 1)
        return EVERY_CHAR if wanted is None else self._sets[wanted]

    def kind(self, char: str) -> Hashable:
        return char if char in self._sets else None

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        """The forced character, or any character."""
        return [(self.allowed(state), min(state + 1, self.places[-1][0]))]

    @cached_property
    def _missing(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(c for place, c in self.places if place > state) for state in range(self.places[-1][0] + 1))

    def needs(self, state: int) -> tuple[str, ...]:
        """The characters that are still to be forced."""
        return self._missing[state] if self.places[-1][0] < NEEDED else ()

    def min_remaining(self, state: int) -> int:
        """The number of characters up to the last forced one."""
        return self.places[-1][0] - state

    def describe_next(self, state: int) -> str:
        """The character that is forced next, with its place."""
        ahead = next(((place, char) for place, char in self.places if place > state), None)
        return "any character or the end" if ahead is None else f"{ahead[1]} at place {ahead[0]}"
