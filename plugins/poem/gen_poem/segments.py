"""A text taken apart into the lines of a pattern: where they end, which are too long, which are missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from gen_engine.text import is_han

from .patterns import Line

PAUSES = frozenset("，。！？；：,.!?;:｡…")
"""What ends a line, whichever of them it is; so does a line break."""

HALTS = frozenset("、､")
"""What may stand for a short pause (读) or be missing there."""

BESIDE = frozenset("“”‘’「」『』（）()【】[]《》〈〉\"'·—～-")
"""What a text may have beside its characters."""


@dataclass(frozen=True)
class Segment:
    """Characters that stand together, and whether a full pause ends them."""

    chars: str
    pause: bool = True


@dataclass
class Laid:
    """The rows of a text beside the lines of a pattern, and what is wrong with their number and lengths, in words.

    `faults` are (line from 1, words).
    """

    rows: list[str] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def segments(text: str) -> tuple[list[Segment], list[str]]:
    """The segments of a text, and the characters in it that verse does not have, once each."""
    found: list[Segment] = []
    odd: dict[str, None] = {}
    chars = ""
    for char in text + "\n":
        if is_han(char):
            chars += char
        elif char in PAUSES or char in HALTS or char.isspace():
            found += [Segment(chars, char not in HALTS)] if chars else []
            chars = ""
        elif char not in BESIDE:
            odd[char] = None
    return found, list(odd)


def lay(text: Sequence[Segment], lines: Sequence[Line]) -> Laid:
    """One row for each line of the pattern and for each segment that is left over.

    A short pause (、) that the pattern has may be missing in the text, and one that it has not may be there. A text
    without any pause is cut as the pattern is, if it is as long.
    """
    rest = deque(text)
    if len(text) == 1 and len(text[0].chars) == sum(line.length for line in lines):
        rest = _cut(text[0].chars, lines)
    laid = Laid()
    for number, line in enumerate(lines, 1):
        row = _row(rest, line)
        laid.rows.append(row)
        if len(row) != line.length:
            laid.faults.append((number, _length_fault(number, len(row), line.length)))
    for number, segment in enumerate(rest, len(lines) + 1):
        laid.rows.append(segment.chars)
        laid.faults.append((number, f"line {number} is one more than the form has"))
    return laid


def _cut(chars: str, lines: Sequence[Line]) -> deque[Segment]:
    cut: deque[Segment] = deque()
    for line in lines:
        cut.append(Segment(chars[: line.length]))
        chars = chars[line.length :]
    return cut


def _row(rest: deque[Segment], line: Line) -> str:
    """Take the characters of one line from what is left of the text."""
    if not rest:
        return ""
    segment = rest.popleft()
    while not segment.pause and len(segment.chars) < line.length and rest:
        more = rest.popleft()
        segment = Segment(segment.chars + more.chars, more.pause)
    if line.mark == "、" and len(segment.chars) > line.length:
        rest.appendleft(Segment(segment.chars[line.length :], segment.pause))
        return segment.chars[: line.length]
    return segment.chars


def _length_fault(number: int, found: int, wanted: int) -> str:
    if not found:
        return f"line {number} is missing"
    return f"line {number} has {found} characters instead of {wanted}"
