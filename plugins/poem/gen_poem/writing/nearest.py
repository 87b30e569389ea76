"""The lines of real poems that are nearest to a line, so that one sees what it borrows.

How much is borrowed is measured by the longest common subsequence: the most characters that the two lines have in
common in the same order, whatever stands between them (Wagner and Fischer 1974, "The string-to-string correction
problem"). Here it is divided by the characters of the given line. So a line of seven characters that holds a real line
of five has a share of 5/7.

An inverted index from characters to lines leaves few lines to compare: no line has a longer subsequence in common than
it has places with characters of the given line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gen_engine.errors import GenError

from ..verse.traditional import to_simplified
from .known_lines import lines_of
from .line_index import LineIndex, read_line_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = Path(__file__).parents[1] / "tables" / "real_lines.bin"
"""The lines that are shipped; plugins/poem/recipe/real_lines.py tells which, and builds the file."""

LONGEST = 64
"""The most characters of a line; the longest line of a tune has eleven."""


@dataclass(frozen=True)
class RealLine:
    """A line of a real poem beside a given line.

    `title` is that of the poem, or the tune of a ci; `share` is the share of the given line that stands in the real
    one, in (0, 1]; `places` are the places of these characters in the given line, counted from 0.
    """

    line: str
    title: str
    author: str
    dynasty: str
    share: float
    places: tuple[int, ...]


def nearest_lines(line: str, n: int = 3, *, index: LineIndex | None = None) -> list[RealLine]:
    """The `n` lines of real poems in which most of a line stands, the nearest first; fewer if fewer share anything.

    A line is a run of at most 64 Chinese characters; marks around it are passed over, and traditional characters read
    as simplified ones. Of two lines with the same share the one comes first that has more of the line's characters
    without a gap; then the shorter one; then the one that stands first in the index: famous poems first. Without
    `index` the shipped lines are searched, which are read once. GenError for no line, for several, for one that is too
    long, and for a damaged file; ValueError for `n` below 1.
    """
    if n < 1:
        raise ValueError(f"n is {n}, and at least one line is to be found; give 1 or more.")
    index = real_lines() if index is None else index
    own = to_simplified(_only_line(line))
    found = _ranked(index, index.encode(own), n)
    return [_told(index, number, own) for number in found]


@cache
def real_lines() -> LineIndex:
    """The shipped lines; they stay in memory once they have been read. GenError if the file is damaged."""
    return read_line_index(FILE)


def _only_line(text: str) -> str:
    lines = lines_of(text)
    if not lines:
        raise GenError(f"{text[:20]!r} has no Chinese character; give a line of verse, such as 白日依山尽.")
    if len(lines) > 1:
        raise GenError(f"{text[:20]!r} is {len(lines)} lines; give one line at a time.")
    if len(lines[0]) > LONGEST:
        raise GenError(f"A line of {len(lines[0])} characters is longer than any; give at most {LONGEST}.")
    return lines[0]


def _ranked(index: LineIndex, own: NDArray[np.uint16], n: int) -> list[int]:
    """The numbers of the nearest lines."""
    holders = np.concatenate([index.lines_with(code) for code in dict.fromkeys(own.tolist())])
    bounds = np.bincount(holders, minlength=1)
    for least in range(min(len(own), int(bounds.max())), 0, -1):
        numbers = np.flatnonzero(bounds >= least)
        common, runs = overlaps(index.rows(numbers), own)
        near = common >= least
        if near.sum() >= n or least == 1:
            near_ones = numbers[near]
            lengths = index.starts[near_ones + 1] - index.starts[near_ones]
            order = np.lexsort((near_ones, lengths, -runs[near], -common[near]))[:n]
            return [int(number) for number in near_ones[order]]
    return []


def overlaps(rows: NDArray[np.uint16], own: NDArray[np.uint16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(longest common subsequence, longest common run) of each row with a line, as numbers of characters.

    rows: [rows, width], own: [length]; both results: [rows].
    """
    common = np.zeros((len(own) + 1, len(rows)), np.int16)
    runs = np.zeros_like(common)
    longest = np.zeros(len(rows), np.int16)
    for column in rows.T:
        equal = column == own[:, None]  # [length, rows]
        runs[1:] = (runs[:-1] + 1) * equal
        longest = np.maximum(longest, runs.max(axis=0))
        common[1:] = np.maximum.accumulate(np.maximum(common[:-1] + equal, common[1:]), axis=0)
    return common[-1], longest


def _told(index: LineIndex, number: int, own: str) -> RealLine:
    line = index.line(number)
    places = shared_places(own, line)
    return RealLine(line, *index.source(number), len(places) / len(own), places)


def shared_places(own: str, other: str) -> tuple[int, ...]:
    """The places in `own` of a longest common subsequence with `other`; of several, always the same one."""
    rest = np.zeros((len(own) + 1, len(other) + 1), int)  # [i, j]: what own[i:] and other[j:] have in common
    for i in reversed(range(len(own))):
        for j in reversed(range(len(other))):
            same = own[i] == other[j]
            rest[i, j] = rest[i + 1, j + 1] + 1 if same else max(rest[i + 1, j], rest[i, j + 1])
    i = j = 0
    places = []
    while rest[i, j]:
        if own[i] == other[j]:
            places.append(i)
            i, j = i + 1, j + 1
        elif rest[i + 1, j] >= rest[i, j + 1]:
            i += 1
        else:
            j += 1
    return tuple(places)
