"""What the judgement of a text says: its faults, each with its place, and what was wanted there."""

from __future__ import annotations

from dataclasses import dataclass

from .books import LEVEL, OBLIQUE, Reading
from .patterns import Pattern

TOLD = (LEVEL, OBLIQUE)


@dataclass(frozen=True)
class Fault:
    """A broken rule: `rule` is format, tone, 孤平, 三平尾, rhyme, 重韵 or unknown; `place` 0 means the whole line."""

    rule: str
    line: int
    place: int
    words: str


@dataclass(frozen=True)
class Place:
    """One character: the tone wanted of it (平 仄 中, "" beyond the form), how it can be read, and what is wrong."""

    char: str
    line: int
    place: int
    wanted: str
    readings: tuple[Reading, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def tones(self) -> str:
        """The tones it can have: 平, 仄, 平仄, or ? if the book does not know it."""
        return "".join(tone for tone in TOLD if any(each.tone == tone for each in self.readings)) or "?"


@dataclass(frozen=True)
class Report:
    """The judgement of one text by its nearest pattern, the one with the fewest faults.

    `group` is the rhyme of the text ("" if it has none; that of its first letter where it has several, see `groups`).
    """

    pattern: Pattern
    tones: str
    book: str
    rows: tuple[tuple[Place, ...], ...]
    faults: tuple[Fault, ...]
    groups: tuple[tuple[str, str], ...]

    @property
    def format_ok(self) -> bool:
        """Whether the lines are as many and as long as the pattern's, of Chinese characters only."""
        return not any(fault.rule == "format" for fault in self.faults)

    @property
    def tones_ok(self) -> bool:
        """Whether every place has a tone that the pattern permits; not without the format."""
        return self.format_ok and not any(fault.rule in ("tone", "孤平", "三平尾", "unknown") for fault in self.faults)

    @property
    def rhyme_ok(self) -> bool:
        """Whether the rhyme words rhyme; not without the format."""
        return self.format_ok and not any(fault.rule in ("rhyme", "重韵") for fault in self.faults)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def group(self) -> str:
        """The rhyme group of the first rhyme."""
        return self.groups[0][1] if self.groups else ""
