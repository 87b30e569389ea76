"""The report on a text: its faults with their places, how it was read, and notes."""

from __future__ import annotations

from dataclasses import dataclass

from ..verse.books import LEVEL, OBLIQUE, Reading
from ..verse.patterns import Pattern

TOLD = (LEVEL, OBLIQUE)

TONE_RULES = ("tone", "孤平", "三平尾", "失粘", "失对", "unknown")
RHYME_RULES = ("rhyme", "重韵")


@dataclass(frozen=True)
class Fault:
    """A broken rule: format, tone, 孤平, 三平尾, 失粘, 失对, rhyme, 重韵 or unknown; `place` 0 is the whole line."""

    rule: str
    line: int
    place: int
    words: str


@dataclass(frozen=True)
class Note:
    """Something worth a note: 首句借邻韵, 拗救, 通押, 换韵, 平水韵, or 体 (form); `place` 0 is the whole line."""

    kind: str
    line: int
    place: int
    words: str


@dataclass(frozen=True)
class JudgedChar:
    """One character: the tone wanted of it (平 仄 中, "" beyond the form), how it can be read, and what is wrong.

    `taken` is the reading by which it was judged, and `why` the reason in words. They are given where its readings
    differ in tone or where it rhymes, and are None where any reading will do or none does. `marks` are those that
    follow it in the text.
    """

    char: str
    line: int
    place: int
    wanted: str
    readings: tuple[Reading, ...]
    faults: tuple[Fault, ...] = ()
    taken: Reading | None = None
    why: str = ""
    marks: str = ""

    @property
    def tones(self) -> str:
        """The tones it can have: 平, 仄, 平仄, or ? if the book does not know it."""
        return "".join(tone for tone in TOLD if any(each.tone == tone for each in self.readings)) or "?"


@dataclass(frozen=True)
class Report:
    """The judgement of one text by its nearest pattern, the one with the fewest faults.

    `group` is the rhyme of the text: "" if it has none, that of its first letter if it has several (see `groups`).
    """

    pattern: Pattern
    tones: str
    book: str
    rows: tuple[tuple[JudgedChar, ...], ...]
    faults: tuple[Fault, ...]
    groups: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...] = ()

    @property
    def format_ok(self) -> bool:
        """Whether the lines are as many and as long as the pattern's, of Chinese characters only."""
        return not any(fault.rule == "format" for fault in self.faults)

    @property
    def tones_ok(self) -> bool:
        """Whether every place has a tone that the pattern permits, as far as the text has the pattern's lines."""
        return self._is_legible and not any(fault.rule in TONE_RULES for fault in self.faults)

    @property
    def rhyme_ok(self) -> bool:
        """Whether the rhyme words rhyme, as far as the text has the pattern's lines."""
        return self._is_legible and not any(fault.rule in RHYME_RULES for fault in self.faults)

    @property
    def _is_legible(self) -> bool:
        """Whether the lines are right enough to judge tones and rhymes: at most one in four is wrong."""
        wrong = sum(fault.rule == "format" for fault in self.faults)
        return wrong <= max(1, len(self.pattern.lines) // 4)

    @property
    def has_tones(self) -> bool:
        """Whether the pattern asks for tones other than those of rhyme words."""
        return any(set(tones[:-1]) & set(TOLD) for line in self.pattern.lines for tones in line.tones)

    @property
    def has_rhyme(self) -> bool:
        """Whether at least two words had to rhyme."""
        return bool(self.groups)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def group(self) -> str:
        """The rhyme group of the first rhyme."""
        return self.groups[0][1] if self.groups else ""
