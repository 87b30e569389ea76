"""A text split at its pauses, and the signs in it that are not Chinese characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gen_engine.text import is_han

from .marks import BESIDE, LOST, PAUSES, SHORT_PAUSES


@dataclass(frozen=True)
class Segment:
    """Characters without a pause between them, whether a full pause ends them, and the marks after them as typed.

    A foreign sign in the place of a character counts as one.
    """

    chars: str
    pause: bool = True
    marks: str = field(default="", compare=False)


@dataclass(frozen=True)
class Sign:
    """A foreign sign, or several in a row. `at` characters of the text come before it, and it takes up `size` places (0
    if it counts for nothing)."""

    text: str
    at: int
    size: int


Part = tuple[str, bool]
"""Characters in a row, and whether they are Chinese."""


def is_title(line: str) -> bool:
    """Whether a line of a file is a title: it begins with # or stands in 《》."""
    return line.startswith("#") or line[:1] + line[-1:] == "《》"


def segments(text: str) -> tuple[list[Segment], list[Sign]]:
    """The segments of a text, and the signs in it that verse does not have.

    A foreign sign counts as a character if its segment is then as long as another one. It counts for nothing if the
    segment is as long as another one without it. Otherwise a letter, a digit or a blank counts as a character, and any
    other sign for nothing.
    """
    found: list[Segment] = []
    signs: list[Sign] = []
    taken = list(_taken_apart(text))
    usual = {_length(parts) for parts, _ in taken if all(is_own for _, is_own in parts)}
    count = 0
    for parts, segment in taken:
        sizes = _sizes(parts, usual)
        chars = ""
        for (part, is_own), size in zip(parts, sizes, strict=True):
            signs += [] if is_own else [Sign(part, count + len(chars), size)]
            chars += part[:size]
        count += len(chars)
        if chars:
            found.append(replace(segment, chars=chars))
        elif found:
            found[-1] = replace(found[-1], marks=found[-1].marks + segment.marks)
    return found, signs


def _taken_apart(text: str) -> Iterator[tuple[list[Part], Segment]]:
    """The parts of each segment, and the segment without them."""
    is_marked = not PAUSES.isdisjoint(text)
    parts: list[Part] = []
    for char in text + "\n":
        if char.isspace() and char != "\n" and is_marked:
            continue  # blanks that were typed within lines
        if char in PAUSES or char in SHORT_PAUSES or char.isspace():
            yield parts, Segment("", char not in SHORT_PAUSES, char.strip())
            parts = []
        elif is_han(char) or char not in BESIDE:
            is_own = is_han(char)
            if parts and parts[-1][1] == is_own:
                parts[-1] = parts[-1][0] + char, is_own
            else:
                parts.append((char, is_own))


def _length(parts: Sequence[Part], foreign: int | None = 0) -> int:
    """How many characters the parts have, if a foreign part counts for `foreign` (None: its own length)."""
    return sum(len(part) if is_own or foreign is None else foreign for part, is_own in parts)


def _sizes(parts: Sequence[Part], usual: set[int]) -> list[int]:
    """For how many characters each part counts."""
    ways = (None, 1, 0)  # each foreign sign counts as one, each run of them does, none does
    way = next((way for way in ways if _length(parts, way) in usual), -1)
    if way != -1:
        return [len(part) if is_own or way is None else way for part, is_own in parts]
    return [len(part) if is_own or (len(part) == 1 and _replaces(part)) else 0 for part, is_own in parts]


def _replaces(sign: str) -> bool:
    return sign in LOST or sign.isalnum()
