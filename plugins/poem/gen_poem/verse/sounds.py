"""The characters of a rhyme book by their readings, as bit sets for comparing tones and rhymes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, reduce
from operator import or_

from .books import EITHER, LEVEL, OBLIQUE, Book, Reading

SILENT = Book("none", (), {}, {})
"""A book without characters, for forms that require neither tones nor rhyme."""


@dataclass(frozen=True, eq=False)
class Sounds:
    """An inverted book. Each reading is one bit of `bits`; a *voice* is a set of readings.

    `numbers[char]` is the number of the character's voice, `voices[i]` are the readings of voice i as bits, and
    `chars[i]` the characters that have it, in the book's own objects: sets of thousands of them share these.
    """

    book: Book
    readings: tuple[Reading, ...] = field(repr=False)
    numbers: Mapping[str, int] = field(repr=False)
    voices: tuple[int, ...] = field(repr=False)
    chars: tuple[tuple[str, ...], ...] = field(repr=False)

    @cached_property
    def signs(self) -> Mapping[str, int]:
        """The readings that 平, 仄 and 中 let pass, as bits."""
        level = sum(1 << i for i, reading in enumerate(self.readings) if reading.tone == LEVEL)
        return {LEVEL: level, OBLIQUE: self.every & ~level, EITHER: self.every}

    @cached_property
    def every(self) -> int:
        """All readings, as bits."""
        return (1 << len(self.readings)) - 1

    @cached_property
    def groups(self) -> Mapping[str, int]:
        """The readings of each rhyme group, as bits."""
        found = dict.fromkeys(self.book.groups, 0)
        for i, reading in enumerate(self.readings):
            found[reading.group] = found.get(reading.group, 0) | 1 << i
        return found

    @cached_property
    def alike(self) -> tuple[int, ...]:
        """For each reading, the readings of its group, as bits."""
        return tuple(self.groups[reading.group] for reading in self.readings)

    @cached_property
    def near(self) -> tuple[int, ...]:
        """For each reading, the readings of neighbouring groups, as bits."""
        beside = self.book.neighbours
        groups = (beside.get(reading.group, ()) for reading in self.readings)
        return tuple(bits_of(self.groups[each] for each in found) for found in groups)

    def near_to(self, mask: int) -> int:
        """The readings of groups that are neighbours of the group of some reading among these bits."""
        return bits_of(self.near[reading] for reading in members(mask))

    def tones(self, voice: int) -> str:
        """The signs, except 中, that some reading among these bits satisfies."""
        return "".join(sign for sign in (LEVEL, OBLIQUE) if voice & self.signs[sign])

    def describe(self, char: str) -> str:
        """How a character reads, in words: 白 is 入 → 仄 (陌)."""
        readings = self.book.readings(char)
        if not readings:
            return f"{char} is not in the book {self.book.name}"
        each = (f"{'入 → ' * reading.entering}{reading.tone} ({reading.group})" for reading in readings)
        return f"{char} is {' or '.join(each)}"


@cache  # at most one for each book
def sounds(book: Book) -> Sounds:
    """The sounds of a book, computed once."""
    shared: dict[int, list[str]] = {}
    tuples: dict[int, tuple[Reading, ...]] = {}
    for char, readings in book.entries.items():  # characters that read alike share one tuple
        key = id(readings)
        if key in shared:
            shared[key].append(char)
        elif readings:
            shared[key], tuples[key] = [char], readings
    order = {reading: i for i, reading in enumerate(dict.fromkeys(r for each in tuples.values() for r in each))}
    by_voice: dict[int, tuple[str, ...]] = {}
    for key, chars in shared.items():
        voice = bits(order[reading] for reading in tuples[key])
        by_voice[voice] = (*by_voice.get(voice, ()), *chars)
    numbers = {char: i for i, chars in enumerate(by_voice.values()) for char in chars}
    return Sounds(book, tuple(order), numbers, tuple(by_voice), tuple(by_voice.values()))


def bits(numbers: Iterable[int]) -> int:
    """A set of small numbers as the bits of one."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def bits_of(masks: Iterable[int]) -> int:
    """All bits that are set in one of the masks."""
    return reduce(or_, masks, 0)


def members(mask: int) -> list[int]:
    """The numbers whose bits are set."""
    return [i for i in range(mask.bit_length()) if mask >> i & 1]
