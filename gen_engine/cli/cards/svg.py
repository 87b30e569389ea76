"""Draws a card as SVG. Text stays text: it can be selected, searched and copied, and whoever shows it finds a font."""

from __future__ import annotations

from functools import singledispatch
from html import escape

from .layout import EDGE, RULE, Box, Card, Frame, Glyph, Rule, Run, Words

FACES = (
    "'Kaiti SC', STKaiti, KaiTi, 'LXGW WenKai', 'Noto Serif CJK SC', 'Source Han Serif SC', 'Songti SC', SimSun, serif"
)
IN_LINES = f"Georgia, 'Noto Serif', 'Liberation Serif', 'DejaVu Serif', {FACES}"
"""What viewers take of these: FACES where Chinese runs down, IN_LINES for lines of other languages."""

BASELINE = 0.38
"""How far the baseline of a Chinese font lies below the middle of its squares, in sizes."""

INK_OF = {"，": (-0.31, 0.36), "。": (-0.29, 0.33), "、": (-0.28, 0.33)}
BESIDE = (-0.3, 0.0)
"""Where in its square a full-width mark has its ink: down on the left, or on the left."""


def svg_of(card: Card) -> str:
    """The file of a card."""
    size = f'viewBox="0 0 {_n(card.width)} {_n(card.height)}" width="{_n(card.width)}" height="{_n(card.height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" xml:lang="zh" font-family="{FACES}">'
    title = f"<title>{_text(card.text)}</title>"
    return "\n".join([head, title, *map(_drawn, card.shapes), "</svg>", ""])


def _n(number: float) -> str:
    return f"{round(number, 2):g}"


def _text(text: str) -> str:
    r"""Text for XML, which cannot hold controls at all."""
    return escape("".join(char if char in "\n\t" or char.isprintable() else "\ufffd" for char in text), quote=False)


@singledispatch
def _drawn(shape: object) -> str:
    raise TypeError(shape)


@_drawn.register
def _(shape: Box) -> str:
    place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}"'
    return f'<rect {place} rx="{_n(shape.round)}" fill="{shape.fill}"/>'


@_drawn.register
def _(shape: Frame) -> str:
    place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}"'
    return f'<rect {place} fill="none" stroke="{RULE}" stroke-width="{_n(shape.thick)}"/>'


@_drawn.register
def _(shape: Rule) -> str:
    x = _n(shape.x)
    return f'<path d="M{x} {_n(shape.y)}V{_n(shape.to)}" stroke="{EDGE}" stroke-width="1.5"/>'


@_drawn.register
def _(shape: Run) -> str:
    return f'<text text-anchor="middle">{"".join(map(_glyph, shape.glyphs))}</text>'


def _glyph(glyph: Glyph) -> str:
    x, y = glyph.x, glyph.y + BASELINE * glyph.size
    if glyph.hangs:
        right, down = INK_OF.get(glyph.char, BESIDE)
        x, y = x - right * glyph.size, y - down * glyph.size
    look = f'font-size="{_n(glyph.size)}" fill="{glyph.fill}"'
    return f'<tspan x="{_n(x)}" y="{_n(y)}" {look}>{_text(glyph.char)}</tspan>'


@_drawn.register
def _(shape: Words) -> str:
    anchor = ' text-anchor="middle"' if shape.centred else ""
    place = f'x="{_n(shape.x)}" y="{_n(shape.y + 0.35 * shape.size)}" font-size="{_n(shape.size)}"'
    look = f'font-family="{IN_LINES}" fill="{shape.fill}"{anchor}'
    return f"<text {place} {look}>{_text(shape.text)}</text>"
