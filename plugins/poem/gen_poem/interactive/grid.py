"""The places of a text: line 2, place 3 is the third character of the second line. Lines end at marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gen_engine.errors import GenError
from gen_engine.text import is_han

from ..verse.marks import LINE_ENDS, STOPS

BLANK = "□"

Lines = list[list[int]]
"""The positions in a text of the characters of each line."""


def lines_of(text: str) -> Lines:
    """The lines of a text: a mark behind characters ends one."""
    return _parts(text, LINE_ENDS)


def couplets_of(text: str) -> Lines:
    """The positions of each couplet, or sentence: what ends in a full stop."""
    return _parts(text, STOPS)


def _parts(text: str, ends: Iterable[str]) -> Lines:
    found: Lines = [[]]
    for position, char in enumerate(text):
        if is_han(char):
            found[-1].append(position)
        elif char in ends and found[-1]:
            found.append([])
    return [part for part in found if part]


def position_of(text: str, line: int, place: int) -> int:
    """The position of a place, both counted from 1. GenError if the text has no such place."""
    row = nth(lines_of(text), line, "line")
    if not 1 <= place <= len(row):
        raise GenError(f"Line {line} has places 1 to {len(row)}, and {place} is none of them.")
    return row[place - 1]


def nth(parts: Lines, number: int, what: str) -> list[int]:
    """The part with that number, counted from 1. GenError if there is none."""
    if not 1 <= number <= len(parts):
        raise GenError(f"The text has {what}s 1 to {len(parts)}, and {number} is none of them.")
    return parts[number - 1]


def place_of(text: str, position: int) -> str:
    """A position in the way it is typed: 2.3."""
    found = ((n, row.index(position) + 1) for n, row in enumerate(lines_of(text), 1) if position in row)
    line, place = next(found, (0, 0))
    return f"{line}.{place}"


def pattern_of(text: str, opened: Iterable[int], fixed: Mapping[int, str]) -> str:
    """The text with a blank at each opened place, and the fixed characters where they belong, opened or not."""

    def signs() -> Iterator[str]:
        blank = set(opened)
        for position, char in enumerate(text):
            yield fixed.get(position) or (BLANK if position in blank else char)

    return "".join(signs())
