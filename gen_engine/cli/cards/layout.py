"""Where everything on a card stands. Pure geometry: the same text gives the same card, however it is drawn.

Colours and proportions are those of the cards that `gen studio` draws. Lengths are in units of the card.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil, sqrt
from unicodedata import east_asian_width

from ...system.screen import cells
from .setting import UNHEADED, Setting
from .squares import BLANK, Square, columns_of, squares_of

PAPER, WALL, EDGE, RULE, INK, FAINT, SEAL = "#faf6ec", "#e9e2d2", "#d9cfb8", "#c9b79a", "#221d18", "#6f6557", "#a8281e"

MARGIN = 96
"""From the edge of the card to the text."""

IN_COLUMN = 24
"""The most characters in a column of verse. A longer line goes on in the next one."""

MOST = 4000
"""The most characters on a card. A longer text is cut there, and says so."""

IN_LINE = 60
"""The most columns of a line that is set horizontally, where a Chinese character takes two."""


@dataclass(frozen=True)
class Box:
    """A filled box."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    round: float = 0


@dataclass(frozen=True)
class Frame:
    """The outline of a box."""

    x: float
    y: float
    width: float
    height: float
    thick: float


@dataclass(frozen=True)
class Rule:
    """A vertical line."""

    x: float
    y: float
    to: float


@dataclass(frozen=True)
class Glyph:
    """A character in the middle of (x, y). A hanging mark has its ink there, wherever its font puts it."""

    char: str
    x: float
    y: float
    size: float
    fill: str = INK
    hangs: bool = False


@dataclass(frozen=True)
class Run:
    """Characters that are read one after the other, each in its own place."""

    glyphs: tuple[Glyph, ...]


@dataclass(frozen=True)
class Words:
    """A line of text from (x, y) on, or around it; y is its middle."""

    text: str
    x: float
    y: float
    size: float
    fill: str = INK
    centred: bool = False


Shape = Box | Frame | Rule | Run | Words


@dataclass(frozen=True)
class Card:
    """A card: its size in units, its shapes in the order in which they are drawn, and its text for screen readers.

    `cut` says that the text was longer than a card holds.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    text: str
    cut: bool = False


@dataclass(frozen=True)
class Grid:
    """From one character to the next, from one column to the next, and the size of a character."""

    step: float
    column: float
    glyph: float


VERSE, PROSE, SCROLL = Grid(64, 96, 48), Grid(44, 72, 34), Grid(104, 120, 80)


def card_of(lines: Sequence[str], setting: Setting = UNHEADED) -> Card:
    """The card of a text. Chinese runs down in columns from right to left, and other languages in lines."""
    kept, is_cut = _kept([line.rstrip() for line in lines])
    label = "\n".join(filter(None, (setting.title, setting.byline, *lines)))
    if not runs_down("".join(kept)):
        width, height, shapes = _horizontal(kept, setting)
    elif setting.scrolls and len(kept) == 2:
        width, height, shapes = _scrolls(kept, setting)
    else:
        width, height, shapes = _vertical(kept, setting)
    return Card(width, height, tuple(shapes), label, is_cut)


def runs_down(text: str) -> bool:
    """Whether most letters of a text are as wide as Chinese ones."""
    seen = [east_asian_width(char) in "WF" for char in text if char.isalpha()]
    return sum(seen) * 2 > len(seen)


def _kept(lines: Sequence[str]) -> tuple[list[str], bool]:
    """As much of the lines as a card holds, and whether that is less than all."""
    kept: list[str] = []
    room = MOST
    for line in lines:
        if len(line) > room:
            return [*kept, line[:room] + "…"], True
        kept.append(line)
        room -= len(line)
    return kept, False


# ----------------------------------------------------------------------------------------------------- running down


def _vertical(lines: Sequence[str], setting: Setting) -> tuple[float, float, list[Shape]]:
    split = [squares for line in lines if (squares := squares_of(line))] or [[Square(BLANK)]]
    is_prose = max(map(len, split)) > 2 * IN_COLUMN
    grid = PROSE if is_prose else VERSE
    columns = _prose(split) if is_prose else [each for squares in split for each in columns_of(squares, IN_COLUMN)]
    deepest = max(4, *map(len, columns))
    room = max(grid.column, VERSE.column)  # for what stands beside the text
    heading = room if setting.title else 0
    width = 2 * MARGIN + len(columns) * grid.column + heading + room
    height = max(2 * MARGIN + (deepest + 1) * grid.step, 2 * MARGIN + _longest_beside(setting))
    shapes = _paper(width, height)
    right = width - MARGIN - heading
    rules = ([right] if heading else []) + [right - number * grid.column for number in range(1, len(columns) + 1)]
    shapes += [Rule(x, MARGIN, height - MARGIN) for x in rules]
    if setting.title:
        shapes.append(_down(setting.title, right + room / 2, MARGIN + 64, 34))
    for number, column in enumerate(columns):
        shapes.append(_column(column, right - (number + 0.5) * grid.column, MARGIN + grid.step, grid))
    last = right - len(columns) * grid.column - room / 2
    if setting.byline:
        shapes.append(_down(setting.byline, last, MARGIN + 64, 30))
    return width, height, [*shapes, *_seal(setting.seal, last, height - MARGIN - 60)]


def _prose(split: Sequence[Sequence[Square]]) -> list[list[Square]]:
    """Paragraphs in columns of equal depth, each two squares deep at its beginning, on a card half as wide again."""
    total = sum(map(len, split)) + 2 * len(split)
    depth = max(12, ceil(sqrt(total * PROSE.column / PROSE.step / 1.5)))
    begun = ([Square(BLANK), Square(BLANK), *squares] for squares in split)
    return [each for squares in begun for each in columns_of(squares, depth)]


def _longest_beside(setting: Setting) -> float:
    """The room that the title, or the byline above the seal, takes."""
    return max(64 + 42.5 * len(setting.title), 64 + 37.5 * len(setting.byline) + 140)


def _paper(width: float, height: float) -> list[Shape]:
    return [Box(0, 0, width, height, PAPER), *_frames(0, 0, width, height, MARGIN)]


def _frames(x: float, y: float, width: float, height: float, margin: float) -> list[Shape]:
    def frame(out: float, thick: float) -> Frame:
        inner = margin - out
        return Frame(x + inner, y + inner, width - 2 * inner, height - 2 * inner, thick)

    return [frame(16, 3), frame(8, 1)]


def _column(squares: Sequence[Square], x: float, y: float, grid: Grid) -> Run:
    return Run(
        tuple(chain.from_iterable(_square(each, x, y + grid.step * at, grid) for at, each in enumerate(squares)))
    )


def _square(square: Square, x: float, y: float, grid: Grid) -> Iterable[Glyph]:
    if square.char != BLANK:
        yield Glyph(square.char, x, y, grid.glyph)
    for number, mark in enumerate(square.marks):
        beside = x + grid.glyph * (0.7 + 0.25 * number)
        yield Glyph(mark, beside, y + grid.glyph * 0.4, grid.glyph * 0.58, FAINT, hangs=True)


def _down(text: str, x: float, y: float, size: float) -> Run:
    upright = [each.char + each.marks for each in squares_of(text)]
    chars = "".join(upright)
    return Run(tuple(Glyph(char, x, y + at * size * 1.25, size, FAINT) for at, char in enumerate(chars)))


def _seal(text: str, x: float, y: float) -> list[Shape]:
    """A seal around (x, y). It is read down, then leftwards; without characters it shows three strokes."""
    size, chars = 64.0, text[:4]
    if not chars:
        strokes = [(x - 14, 36), (x, 36), (x + 14, 22)]
        box = Box(x - size / 2, y - size / 2, size, size, SEAL, 10)
        return [box, *(Box(at - 3, y - 18, 6, long, PAPER, 3) for at, long in strokes)]
    columns = [chars[:2], chars[2:]] if len(chars) > 2 else [chars]
    cell = size / max(map(len, columns))
    width = cell * len(columns)
    box = Box(x - width / 2 - 4, y - size / 2 - 4, width + 8, size + 8, SEAL, 6)
    glyphs = [
        Glyph(char, x + width / 2 - (number + 0.5) * cell, y - size / 2 + (at + 0.5) * cell, cell * 0.86, PAPER)
        for number, column in enumerate(columns)
        for at, char in enumerate(column)
    ]
    return [box, Run(tuple(glyphs))]


# ---------------------------------------------------------------------------------------------------------- scrolls


def _scrolls(lines: Sequence[str], setting: Setting) -> tuple[float, float, list[Shape]]:
    """Two scrolls that hang side by side, the first line on the right. The marks that end the lines are left out."""
    split = [_without_end(squares_of(line)) for line in lines]
    columns = [list(columns_of(squares, IN_COLUMN)) or [[Square(BLANK)]] for squares in split]
    deepest = max(len(column) for scroll in columns for column in scroll)
    wide = max(map(len, columns)) * SCROLL.column + 80
    tall = (deepest + 0.4) * SCROLL.step + 2 * 48
    gap = 144.0
    beside = 96 + 42.5 * len(setting.title) + 37.5 * len(setting.byline) + 140
    width, height = 2 * MARGIN + 2 * wide + gap, 2 * MARGIN + max(tall, beside)
    shapes: list[Shape] = [Box(0, 0, width, height, WALL)]
    for scroll, x in zip(columns, (width - MARGIN - wide, MARGIN), strict=True):
        shapes += _scroll(x, MARGIN, wide, height - 2 * MARGIN)
        for number, column in enumerate(scroll):
            middle = x + wide / 2 + ((len(scroll) - 1) / 2 - number) * SCROLL.column
            shapes.append(_column(column, middle, MARGIN + 48 + 0.7 * SCROLL.step, SCROLL))
    between = width / 2
    if setting.title:
        shapes.append(_down(setting.title, between, MARGIN + 64, 34))
    if setting.byline:
        shapes.append(_down(setting.byline, between, MARGIN + 96 + 42.5 * len(setting.title), 30))
    return width, height, [*shapes, *_seal(setting.seal, between, height - MARGIN - 60)]


def _without_end(squares: list[Square]) -> list[Square]:
    return [*squares[:-1], Square(squares[-1].char)] if squares else squares


def _scroll(x: float, y: float, width: float, height: float) -> list[Shape]:
    """The paper of a scroll, and the rods above and below it."""
    rods: list[Shape] = []
    for at in (y - 10, y + height - 10):
        rods += [Box(x - 14, at + 4, width + 28, 12, SEAL, 4), Box(x - 6, at, width + 12, 20, FAINT, 6)]
    return [Box(x, y, width, height, PAPER), *_frames(x, y, width, height, 36), *rods]


# ------------------------------------------------------------------------------------------------------ in lines


def _horizontal(lines: Sequence[str], setting: Setting) -> tuple[float, float, list[Shape]]:
    size, leading = 34.0, 54.0
    wrapped = [part for line in lines for part in (textwrap.wrap(line, IN_LINE, drop_whitespace=True) or [""])]
    broad = max(20, *(cells(line) for line in [*wrapped, setting.title])) * size * 0.52
    head = 80.0 if setting.title else 0.0
    width = 2 * MARGIN + broad + 48
    height = 2 * MARGIN + head + len(wrapped) * leading + 120
    shapes = _paper(width, height)
    if setting.title:
        shapes.append(Words(setting.title, width / 2, MARGIN + 48, 38, FAINT, centred=True))
    top = MARGIN + head + 48
    shapes += [Words(line, MARGIN + 24, top + at * leading, size) for at, line in enumerate(wrapped) if line]
    if setting.byline:
        shapes.append(Words(setting.byline, MARGIN + 24, height - MARGIN - 56, 28, FAINT))
    return width, height, [*shapes, *_seal(setting.seal, width - MARGIN - 56, height - MARGIN - 56)]
