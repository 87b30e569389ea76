"""Parallel couplets (对仗): tones opposed, no character shared, repetitions that correspond.

The rule is Wang Li's minimum (诗词格律, 1977, chapter 2). The two lines have the same length, are opposed in tone at
the even places and the last, and have no character in common. Whether words are of one part of speech is left to the
model. The rule is made of two: `Opposed` is proved exactly through a few kinds of characters, and `Unshared` remembers
characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import ClassVar, NamedTuple

from gen_engine.errors import GenError, brief
from gen_engine.text import EVERY_CHAR, CharSet
from gen_engine.types import CharMachine

from ..verse.books import LEVEL, OBLIQUE, book
from ..verse.marks import BETWEEN, LINE_ENDS, PASSED
from .machine import MARK, PASS, Kind, Kinds, Move, Table, Together, follow

BOTH = LEVEL + OBLIQUE
NAMES = {LEVEL: "a level tone", OBLIQUE: "an oblique tone"}
OPPOSITE = {LEVEL: OBLIQUE, OBLIQUE: LEVEL}
ANY = "·"
"""Stands for a place of any tone, and for the characters of a line that is not judged."""

MOST = 1000
"""The highest number that a couplet may have."""


@dataclass(frozen=True, eq=False)
class Tones:
    """The characters that can be read in each tone, by one book; some can be read in both."""

    level: frozenset[str] = field(repr=False)
    oblique: frozenset[str] = field(repr=False)

    @cached_property
    def kinds(self) -> Kinds:
        """Characters by the tones in which they can be read, and the marks between them; those without tones are
        None."""
        both = self.level & self.oblique
        named = {LEVEL: self.level - both, OBLIQUE: self.oblique - both, BOTH: both, MARK: LINE_ENDS, PASS: PASSED}
        return Kinds({kind: chars for kind, chars in named.items() if chars})

    def of(self, char: str) -> str:
        """The tones in which `char` can be read."""
        kind = self.kinds.of.get(char)
        return kind if kind in (LEVEL, OBLIQUE, BOTH) else ""


NO_TONES = Tones(frozenset(), frozenset())


@cache  # at most one for each name of a book
def tones_of(name: str | None) -> Tones:
    """The tones by the rhyme book of that name; with None (or "none") there is no book, and no tones are opposed."""
    if name in (None, "none"):
        return NO_TONES
    entries = book(str(name)).entries
    level = frozenset(char for char, readings in entries.items() if any(each.tone == LEVEL for each in readings))
    oblique = frozenset(char for char, readings in entries.items() if any(each.tone == OBLIQUE for each in readings))
    return Tones(level, oblique)


def parallel(couplets: tuple[str, ...] = ("middle",), *, book: str | None = "pingshui") -> CharMachine:
    """Make couplets parallel: opposed tones, no shared character, like repetitions (`parallel=all`, `parallel=2..4`).

    A couplet is two lines; `middle` are the second and third, `all` is all of them. `book` says which tones characters
    have (none: tones are not opposed).
    """
    numbers: set[int] = set()
    for item in couplets:
        numbers |= _numbers(item.strip())
    if not numbers:
        raise GenError("parallel names no couplet; write middle, all, or numbers such as 1|3 or 2..4.")
    every = "all" in {item.strip() for item in couplets}
    return parallel_by(frozenset() if every else frozenset(numbers), tones_of(book), f"parallel={'|'.join(couplets)}")


def parallel_by(couplets: frozenset[int], tones: Tones, label: str = "parallel") -> Together:
    """The rule that couplets of these numbers (none: all) are parallel; lines end at marks."""
    lines = Lines(couplets)
    return Together((Unshared(lines, label), Opposed(tones, lines, label)))


def _numbers(item: str) -> set[int]:
    if item in ("middle", "all"):
        return {2, 3}
    read = re.fullmatch(r"([0-9]{1,4})(?:\.\.([0-9]{1,4}))?", item)
    low, high = (int(read[1]), int(read[2] or read[1])) if read else (0, 0)
    if not 1 <= low <= high <= MOST:
        raise GenError(f"parallel={brief(item)} names no couplet; write middle, all, or numbers such as 1|3 or 2..4.")
    return set(range(low, high + 1))


@dataclass(frozen=True)
class Lines:
    """Which lines are compared: those of these couplets (none: all). Lines end in marks, or have `size` characters.

    With a size, `ends` are the lengths after which parts of a line end; the marks are left to another rule.
    """

    couplets: frozenset[int]
    size: int = 0
    ends: tuple[int, ...] = ()

    def judges(self, couplet: int) -> bool:
        """Whether the couplet of that number is judged."""
        return not self.couplets or couplet in self.couplets

    @cached_property
    def beyond(self) -> int:
        """The number of the couplet from which on nothing is judged, 0 if there is none."""
        return max(self.couplets, default=-1) + 1

    def following(self, couplet: int) -> int:
        """The number of the next couplet; where all are judged alike, they share one number."""
        return couplet + bool(self.couplets)

    @cached_property
    def toned(self) -> frozenset[int]:
        """With a size: the places, from 0, at which tones are opposed: even ones and the last of each part."""
        begins = (0, *self.ends)
        even = {place for place in range(self.size) if (place - max(b for b in begins if b <= place)) % 2 == 1}
        return frozenset(even | {end - 1 for end in (*self.ends, self.size)})


FIRST, WAITING, SECOND = 0, 1, 2


class Opposition(NamedTuple):
    """`couplet` counts from 1. `line` is the line that is being written (WAITING: the second has no character yet).
    `tones` are those that the second line must have at the places not written yet, and `size` is how long it must
    be."""

    couplet: int = 1
    line: int = FIRST
    tones: str = ""
    size: int = 0


@dataclass(frozen=True, eq=False)
class Opposed:
    """The second line of a couplet is as long as the first and opposed to it in tone.

    Where a character of the first can be read in both tones, or the book does not know it, any character may answer it.
    With `ending`, the first line can end in this tone and the second in the other.
    """

    tones: Tones
    lines: Lines
    label: str
    ending: str = ""
    as_typed: ClassVar[bool] = True

    def start(self, text: str) -> Opposition:
        return follow(self, Opposition(), text, self.label)  # type: ignore[no-any-return]

    def step(self, state: Opposition, char: str) -> Opposition | None:
        return self._after(state, self.kind(char))

    def kind(self, char: str) -> Kind:
        return self.tones.kinds.of.get(char)

    def _after(self, state: Opposition, kind: Kind) -> Opposition | None:
        couplet, line, tones, size = state
        if kind == PASS or couplet == self.lines.beyond:
            return state
        if kind == MARK:
            return state if self.lines.size else self._end_line(state)
        if not self.lines.judges(couplet):
            return Opposition(couplet, SECOND if line else FIRST, ANY)
        if not line:
            return self._lead(state, kind or "")
        wanted = tones[:1]
        if not wanted or (wanted != ANY and wanted not in (kind or "")):
            return None
        is_whole = len(tones) == 1 and self.lines.size
        return self._next_couplet(couplet) if is_whole else Opposition(couplet, SECOND, tones[1:], size)

    def _lead(self, state: Opposition, kind: str) -> Opposition | None:
        """The state after a character of the first line; its opposite tone is required if it may be the last."""
        couplet, _, tones, _ = state
        place, last = len(tones), len(tones) + 1 == self.lines.size
        wanted = OPPOSITE.get(kind, ANY)
        if not self.lines.size and place % 2 == 1:
            tones = tones[:-1] + ANY  # an odd place counts only where it is the last
        if self.lines.size and place not in self.lines.toned:
            wanted = ANY
        if last and self.ending:
            if self.ending not in kind:
                return None
            wanted = OPPOSITE[self.ending]
        return Opposition(couplet, WAITING if last else FIRST, tones + wanted, place + 1)

    def _end_line(self, state: Opposition) -> Opposition | None:
        couplet, line, tones, size = state
        if line == WAITING or not (line or tones):
            return state
        if line == FIRST:
            return Opposition(couplet, WAITING, tones if self.lines.judges(couplet) else "", size)
        return None if tones and self.lines.judges(couplet) else self._next_couplet(couplet)

    def _next_couplet(self, couplet: int) -> Opposition:
        return Opposition(self.lines.following(couplet))

    def accepts(self, state: Opposition) -> bool:
        return not self.min_remaining(state)

    def min_remaining(self, state: Opposition) -> int:
        return len(state.tones) if state.line == SECOND and self.lines.judges(state.couplet) else 0

    @cached_property
    def _table(self) -> Table:
        return Table(self.tones.kinds, self._after)

    def allowed(self, state: Opposition) -> CharSet:
        return self._table.row(state)[0]

    def transitions(self, state: Opposition) -> tuple[Move, ...]:
        return self._table.row(state)[1]

    def describe_next(self, state: Opposition) -> str:
        couplet, line, tones, size = state
        if couplet == self.lines.beyond or not self.lines.judges(couplet):
            return ""
        if not line:
            ends = self.ending and len(tones) + 1 == self.lines.size
            return f"{NAMES[self.ending]} at line 1, place {len(tones) + 1}" if ends else ""
        where = f"line {2 * couplet}" if self.lines.couplets else "the second line"
        if not tones:
            return f"the end of {where} after {size} characters"
        return f"{NAMES.get(tones[0], 'any tone')} at {where}, place {size - len(tones) + 1}"


class Sharing(NamedTuple):
    """The couplet, its line that is being written, and the characters of both lines (ANY for those not judged)."""

    couplet: int = 1
    in_second: bool = False
    first: str = ""
    second: str = ""


@dataclass(frozen=True, eq=False)
class Unshared:
    """The second line of a couplet repeats a character exactly where the first line repeats the one above it. It shares
    no character with the first. Beyond the length of the first line, no character of the second may be repeated."""

    lines: Lines
    label: str

    def start(self, text: str) -> Sharing:
        return follow(self, Sharing(), text, self.label)  # type: ignore[no-any-return]

    def step(self, state: Sharing, char: str) -> Sharing | None:
        couplet, in_second, first, second = state
        if char in PASSED or couplet == self.lines.beyond:
            return state
        if char in LINE_ENDS:
            return state if self.lines.size else self._end_line(state)
        if not self.lines.judges(couplet):
            return Sharing(couplet, in_second, ANY, ANY if in_second else "")
        if not in_second:
            return Sharing(couplet, len(first) + 1 == self.lines.size, first + char)
        echo = self._echo(first, second)
        if char != echo if echo else char in first or char in second:
            return None
        if len(second) + 1 == self.lines.size:
            return Sharing(self.lines.following(couplet))
        return Sharing(couplet, True, first, second + char)

    @staticmethod
    def _echo(first: str, second: str) -> str:
        """The character that must follow in the second line because the first repeats one there; "" if there is
        none."""
        before = first.find(first[len(second)]) if len(second) < len(first) else len(second)
        return second[before : before + 1]

    def _end_line(self, state: Sharing) -> Sharing:
        couplet, in_second, first, second = state
        if not (second if in_second else first):
            return state
        if not in_second:
            return Sharing(couplet, True, first)
        return Sharing(self.lines.following(couplet))

    def accepts(self, state: Sharing) -> bool:
        return True

    def min_remaining(self, state: Sharing) -> int:
        return 0

    def _is_answering(self, state: Sharing) -> bool:
        return state.in_second and self.lines.judges(state.couplet)

    def allowed(self, state: Sharing) -> CharSet:
        if not self._is_answering(state):
            return EVERY_CHAR
        echo = self._echo(state.first, state.second)
        return CharSet(BETWEEN, plus=frozenset(echo)) if echo else CharSet(minus=self.mentions(state))

    def kind(self, char: str) -> Kind:
        return MARK if char in LINE_ENDS else PASS if char in PASSED else None

    def mentions(self, state: Sharing) -> frozenset[str]:
        return frozenset(state.first + state.second) - {ANY}

    def never_forbids(self, char: str) -> bool:
        return char in BETWEEN

    def only_forbids_repeats_of(self, state: Sharing) -> frozenset[str] | None:
        """The characters of the couplet; no promise while a repetition of the first line is still to be answered."""
        first, written = state.first, len(state.second)
        due = any(first.find(char) < place for place, char in enumerate(first) if place >= written)
        return None if due else self.mentions(state)

    def describe_next(self, state: Sharing) -> str:
        if not self._is_answering(state):
            return ""
        first, second = state.first, state.second
        where = f"line {2 * state.couplet}" if self.lines.couplets else "the second line"
        what = self._echo(first, second) or f"a character that is not among {first}{second}"
        return f"{what} at {where}, place {len(second) + 1}"
