"""How poems are shown: with the marks of their form, as they were typed, in one script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gen_engine.cli.output import Show
from gen_engine.text import is_han

from ..rules.form import Form
from ..verse.layout import begins, by_marks, with_marks
from ..verse.marks import break_lines, full_width
from ..verse.verse import Verse
from .script import TypedText


def show(shape: Form | Verse | None, typed: TypedText, *, sentences: bool = False) -> Show:
    """How poems of a shape are shown: with its marks, as typed, in one script, one line for each line or sentence."""
    shapes = by_marks(shape) if isinstance(shape, Verse) else ()
    start = typed.start

    def whole(text: str) -> str:
        text = with_marks(text, *shapes) if shapes else full_width(text)
        return typed.shown(text)

    def shown(text: str) -> str:
        """A poem, or the new part of one."""
        is_new = start and (not text.startswith(start) or (shape is not None and begins(shape, start + text)))
        return whole(start + text)[len(start) :] if is_new else whole(text)

    def broken(text: str) -> str:
        return text.replace("。", "。\n") if sentences else break_lines(text)

    def pieces() -> Callable[[str], str]:
        return full_width if typed.is_plain and not shapes else Pieces(whole, typed.by_line)

    return Show(shown, lambda text: broken(text).splitlines(), pieces, broken)


@dataclass
class Pieces:
    """Shows the pieces of one poem in order, each with regard to the text before it; with `by_line`, only whole
    lines."""

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
