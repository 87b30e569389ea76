"""The kinds of characters that a verse distinguishes, and sets of characters, built from kinds without iterating over
characters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from gen_engine.memory import Memory, remembered
from gen_engine.text import NO_CHAR, CharSet, is_han

from .marks import PRINTED
from .sounds import Sounds

OTHER, UNREAD = 0, 1
"""The kinds of signs that no verse has, and of Chinese characters about which nothing relevant is known."""

MARK_KINDS = {char: 2 + i for i, char in enumerate(sorted(frozenset().union(*PRINTED.values())))}
"""A kind for each mark; the kinds of characters follow."""

FIRST = 2 + len(MARK_KINDS)
"""The first kind of the characters that the book knows."""

MARK_OF = {kind: char for char, kind in MARK_KINDS.items()}


PLACES = 1024
"""For how many kinds of places the passing parts of the book are remembered."""

SETS = 4096
"""How many sets of characters are remembered."""


class Judged(NamedTuple):
    """What a place requires of a character: one of the readings that rhyme (as bits). With `chars` it may be any
    Chinese character, with `tones` one of some tone."""

    rhymes: int
    chars: bool
    tones: bool


@dataclass(frozen=True, eq=False)
class CharKinds:
    """Characters are of one kind if they have the same tones and the same readings among those that `may_rhyme`.

    Without `judges_tones`, tones make no difference.
    """

    sounds: Sounds
    judges_tones: bool
    may_rhyme: int
    _parts: Memory[Judged, tuple[tuple[int, ...], ...]] = remembered(PLACES)
    _written_of: Memory[frozenset[int], frozenset[str]] = remembered(SETS)
    _sets: Memory[tuple[Judged, tuple[int, ...], frozenset[str]], CharSet] = remembered(SETS)

    def of(self, char: str) -> int:
        """The kind of a character."""
        number = self.sounds.numbers.get(char)
        if number is not None:
            return self._of_voice[number]
        return UNREAD if is_han(char) else MARK_KINDS.get(char, OTHER)

    def _what_matters(self, voice: int) -> tuple[str, int]:
        return self.sounds.tones(voice) if self.judges_tones else "", voice & self.may_rhyme

    @cached_property
    def _numbers(self) -> Mapping[tuple[str, int], int]:
        found = {("", 0): UNREAD}
        for voice in self.sounds.voices:
            found.setdefault(self._what_matters(voice), FIRST - 1 + len(found))
        return found

    @cached_property
    def _of_voice(self) -> tuple[int, ...]:
        return tuple(self._numbers[self._what_matters(voice)] for voice in self.sounds.voices)

    @cached_property
    def heard(self) -> Mapping[int, tuple[str, int]]:
        """For each kind of Chinese character its tones, and its readings that may rhyme, as bits."""
        return {number: what for what, number in self._numbers.items()}

    @cached_property
    def _chars(self) -> Mapping[int, Sequence[Sequence[str]]]:
        """The book's characters of each kind, those of each voice together."""
        found: dict[int, list[Sequence[str]]] = {}
        for kind, chars in zip(self._of_voice, self.sounds.chars, strict=True):
            found.setdefault(kind, []).append(chars)
        return found

    def parts(self, judged: Judged) -> tuple[tuple[int, ...], ...]:
        """The kinds that may pass a place, in groups that the place does not distinguish."""
        parts = self._parts.get(judged)
        if parts is None:
            found: dict[tuple[str, int], list[int]] = {}
            for kind, (tones, voice) in self.heard.items():
                key = tones if judged.tones else "", voice & judged.rhymes
                if judged.chars or key[1]:
                    found.setdefault(key, []).append(kind)
            parts = self._parts.put(judged, tuple(map(tuple, found.values())))
        return parts

    def join(self, judged: Judged, parts: tuple[int, ...], marks: frozenset[str]) -> CharSet:
        """All characters of these parts, given by number, and these marks; equal arguments give the same object."""
        key = judged, parts, marks
        found = self._sets.get(key)
        if found is None:
            found = self._joined(judged, parts) if parts else CharSet(marks) if marks else NO_CHAR
            found = CharSet(found.kind, minus=found.minus, plus=marks) if parts and marks else found
            self._sets.put(key, found)
        return found

    def _joined(self, judged: Judged, parts: tuple[int, ...]) -> CharSet:
        every = self.parts(judged)
        kinds = {kind for part in parts for kind in every[part]}
        if UNREAD in kinds:  # these are most Chinese characters, so the set is described by what it lacks
            return CharSet("han", minus=self._written(set(self.heard) - kinds))
        return CharSet(self._written(kinds))

    def _written(self, kinds: Iterable[int]) -> frozenset[str]:
        """The book's characters of these kinds; equal arguments give the same object."""
        key = frozenset(kinds)
        found = self._written_of.get(key)
        if found is None:
            every = chain.from_iterable(chars for kind in key for chars in self._chars.get(kind, ()))
            found = self._written_of.put(key, frozenset(every))
        return found
