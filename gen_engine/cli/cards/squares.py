"""A text as squares: one for each character that takes a place of its own, with the marks that hang beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HANGING = frozenset("，。、；：！？,.;:!?｡､")
"""Marks that take no square: they hang beside the character before them."""

UPRIGHT = dict(zip("“”‘’「」『』（）()《》〈〉【】〔〕—…", "﹃﹄﹁﹂﹁﹂﹃﹄︵︶︵︶︽︾︿﹀︻︼︹︺︱︙", strict=True))
"""Signs that have another form where text runs down."""

OPENING = frozenset("﹃﹁︵︽︿︻︹")
CLOSING = frozenset("﹄﹂︶︾﹀︼︺")
"""What ends no column, and what begins none."""

BLANK = "　"


@dataclass(frozen=True)
class Square:
    """A character, and the marks that hang beside it."""

    char: str
    marks: str = ""


def squares_of(line: str) -> list[Square]:
    """The squares of a line. A mark without a character before it, and a blank, take a square."""
    found: list[Square] = []
    for char in line.strip():
        if char in HANGING and found and found[-1].char != BLANK:
            found[-1] = Square(found[-1].char, found[-1].marks + char)
        else:
            found.append(Square(BLANK if char.isspace() else UPRIGHT.get(char, char)))
    return found


def columns_of(squares: Sequence[Square], depth: int) -> Iterator[list[Square]]:
    """The squares in columns of `depth`, or one more or less: no column ends in an opening sign or begins with a
    closing one.
    """
    at = 0
    while at < len(squares):
        end = min(at + depth, len(squares))
        if end < len(squares) and squares[end].char in CLOSING:
            end += 1
        elif end < len(squares) and end - at > 1 and squares[end - 1].char in OPENING:
            end -= 1
        yield list(squares[at:end])
        at = end
