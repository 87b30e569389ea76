"""Tables: laid out for the terminal; tabs between cells elsewhere, for programs."""

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
"""The last column is broken into lines if it has this many terminal columns. Otherwise it stands below its row."""

MOST = 0.6
"""A column may be this much narrower than its longest cell before others are tried."""

VISIBLE = re.compile("[^\u00a0\u3000]+")
"""Invisible characters are escaped, except these two blanks."""


@dataclass(frozen=True)
class Grid:
    """The contents of a table: its columns and rows.

    It also says which columns are right-aligned, and which need no name when they stand below a row.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Words]]
    right: Collection[str] = ()
    nameless: Collection[str] = ()

    def widths(self) -> list[int]:
        """The width that each column needs for its longest cell."""
        return [max(map(cells, map(plain, column))) for column in zip(self.columns, *self.rows, strict=True)]

    def longest_words(self) -> list[int]:
        """The least width of each column at which no word is cut."""
        return [max(map(longest_word, column)) for column in zip(self.columns, *self.rows, strict=True)]

    def turned(self) -> Grid:
        """Columns as rows: the first column becomes the header."""
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
    """Print a table: on a terminal within its width, elsewhere with a tab between two cells.

    If the terminal is too narrow, the last column is broken into lines, or the widest columns stand below their rows.
    If it may `turn`, rows can become columns. Columns named in `right` are right-aligned. Those in `nameless` need no
    name. The `legend` is for people: elsewhere it is left out, and the title is a comment.
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
    """The lines of a table as printed to `place`; without `place`, as on a page of 100 columns."""
    width = width_of(place) if place else PAGE
    clean = [[_clean(cell) for cell in row] for row in rows]
    if width is None:
        told = ["\t".join(map(plain, row)) for row in (columns, *clean)]
    else:
        lines = map(_trimmed, _laid_out(Grid(columns, clean, right, nameless), width, turn=turn))
        told = [paint(line, place) if place else plain(line) for line in lines]
    return [line.replace(HARD_BLANK, " ") for line in told]


def side_by_side(widths: Sequence[int], place: TextIO | None = None, *, first: int) -> list[list[int]]:
    """The numbers of columns of these widths, in as many tables as `place` needs. Each also has a column `first`."""
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
    """The lines of a table in the first layout that fits. The layouts are: as it is, turned, with a last column of
    several lines, with several narrower columns, with the widest columns below the rows.
    """
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
    """Widths reduced by `over` columns in all, if each keeps most of what it needs and no word is cut."""
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
    """A line without trailing blanks."""
    kept = list(line)
    while kept and not kept[-1][0].strip(" "):
        kept.pop()
    return [*kept[:-1], (kept[-1][0].rstrip(" "), kept[-1][1])] if kept else kept
