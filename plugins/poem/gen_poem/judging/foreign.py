"""Signs in a text that are not Chinese characters, each reported at its own place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..verse.segments import Sign
from .report import Fault

MOST, LONG = 10, 12
"""How many of them are reported one by one, and how much of each is shown."""


def foreign(signs: Sequence[Sign], lengths: Sequence[int]) -> Iterator[Fault]:
    """A fault for each foreign sign of a text whose lines have these lengths."""
    for sign in signs[:MOST]:
        shown = repr(sign.text if len(sign.text) <= LONG else sign.text[:LONG] + "...")
        line, place = _place(sign.at - (sign.size == 0), lengths)
        if sign.size:
            yield Fault("format", line, place, f"line {line}, place {place}: {shown} is no Chinese character")
        else:
            where = f"after place {place}" if sign.at else "before place 1"
            yield Fault("format", line, 0, f"line {line}, {where}: {shown} is no character of verse")
    if len(signs) > MOST:
        yield Fault("format", 0, 0, f"and {len(signs) - MOST} more signs are no characters of verse")


def _place(number: int, lengths: Sequence[int]) -> tuple[int, int]:
    """The line and the place in it of a character, both from 1."""
    number = max(number, 0)
    for line, length in enumerate(lengths, 1):
        if number < length:
            return line, number + 1
        number -= length
    return len(lengths), lengths[-1]
