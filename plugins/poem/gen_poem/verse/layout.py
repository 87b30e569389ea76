"""How a prompt is laid out in a form: it flows from line to line, and marks are inserted where it has none."""

from __future__ import annotations

from typing import Any, Protocol

from gen_engine.errors import GenError
from gen_engine.text import is_han

from .patterns import Pattern
from .verse import Verse, parted


class Shape(Protocol):
    """The shape in which a prompt is laid out: a machine over characters that can say which mark comes next."""

    @property
    def opening(self) -> Any:
        """The state of the empty text, None if no text is of this shape."""

    def start(self, text: str) -> Any:
        """The state after a text; GenError if it does not fit."""

    def step(self, state: Any, char: str) -> Any:
        """The state after one more character, None if it may not follow."""

    def mark_at(self, state: Any) -> str:
        """The mark to insert next; "" where a character or nothing is wanted."""

    def misfit(self, prompt: str, state: Any, laid: str, rest: str) -> GenError:
        """Why the `rest` of a prompt cannot follow `state`, up to which the prompt is `laid` out."""


def lay_out(prompt: str, *shapes: Shape) -> str:
    """The prompt as the beginning of a text of the first shape that it fits; unchanged if there are no shapes.

    Blanks in it are dropped, and marks are accepted where the shape has them. GenError if it fits none of the shapes;
    the reason given is that of the shape that it fits longest.
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
    """The part of a text that fits a shape, laid out; the state after it; and the length of that part."""
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
    """The verse split by how its patterns set marks: the shapes in which a prompt is laid out."""
    return parted(verse, _marks)


def with_marks(text: str, *shapes: Verse) -> str:
    """The text with its marks replaced by those of the first of these shapes that it fits."""
    for verse in shapes:
        if begins(verse, text):
            marks = _marks(verse.patterns[0])
            return "".join(char if is_han(char) else mark for char, mark in zip(text, marks, strict=False))
    return text


def begins(shape: Shape, text: str) -> bool:
    """Whether a text of this shape may begin with `text`."""
    state = shape.opening
    for char in text:
        state = None if state is None else shape.step(state, char)
    return state is not None


def _marks(pattern: Pattern) -> str:
    """The mark at each position that has one, blanks at all others."""
    return "".join(" " * line.length + line.mark for line in pattern.lines)
