"""Known lines that must not be written again: no line of a couplet may be one of those in a file."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from gen_engine.system.bounds import bounded
from gen_engine.text import EVERY_CHAR, CharSet

from ..verse.marks import BETWEEN, widths, without_end_marks
from ..verse.poem_files import read_texts

KNOWN = 100_000_000
"""The most characters in a file of known lines."""

FILES = 4
"""How many such files are remembered."""

SHAPES = 64
"""For how many shapes of couplets the fitting lines are remembered."""

LAST = "\U0010ffff"


@lru_cache(FILES)
def known_lines(path: str) -> frozenset[str]:
    """The lines in a file, or its columns between tabs, without the marks that end them; .xz and .gz are unpacked.

    GenError if there is no such file, or none that can be read.
    """
    text = "\n".join(bounded(read_texts(path, columns=True), KNOWN, path, "give a shorter file"))
    return frozenset(without_end_marks(part) for part in re.split("[\t\n]", text)) - {""}


@lru_cache(FILES)
def _by_length(lines: frozenset[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line in lines:
        found.setdefault(len(line), []).append(line)
    return found


@lru_cache(SHAPES)
def unseen(pattern: str, blank: str, *, lines: frozenset[str], label: str) -> Unseen:
    """The rule that neither half of a text of this `pattern`, where `blank` is any character, is one of `lines`."""
    half = pattern[: len(pattern) // 2 - 1]
    wide = {narrow: sign for sign in set(half) - {blank} for narrow in widths(sign)}
    shape = [sign if sign != blank else None for sign in half]
    spelled = {"".join(wide.get(char, char) for char in line) for line in _by_length(lines).get(len(half), ())}
    fitting = (
        line for line in spelled if all(s == c if s else c not in BETWEEN for s, c in zip(shape, line, strict=True))
    )
    return Unseen(tuple(sorted(fitting)), len(half), wide, label)


class Begun(NamedTuple):
    """How many characters are written (no more than the whole), and the current half so far; None if no known line
    begins so."""

    written: int = 0
    line: str | None = ""


@dataclass(frozen=True, eq=False)
class Unseen:
    """The last character that would complete a known line is forbidden; a line that the prompt completes is not judged.

    `lines` are sorted and have `size` characters each. `wide` maps marks in another width to those of the shape.
    """

    lines: tuple[str, ...] = field(repr=False)
    size: int
    wide: dict[str, str]
    label: str

    def start(self, text: str) -> Begun:
        state = Begun()
        for char in text:
            state = self._after(state, char)
        return state

    def step(self, state: Begun, char: str) -> Begun | None:
        after = self._after(state, char)
        is_whole = after.written % (self.size + 1) == self.size and after.written > state.written
        return None if is_whole and after.line is not None else after

    def _after(self, state: Begun, char: str) -> Begun:
        written, line = state
        if written == 2 * self.size + 2:
            return state
        if written % (self.size + 1) == self.size:  # the mark that ends a half
            return Begun(written + 1, "" if written == self.size else None)
        if line is None:
            return Begun(written + 1, None)
        begun = line + self.wide.get(char, char)
        at = bisect_left(self.lines, begun)
        return Begun(written + 1, begun if self.lines[at : at + 1] and self.lines[at].startswith(begun) else None)

    def accepts(self, state: Begun) -> bool:
        return True

    def min_remaining(self, state: Begun) -> int:
        return 0

    def allowed(self, state: Begun) -> CharSet:
        if state.written % (self.size + 1) != self.size - 1:
            return EVERY_CHAR
        completing = self.mentions(state)
        return CharSet(minus=completing) if completing else EVERY_CHAR

    def kind(self, char: str) -> None:
        return None

    def mentions(self, state: Begun) -> frozenset[str]:
        """The characters with which a known line continues from here."""
        if state.line is None or state.written % (self.size + 1) == self.size or state.written > 2 * self.size:
            return frozenset()
        if state.line not in self._following:
            self._following[state.line] = frozenset(self._continuations(state.line))
        return self._following[state.line]

    @cached_property
    def _following(self) -> dict[str, frozenset[str]]:
        return {}

    def _continuations(self, begun: str) -> set[str]:
        found: set[str] = set()
        at = bisect_left(self.lines, begun)
        while at < len(self.lines) and self.lines[at].startswith(begun):
            char = self.lines[at][len(begun)]
            found |= {char, *(narrow for narrow, sign in self.wide.items() if sign == char)}
            at = bisect_left(self.lines, begun + char + LAST, at)
        return found

    def removes_at_most(self, horizon: int) -> int:
        return self._most

    @cached_property
    def _most(self) -> int:
        """The most known lines that share all but the last character."""
        return max(Counter(line[:-1] for line in self.lines).values(), default=0)

    def never_forbids(self, char: str) -> bool:
        return char not in self._lasts

    @cached_property
    def _lasts(self) -> frozenset[str]:
        return frozenset(line[-1] for line in self.lines)

    def only_forbids_repeats_of(self, state: Begun) -> frozenset[str] | None:
        """Nothing more is forbidden once the second half has a beginning that no known line has."""
        return frozenset() if state.line is None and state.written > self.size else None

    def describe_next(self, state: Begun) -> str:
        return "a line that is not known already" if self.allowed(state) is not EVERY_CHAR else ""
