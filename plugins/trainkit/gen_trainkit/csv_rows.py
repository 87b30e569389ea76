"""Rows of CSV files, with a check of quotes: a misplaced quote may swallow every row up to the next quote."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gen_engine.errors import GenError
from gen_engine.system.bounds import LINE

Quotes = Literal["check", "trust", "repair"]
"""Broken quotes, and cells that look like several rows: refuse both, refuse only the former, or repair both."""

CELL = re.compile(r'"((?>(?:[^"]+|"")*))"(?=,|$)|([^,]*)')
NUMBER = re.compile(r"\s*[+-]?\d+(\.\d*)?\s*", re.ASCII)
LOOKED_AT = 1000  # rows from which the cells of a table are learned
SHORT = 40


@dataclass(frozen=True)
class Record:
    """One row: its cells, the line where it begins, how many lines it takes, and whether its quotes were repaired."""

    cells: list[str]
    line: int
    lines: int = 1
    mended: bool = False


def csv_records(file: Iterable[str], path: Path, quotes: Quotes = "check") -> Iterator[Record]:
    """The rows of a CSV file, empty ones included.

    Raises GenError where a quote never closes, or closes before its cell ends. Unless `quotes` is "trust", it does so
    too where a cell of several lines looks like several rows. With "repair", each line with such a quote is a row by
    itself, and the quote is a character.
    """
    lines = _Lines(iter(file))
    reader = csv.reader(lines, strict=True)
    table, line = _Known(), 1
    while True:
        cells, flaw = _read(reader)
        taken = lines.taken
        if cells is None and not flaw:
            return
        if cells is not None and len(taken) > 1 and quotes != "trust" and table.swallows(cells, taken):
            flaw = "swallows"
        if flaw and quotes != "repair":
            raise GenError(_told(flaw, path, line, taken, quotes))
        if flaw or cells is None:
            cells, taken = split_line(taken[0]), lines.give_back()
        table.learn(cells)
        yield Record(cells, line, len(taken), bool(flaw))
        line += len(taken)
        lines.taken = []


def split_line(line: str) -> list[str]:
    """The cells of one line; a quote that does not close the cell that it opened is a character."""
    line = line.rstrip("\r\n")
    cells: list[str] = []
    place = 0
    while place <= len(line):
        found = CELL.match(line, place)
        assert found is not None  # the second way matches everywhere
        cells.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        place = found.end() + 1
    return cells


@dataclass
class _Lines:
    """The lines of a file; the lines taken last can be given back."""

    file: Iterator[str]
    again: deque[str] = field(default_factory=deque)
    taken: list[str] = field(default_factory=list)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.file)
        self.taken.append(line)
        return line

    def give_back(self) -> list[str]:
        """Return the first of the lines taken; the others will be read again."""
        self.again.extendleft(reversed(self.taken[1:]))
        return self.taken[:1]


@dataclass
class _Known:
    """Statistics of a table's cells: how many a row has, and which short ones each column holds."""

    width: int = 0
    rows: int = 0
    kinds: dict[int, set[str]] = field(default_factory=dict)

    def learn(self, cells: Sequence[str]) -> None:
        """Learn from a row as an example of the others."""
        self.width = self.width or len(cells)
        self.rows += 1
        if self.rows <= LOOKED_AT:
            for column, cell in enumerate(cells):
                self.kinds.setdefault(column, set()).add(_kind(cell))

    def swallows(self, cells: Sequence[str], lines: Sequence[str]) -> bool:
        """Whether each of the `lines` of a row would be a row by itself.

        That means: it would have as many cells as all others, and one cell, such as a label, that occurs in the same
        column elsewhere. With a single column this cannot be decided.
        """
        others = [column for column, cell in enumerate(cells) if "\n" not in cell and "\r" not in cell]
        width = self.width or len(cells)
        split = [split_line(line) for line in lines]
        if width < 2 or any(len(row) != width for row in split):
            return False
        kinds = [{(column, _kind(row[column])) for column in others if column < width} for row in split]
        times = Counter(pair for found in kinds for pair in found)  # at most one a line
        return all(
            any(kind and (kind in self.kinds.get(column, ()) or times[column, kind] > 1) for column, kind in found)
            for found in kinds
        )


def _kind(cell: str) -> str:
    """What cells of a column have in common: being a number, or a short text; "" for all else."""
    if NUMBER.fullmatch(cell):
        return "0"
    return cell.strip() if len(cell) <= SHORT else ""


def _read(reader: Any) -> tuple[list[str] | None, str]:
    """The next row, and what is wrong with its quotes; neither at the end of the file."""
    before = csv.field_size_limit(LINE)  # the module's own bound of 131,072 is less than a novel
    try:
        return next(reader, None), ""
    except csv.Error as error:
        known = {"end of data": "never closes", "field limit": "is too long"}
        return None, next((flaw for words, flaw in known.items() if words in str(error)), "closes early")
    finally:
        csv.field_size_limit(before)


def _told(flaw: str, path: Path, line: int, taken: Sequence[str], quotes: Quotes) -> str:
    remedy = "Mend it, or give --quotes repair to take such a quote for a character"
    if flaw == "is too long":
        return f"The cell that a quote opens in line {line} of {path} is longer than {LINE:,} characters. {remedy}."
    if flaw == "never closes":
        return f"The quote that opens in line {line} of {path} never closes. {remedy}."
    last = line + len(taken) - 1
    if flaw == "closes early":
        run = f"line {line}" if last == line else f"lines {line} to {last}"
        return f"A quote closes in {run} of {path} before its cell ends. {remedy}."
    return (
        f"A quoted cell in lines {line} to {last} of {path} looks like {len(taken)} rows in one. Mend its quotes, or"
        " give --quotes repair to read each line as a row, or --quotes trust if it is one text."
    )
