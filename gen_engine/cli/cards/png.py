"""Draws a card as PNG with Pillow, twice as fine as its units."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatchmethod
from io import BytesIO
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING

from .faces import STAND_IN, Face, Faces
from .layout import EDGE, PAPER, RULE, Box, Card, Frame, Glyph, Rule, Run, Words
from .svg import BASELINE

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

FINENESS = 2
COLOURS = 64
"""How many colours the file has: those of the card, and shades between them."""


def png_of(card: Card, faces: Faces) -> tuple[bytes, str]:
    """The file of a card, and the characters that no font has."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (ceil(card.width * FINENESS), ceil(card.height * FINENESS)), PAPER)
    pen = Pen(ImageDraw.Draw(image), faces)
    for shape in card.shapes:
        pen.draw(shape)
    file = BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue(), "".join(pen.lacking)


@dataclass
class Pen:
    """Draws shapes, and remembers the characters for which there was no font."""

    canvas: ImageDraw.ImageDraw
    faces: Faces
    lacking: dict[str, None] = field(default_factory=dict)
    _sized: dict[tuple[Face, float], ImageFont.FreeTypeFont] = field(default_factory=dict)  # at most a few sizes

    @singledispatchmethod
    def draw(self, shape: object) -> None:
        """Draw one shape."""
        raise TypeError(shape)

    @draw.register
    def _(self, shape: Box) -> None:
        self.canvas.rounded_rectangle(_corners(shape), shape.round * FINENESS, shape.fill)

    @draw.register
    def _(self, shape: Frame) -> None:
        self.canvas.rectangle(_corners(shape), outline=RULE, width=round(shape.thick * FINENESS))

    @draw.register
    def _(self, shape: Rule) -> None:
        x, y, to = (each * FINENESS for each in (shape.x, shape.y, shape.to))
        self.canvas.line((x, y, x, to), EDGE, round(1.5 * FINENESS))

    @draw.register
    def _(self, shape: Run) -> None:
        for glyph in shape.glyphs:
            self._glyph(glyph)

    def _glyph(self, glyph: Glyph) -> None:
        char, font = self._font(glyph.char, glyph.size)
        x, y = glyph.x * FINENESS, glyph.y * FINENESS
        if not glyph.hangs:
            self.canvas.text((x, y + BASELINE * glyph.size * FINENESS), char, glyph.fill, font, anchor="ms")
            return
        right, down = _ink(char, font)
        self.canvas.text((x - right, y - down), char, glyph.fill, font, anchor="ls")

    @draw.register
    def _(self, shape: Words) -> None:
        pairs = [self._font(char, shape.size, in_line=True) for char in shape.text]
        parts = [("".join(char for char, _ in run), font) for font, run in groupby(pairs, itemgetter(1))]
        lengths = [font.getlength(text) for text, font in parts]
        x = shape.x * FINENESS - (sum(lengths) / 2 if shape.centred else 0)
        y = (shape.y + 0.35 * shape.size) * FINENESS
        for (text, font), length in zip(parts, lengths, strict=True):
            self.canvas.text((x, y), text, shape.fill, font, anchor="ls")
            x += length

    def _font(self, char: str, size: float, *, in_line: bool = False) -> tuple[str, ImageFont.FreeTypeFont]:
        """A character with the first font that has it; if there is none, what stands for it."""
        face = self.faces.of(char, in_line=in_line)
        if face is None and not char.isspace():
            self.lacking[char] = None
            char = STAND_IN
        face = face or self.faces.of(char) or self.faces.found[0]
        key = (face, size)
        if key not in self._sized:
            self._sized[key] = face.sized(size * FINENESS)
        return char, self._sized[key]


def _ink(char: str, font: ImageFont.FreeTypeFont) -> tuple[float, float]:
    """Where the middle of a character's ink lies, from its beginning on the baseline."""
    mask, (left, top) = font.getmask2(char, anchor="ls")
    x, y, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    return left + (x + right) / 2, top + (y + bottom) / 2


def _corners(shape: Box | Frame) -> tuple[float, float, float, float]:
    x, y = shape.x * FINENESS, shape.y * FINENESS
    return x, y, x + ceil(shape.width * FINENESS) - 1, y + ceil(shape.height * FINENESS) - 1
