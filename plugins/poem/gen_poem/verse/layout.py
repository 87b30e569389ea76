"""How a prompt is laid out under a form: it flows on from line to line, and marks are put in where it has none."""

from __future__ import annotations

from typing import Any, Protocol

from gen_engine.errors import GenError
from gen_engine.text import is_han

from .patterns import Pattern
from .verse import Verse, parted


class Shape(Protocol):
    """What a prompt is laid out under: a machine over characters that can say which mark comes next."""

    @property
    def opening(self) -> Any:
        """The state of the empty text, None if no text is of this shape."""

    def start(self, text: str) -> Any:
        """The state after a text; GenError if it does not fit."""

    def step(self, state: Any, char: str) -> Any:
        """The state after one more character, None if it may not follow."""

    def mark_at(self, state: Any) -> str:
        """The mark to put in next, "" where a character is wanted, or nothing."""

    def misfit(self, prompt: str, state: Any, laid: str, rest: str) -> GenError:
        """Why `rest`, which is left of a prompt, cannot follow `state`, up to which it is `laid` out."""


def lay_out(prompt: str, *shapes: Shape) -> str:
    """The prompt as the beginning of a text of the first of these shapes that it fits; without a shape, as it is.

    Blanks in it are dropped, and marks are taken where the shape has them. GenError if it fits none of the shapes; it
    says why by the one that it fits longest.
    """
    text = "".join(prompt.split())
    longest, refusal = -1, None
    for shape in shapes:
        laid, state, length = _begin(text, shape)
        if length == len(text):
            return laid
        if length > longest:
            longest, refusal = length, shape.misfit(prompt, state, laid, text[length:])
    if refusal is not None:
        raise refusal
    return text


def _begin(text: str, shape: Shape) -> tuple[str, Any, int]:
    """As much of a text as fits a shape, laid out; the state behind it, and how much of the text that is."""
    laid, state = "", shape.start("")
    for position, char in enumerate(text):
        while is_han(char) and (mark := shape.mark_at(state)):
            laid, state = laid + mark, shape.step(state, mark)
        mark, after = shape.mark_at(state), shape.step(state, char)
        if after is None:
            return laid, state, position
        laid, state = laid + (mark or char), after
    return laid, state, len(text)


def by_marks(verse: Verse) -> tuple[Verse, ...]:
    """The verse by itself for each way in which its patterns set marks: the shapes that a prompt is laid out under."""
    return parted(verse, _marks)


def with_marks(text: str, *shapes: Verse) -> str:
    """The text with the marks of the first of these shapes that it fits, for those that were printed in their place."""
    for verse in shapes:
        if begins(verse, text):
            marks = _marks(verse.patterns[0])
            return "".join(char if is_han(char) else mark for char, mark in zip(text, marks, strict=False))
    return text


def begins(shape: Shape, text: str) -> bool:
    """Whether a text of this shape may begin so."""
    state = shape.opening
    for char in text:
        state = None if state is None else shape.step(state, char)
    return state is not None


def _marks(pattern: Pattern) -> str:
    """The mark at each position that has one, blanks at all others."""
    return "".join(" " * line.length + line.mark for line in pattern.lines)
