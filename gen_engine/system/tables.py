"""Tables: laid out for the terminal they are shown on; elsewhere tabs between cells, for programs."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from ..errors import escaped
from .screen import HARD_BLANK, Span, Words, cells, hang, longest_word, paint, plain, spans, styled, width_of

GAP = "  "
INDENT = "    "

PAGE = 100
"""Columns of a page, such as a report in a file."""

ROOM = 30
"""A last column is broken into lines if it has so many columns of the terminal, and else stands below its row."""

MOST = 0.6
"""A column may be narrower than its longest cell by so much, before others are tried."""

VISIBLE = re.compile("[^\u00a0\u3000]+")
"""What is escaped if it cannot be seen; these two blanks are known."""


@dataclass(frozen=True)
class Grid:
    """What a table holds: its columns, the rows, which columns end at their right edge, and which need no name where
    they stand below a row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Words]]
    right: Collection[str] = ()
    nameless: Collection[str] = ()

    def widths(self) -> list[int]:
        """The columns that each column needs for its longest cell."""
        return [max(map(cells, map(plain, column))) for column in zip(self.columns, *self.rows, strict=True)]

    def longest_words(self) -> list[int]:
        """The columns without which a word of each column would be cut."""
        return [max(map(longest_word, column)) for column in zip(self.columns, *self.rows, strict=True)]

    def turned(self) -> Grid:
        """Columns as rows: the first column becomes the head."""
        head, *rest = zip(self.columns, *self.rows, strict=True)
        names = [plain(name) for name in head]
        return Grid(names, rest, right=names[1:])


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Words]],
    *,
    right: Collection[str] = (),
    nameless: Collection[str] = (),
    turn: bool = False,
    legend: Sequence[str] = (),
    file: TextIO | None = None,
) -> None:
    """Print a table: on a terminal no wider than that, and elsewhere with a tab between two cells.

    Where a terminal is too narrow the last column is broken into lines, or the widest columns stand below their rows,
    or, if it may `turn`, rows are columns. Columns of the names `right` end at their right edge; those of `nameless`
    say what they are without a name. The `legend` is for people: elsewhere it is left out, and the title is a comment.
    """
    out = file or sys.stdout
    width = width_of(out)
    head = hang(styled(title, "heading"), width, hanging=GAP) if width else [[(f"# {title}", "")]]
    lines = [paint(line, out) for line in head]
    lines += tabulated(columns, rows, out, right=right, nameless=nameless, turn=turn)
    for words in legend if width else ():
        lines += [paint(line, out) for line in hang(styled(words, "quiet"), width, hanging=GAP)]
    out.write("".join(line + "\n" for line in lines))


def tabulated(
    columns: Sequence[str],
    rows: Iterable[Sequence[Words]],
    place: TextIO | None = None,
    *,
    right: Collection[str] = (),
    nameless: Collection[str] = (),
    turn: bool = False,
) -> list[str]:
    """The lines of a table, as they are printed to `place`; without one, as they stand on a page of 100 columns."""
    width = width_of(place) if place else PAGE
    clean = [[_clean(cell) for cell in row] for row in rows]
    if width is None:
        told = ["\t".join(map(plain, row)) for row in (columns, *clean)]
    else:
        lines = map(_trimmed, _laid_out(Grid(columns, clean, right, nameless), width, turn=turn))
        told = [paint(line, place) if place else plain(line) for line in lines]
    return [line.replace(HARD_BLANK, " ") for line in told]


def side_by_side(widths: Sequence[int], place: TextIO | None = None, *, first: int) -> list[list[int]]:
    """Columns of these widths, by their numbers, in as many tables as `place` demands; each has a `first` one, too."""
    width = width_of(place) if place else PAGE
    groups: list[list[int]] = []
    left = 0
    for each, wanted in enumerate(widths):
        if not groups or (width is not None and left < wanted + len(GAP)):
            groups.append([])
            left = (width or 0) - first
        groups[-1].append(each)
        left -= wanted + len(GAP)
    return groups


def _clean(words: Words) -> Words:
    """Words that stay on their line and in their cell."""
    if isinstance(words, str):
        return VISIBLE.sub(lambda found: escaped(found[0]), re.sub(r"[\t\r\n]", " ", words))
    return [(plain(_clean(text)), style) for text, style in words]


def _laid_out(grid: Grid, width: int, *, turn: bool) -> list[Sequence[Span]]:
    """The lines of a table: as it is, turned, with a last column of several lines, with several narrower columns, or
    with the widest columns below the rows; the first of these that fits."""
    widths = grid.widths()
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    if over <= 0:
        return _lines(grid, list(enumerate(widths)), width)
    if turn and sum(grid.turned().widths()) + len(GAP) * len(grid.rows) <= width:
        return _laid_out(grid.turned(), width, turn=False)
    words = grid.longest_words()
    if len(widths) > 1 and widths[-1] - over >= max(ROOM, words[-1]):
        return _lines(grid, list(enumerate([*widths[:-1], widths[-1] - over])), width)
    if narrower := _narrowed(grid, widths, over):
        return _lines(grid, list(enumerate(narrower)), width)
    first = min(widths[0], width, max(ROOM, width // 2, words[0]))
    over -= widths[0] - first
    widths[0] = first
    if len(widths) > 1 and widths[-1] - over >= ROOM:
        widths[-1] -= max(0, over)
        return _lines(grid, list(enumerate(widths)), width)
    beside = list(range(len(widths)))
    while over > 0 and len(beside) > 1:
        widest = max(beside[1:], key=lambda each: (widths[each], each))
        over -= widths[widest] + len(GAP)
        beside.remove(widest)
    return _lines(grid, [(each, widths[each]) for each in beside], width)


def _narrowed(grid: Grid, widths: Sequence[int], over: int) -> list[int] | None:
    """Widths that are `over` columns less in all, if each still has most of what it needs and no word is cut."""
    least = [max(word, round(MOST * width)) for word, width in zip(grid.longest_words(), widths, strict=True)]
    found = list(widths)
    for each in sorted(range(len(found)), key=lambda each: least[each] - found[each]):
        given = max(0, min(over, found[each] - least[each]))
        found[each] -= given
        over -= given
    return None if over > 0 else found


def _lines(grid: Grid, beside: Sequence[tuple[int, int]], width: int) -> list[Sequence[Span]]:
    below = [each for each in range(len(grid.columns)) if each not in dict(beside)]
    head = _row(grid, [styled(name, "heading") for name in grid.columns], beside)
    lines = list(head)
    for row in grid.rows:
        lines += _row(grid, [styled(row[0], "name" if below else ""), *row[1:]], beside)
        for each in below:
            if plain(row[each]) in ("", plain(row[0])):
                continue
            name = [] if grid.columns[each] in grid.nameless else [(f"{grid.columns[each]}: ", "quiet")]
            lines += hang([*name, *spans(row[each])], width, indent=INDENT, hanging=INDENT + GAP * bool(name))
    return lines


def _row(grid: Grid, row: Sequence[Words], beside: Sequence[tuple[int, int]]) -> list[Sequence[Span]]:
    """The lines of one row: as many as its cells need, each padded to its column."""
    folded = [hang(row[each], width) for each, width in beside]
    lines: list[Sequence[Span]] = []
    for number in range(max(map(len, folded))):
        line: list[Span] = []
        for (each, width), parts in zip(beside, folded, strict=True):
            part = parts[number] if number < len(parts) else []
            pad = (" " * (width - cells(plain(part))), "")
            line += [pad, *part] if grid.columns[each] in grid.right else [*part, pad]
            line.append((GAP, ""))
        lines.append(line)
    return lines


def _trimmed(line: Sequence[Span]) -> Sequence[Span]:
    """A line without the blanks at its end."""
    kept = list(line)
    while kept and not kept[-1][0].strip(" "):
        kept.pop()
    return [*kept[:-1], (kept[-1][0].rstrip(" "), kept[-1][1])] if kept else kept
