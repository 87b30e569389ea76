"""Parallel couplets (对仗): tones opposed, no character shared, repetitions that correspond.

What is judged is Wang Li's minimum (诗词格律, 1977, chapter 2): the two lines are of one length, opposed in tone at the
even places and the last, and have no character in common. Whether words are of one part of speech is left to the model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import NamedTuple

from gen_engine.errors import GenError
from gen_engine.text import EVERY_CHAR, CharSet
from gen_engine.types import CharMachine

from .lines import MARKS, PASSED, follow

LEVEL, OBLIQUE = "平", "仄"
NAMES = {LEVEL: "a level tone", OBLIQUE: "an oblique tone"}
OPPOSITE = {LEVEL: OBLIQUE, OBLIQUE: LEVEL}
MOST = 1000
"""The highest number a couplet may have."""


@dataclass(frozen=True, eq=False)
class Tones:
    """Which characters can be read in each tone, by one book; those of several readings in both."""

    of: dict[str, frozenset[str]]

    def opposite(self, char: str) -> str:
        """The tone that answers `char`; "" where any does: it can be read in both tones, or the book lacks it."""
        found = self.of[LEVEL].__contains__(char), self.of[OBLIQUE].__contains__(char)
        return {(True, False): OBLIQUE, (False, True): LEVEL}.get(found, "")

    def kind(self, char: str) -> str:
        """The tones in which `char` can be read."""
        return "".join(tone for tone, chars in self.of.items() if char in chars)


NO_TONES = Tones({LEVEL: frozenset(), OBLIQUE: frozenset()})


@cache
def tones_of(name: str | None) -> Tones:
    """The tones by the rhyme book of that name; None is no book, by which nothing is opposed."""
    if name is None:
        return NO_TONES
    from .books import book

    entries = book(name).entries
    found = {tone: frozenset(c for c, all_ in entries.items() if any(r.tone == tone for r in all_)) for tone in NAMES}
    return Tones(found)


@dataclass(frozen=True, eq=False)
class Answers:
    """What may stand in the second line of a couplet, place by place, whatever the couplet is part of.

    `last` is the tone that the last character must have on top of what opposes the first line ("" for none).
    """

    tones: Tones
    last: str = ""
    _known: dict[tuple[str, tuple[int, ...]], tuple[str, ...]] = field(default_factory=dict)

    def wanted(self, first: str, ends: tuple[int, ...] = ()) -> tuple[str, ...]:
        """The tone wanted at each place ("" for none) under a first line whose parts end before `ends`.

        Characters that answer one repeated character are one, so that it must suit all its places.
        """
        key = first, ends
        if key not in self._known:
            if len(self._known) > MOST:
                self._known.clear()
            begins = (0, *ends)
            judged = {i for i in range(len(first)) if (i - max(b for b in begins if b <= i)) % 2 == 1}
            judged |= {end - 1 for end in (*ends, len(first))}
            wanted = {first[i]: self.tones.opposite(first[i]) for i in sorted(judged) if first}
            if first and self.last:
                wanted[first[-1]] = self.last
            self._known[key] = tuple(wanted.get(char, "") for char in first)
        return self._known[key]

    def echo(self, first: str, second: str) -> str:
        """The character that must follow in the second line since the first repeats one there, "" if none must."""
        before = first.find(first[len(second)])
        return second[before] if before < len(second) else ""

    def fits(self, first: str, second: str, char: str, ends: tuple[int, ...] = ()) -> bool:
        """Whether `char` may follow `second` under `first`, which is longer."""
        echo = self.echo(first, second)
        if echo:
            return char == echo
        tone = self.wanted(first, ends)[len(second)]
        return char not in first and char not in second and (not tone or char in self.tones.of[tone])

    def wants(self, first: str, second: str, ends: tuple[int, ...] = ()) -> str:
        """The same in words."""
        echo = self.echo(first, second)
        tone = self.wanted(first, ends)[len(second)]
        return echo or (NAMES[tone] if tone else "a character") + f" that is not among {first}{second}"


class State(NamedTuple):
    """The couplet's number, the line of it that is being written, and the characters of both.

    Of a couplet that nobody judges only whether a line has characters is told.
    """

    couplet: int
    in_second: bool = False
    first: str = ""
    second: str = ""


SOME = "*"
"""Stands for the characters of a line that nobody judges."""


def parallel(couplets: tuple[str, ...] = ("middle",), *, book: str | None = "pingshui") -> CharMachine:
    """Make couplets parallel: tones opposed, no shared character, repetitions alike (`parallel=all`, `parallel=2..4`).

    A couplet is two lines; `middle` are the second and third, `all` is all of them. `book` says what tones characters
    have (none: tones are not opposed).
    """
    numbers: set[int] = set()
    for item in couplets:
        numbers |= _numbers(item.strip())
    if not numbers:
        raise GenError("parallel names no couplet; write middle, all, or numbers such as 1|3 or 2..4.")
    every = "all" in {item.strip() for item in couplets}
    return Parallel(
        frozenset() if every else frozenset(numbers), Answers(tones_of(book)), f"parallel={'|'.join(couplets)}"
    )


def _numbers(item: str) -> set[int]:
    if item in ("middle", "all"):
        return {2, 3}
    read = re.fullmatch(r"([0-9]{1,4})(?:\.\.([0-9]{1,4}))?", item)
    low, high = (int(read[1]), int(read[2] or read[1])) if read else (0, 0)
    if not 1 <= low <= high <= MOST:
        raise GenError(f"parallel={item} names no couplet; write middle, all, or numbers such as 1|3 or 2..4.")
    return set(range(low, high + 1))


def inner_couplets(rows: int) -> Sequence[str]:
    """What `parallel` is to judge in regulated verse of so many lines: every couplet but the first and the last."""
    return (f"2..{rows // 2 - 1}",) if rows >= 6 else ()


@dataclass(frozen=True, eq=False)
class Parallel:
    """The couplets of these numbers (none: all) are parallel. It forbids nothing in their first lines."""

    couplets: frozenset[int]
    answers: Answers
    label: str = "parallel"

    def start(self, text: str) -> State:
        return follow(self, State(1), text, self.label)  # type: ignore[no-any-return]

    def step(self, state: State, char: str) -> State | None:
        if char in PASSED or state.couplet == self._done:
            return state
        couplet, in_second, first, second = state
        judged = self._judges(couplet)
        if char in MARKS:
            return self._end_line(state, judged)
        if not in_second:
            return State(couplet, False, first + char if judged else SOME)
        if not judged:
            return State(couplet, True, SOME, SOME)
        fits = len(second) < len(first) and self.answers.fits(first, second, char)
        return State(couplet, True, first, second + char) if fits else None

    def _end_line(self, state: State, judged: bool) -> State | None:
        couplet, in_second, first, second = state
        if not (second if in_second else first):
            return state
        if not in_second:
            return State(couplet, True, first)
        if judged and len(second) < len(first):
            return None
        return State(1) if not self.couplets else State(couplet + 1)

    def _judges(self, couplet: int) -> bool:
        return not self.couplets or couplet in self.couplets

    @cached_property
    def _done(self) -> int:
        return max(self.couplets, default=-1) + 1

    def _is_answering(self, state: State) -> bool:
        return state.in_second and self._judges(state.couplet)

    def accepts(self, state: State) -> bool:
        return not self.least(state)

    def least(self, state: State) -> int:
        return len(state.first) - len(state.second) if self._is_answering(state) and state.second else 0

    def allowed(self, state: State) -> CharSet:
        if not self._is_answering(state):
            return EVERY_CHAR
        _, _, first, second = state
        if len(first) == len(second):
            return CharSet(_BETWEEN)
        echo = self.answers.echo(first, second)
        if echo:
            return CharSet(PASSED, plus=frozenset(echo))
        tone = self.answers.wanted(first)[len(second)]
        used = frozenset(first + second)
        if tone:
            return CharSet(self._beginning[tone] if not second else self._within[tone], minus=used)
        return CharSet(MARKS, inverted=True, minus=used) if second else CharSet(minus=used)

    @cached_property
    def _within(self) -> dict[str, frozenset[str]]:
        return {tone: chars | PASSED for tone, chars in self.answers.tones.of.items()}

    @cached_property
    def _beginning(self) -> dict[str, frozenset[str]]:
        return {tone: chars | _BETWEEN for tone, chars in self.answers.tones.of.items()}

    def kind(self, char: str) -> str:
        if char in _BETWEEN:
            return "mark" if char in MARKS else "passed"
        return self.answers.tones.kind(char)

    def mentions(self, state: State) -> frozenset[str]:
        return frozenset(state.first + state.second) - {SOME}

    def spent(self, state: State) -> frozenset[str] | None:
        return frozenset() if state.couplet == self._done else None

    def wants(self, state: State) -> str:
        couplet, _, first, second = state
        if not self._is_answering(state):
            return "nothing in particular"
        line = f"line {2 * couplet}" if self.couplets else "the second line"
        if len(first) == len(second):
            return f"the end of {line} after {len(second)} characters"
        return f"{self.answers.wants(first, second)} at {line}, place {len(second) + 1}"


_BETWEEN = MARKS | PASSED
