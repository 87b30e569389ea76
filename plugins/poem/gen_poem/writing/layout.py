"""How verse is laid out: prompts with the marks of a form, and texts as people read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gen_engine.cli.output import Show
from gen_engine.errors import GenError
from gen_engine.text import is_han

from ..rules.form import Form, break_lines, full_width
from ..verse.kinds import FITTING
from ..verse.patterns import Pattern
from ..verse.verse import Spot, Verse, parted
from ..verse.wording import refusal
from .typed import Typed

TYPED = {"、": "，"}
"""What is put into a prompt for a mark, if not the mark itself: models of verse know no 、, and it passes for one."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Texts of a verse, laid out in the first of its patterns that they fit."""

    verse: Verse

    @cached_property
    def _shapes(self) -> tuple[tuple[Verse, str], ...]:
        """The verse by itself for each way its patterns set marks; and that way, the mark at each place or a blank."""
        return tuple((each, signs(each.patterns[0])) for each in parted(self.verse, signs))

    def lay_out(self, prompt: str) -> str:
        """The prompt as the beginning of a verse: its lines flow on, and marks are put in where it has none.

        Marks in it are taken where the verse has them. GenError says which character does not fit, and where.
        """
        text = "".join(prompt.split())
        refusals: list[tuple[int, GenError]] = []
        for verse, _ in self._shapes:
            laid = _lay_out(verse, text)
            if isinstance(laid, str):
                return laid
            refusals.append(laid)
        raise max(refusals, key=lambda each: each[0])[1]

    def marked(self, text: str) -> str:
        """The text with the marks of the verse for those that were printed in their place."""
        for verse, marks in self._shapes:
            if _fits(verse, text):
                shown = (char if is_han(char) else mark for char, mark in zip(text, marks, strict=False))
                return "".join(shown)
        return text


def signs(pattern: Pattern) -> str:
    """The mark at each place that has one, blanks at all others."""
    return "".join(" " * line.length + line.mark for line in pattern.lines)


def _fits(verse: Verse, text: str) -> bool:
    spot = verse.opening
    for char in text:
        spot = None if spot is None else verse.step(spot, char)
    return spot is not None


def _lay_out(verse: Verse, text: str) -> str | tuple[int, GenError]:
    """The text laid out; or how far that went, and why no further."""
    laid = ""
    spot = verse.start("")
    for place, char in enumerate(text):
        mark = mark_at(spot)
        if mark and (is_han(char) or char in FITTING[mark]):
            laid += TYPED.get(mark, mark)
            spot = verse.start(laid)
            if not is_han(char):
                continue
        after = verse.step(spot, char)
        if after is None:
            return place, refusal(verse, spot, laid + text[place:], len(laid))
        laid, spot = laid + char, after
    return laid


def mark_at(spot: Spot) -> str:
    """The mark that is wanted next, by patterns that set the same marks; "" if none is."""
    return next(iter(spot.configs))[0].mark


@dataclass(frozen=True)
class Poem:
    """What a poem shall be: the processors that make it so, its form or verse, and how long it may be if it has none
    (a template says all of that by itself)."""

    rules: tuple[str, ...]
    shape: Form | Verse | None
    length: int = 0

    @property
    def widest(self) -> int:
        """How many characters the longest such poem has, marks included."""
        if isinstance(self.shape, Form):
            return len(self.shape.pattern)
        return self.length if self.shape is None else self.shape.rests.widest

    @property
    def han(self) -> int:
        """How many Chinese characters the longest such poem has."""
        if self.shape is None:
            return self.length
        if isinstance(self.shape, Form):
            return self.shape.rows * self.shape.cols
        return max(sum(line.length for line in pattern.lines) for pattern in self.shape.patterns)

    @property
    def couplets(self) -> int | None:
        """How many pairs of lines the longest such poem has; None if that is open."""
        if self.shape is None:
            return None
        rows = self.shape.rows if isinstance(self.shape, Form) else max(len(p.lines) for p in self.shape.patterns)
        return rows // 2

    def lay_out(self, prompt: str) -> str:
        """The prompt as the beginning of such a poem; GenError says what does not fit."""
        if isinstance(self.shape, Form):
            return self.shape.lay_out(prompt)
        return "".join(prompt.split()) if self.shape is None else Layout(self.shape).lay_out(prompt)


def _begins(shape: Form | Verse | None, text: str) -> bool:
    if shape is None:
        return False
    state: Any = shape.start("")
    for char in text:
        state = None if state is None else shape.step(state, char)
    return state is not None


def show(shape: Form | Verse | None, typed: Typed, *, sentences: bool = False, streamed: bool = False) -> Show:
    """How poems of a shape are shown: with its marks, as they were typed, in a script, a line or sentence each.

    Pieces of a poem may be shown one by one only if it is `streamed`: then they must come in order, what was typed
    first.
    """
    layout = Layout(shape) if isinstance(shape, Verse) else None
    start = typed.start

    def whole(text: str) -> str:
        text = full_width(text) if layout is None else layout.marked(text)
        return typed.shown(text)

    def shown(text: str) -> str:
        """A poem, or what is new in one."""
        is_new = start and (not text.startswith(start) or _begins(shape, start + text))
        return whole(start + text)[len(start) :] if is_new else whole(text)

    def broken(text: str) -> str:
        return text.replace("。", "。\n") if sentences else break_lines(text)

    plain = layout is None and typed.is_plain
    piece = Pieces(whole, typed.by_line) if streamed and not plain else full_width
    return Show(shown, lambda text: broken(text).splitlines(), lambda text: broken(piece(text)))


@dataclass
class Pieces:
    """Shows the pieces of one poem in order, each in the light of what came before; `by_line`: only whole lines."""

    whole: Callable[[str], str]
    by_line: bool
    _read: str = ""
    _written: int = 0

    def __call__(self, piece: str) -> str:
        self._read += piece
        ready = len(self._read)
        while self.by_line and ready > self._written and is_han(self._read[ready - 1]):
            ready -= 1
        done, self._written = self._written, ready
        return self.whole(self._read)[done:ready]
