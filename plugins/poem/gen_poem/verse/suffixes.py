"""What is left of a poem at each place; equal suffixes of all its patterns are one object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gen_engine.errors import GenError

from .books import EITHER
from .patterns import Line, Pattern
from .sounds import Sounds

ToneOptions = tuple[str, ...]
"""Alternatives of what is left of a line, as signs; none of them is covered by another."""

Needs = frozenset[frozenset[str]]
"""What the rhyming places of one letter want: for each place, the signs that its alternatives have there."""


@dataclass(frozen=True, eq=False)
class Suffix:
    """What is left of a pattern, in a line or before a mark. It is compared by identity: equal suffixes are one object.

    `mark` is the mark wanted here, "" in a line and at the end. `opening` are the alternatives of the line that follows
    the mark. `letter` is the number of the letter that the line rhymes by, None if it does not rhyme. `near` says
    whether it rhymes in a neighbouring group only. Letters are numbered by their last lines, from the end of the
    pattern, so that a number holds as long as its letter is in play. `needs[i]` is what the lines *after* this one want
    of letter i. `whole[i]` says whether its words must share their tone too, because the signs leave the tone open.
    `left` counts the characters from the mark on, the mark included.
    """

    mark: str
    after: Suffix | None = field(default=None, repr=False)
    opening: ToneOptions = ()
    letter: int | None = None
    near: bool = False
    needs: tuple[Needs, ...] = ()
    whole: tuple[bool, ...] = ()
    left: int = 0


@dataclass(frozen=True, eq=False)
class Suffixes:
    """The suffixes of several patterns: where each begins, and at which lines and places each stands.

    `places[suffix, n]` are the lines and places, counted from 1, at which n characters of a line are left. `widest` is
    how many characters the longest pattern has, marks included.
    """

    starts: tuple[tuple[Suffix, ToneOptions], ...]
    places: Mapping[tuple[Suffix, int], Sequence[tuple[int, int]]] = field(repr=False)
    widest: int


@dataclass
class _Builder:
    """Builds suffixes from the end of each pattern to its beginning; `known` finds the one for equal ones."""

    sounds: Sounds
    known: dict[tuple[object, ...], Suffix] = field(default_factory=dict)
    places: dict[tuple[Suffix, int], list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, pattern: Pattern) -> tuple[Suffix, ToneOptions]:
        """The suffix at the beginning of a pattern, and the alternatives of its first line."""
        if not pattern.lines:
            raise GenError(f"{pattern.form} {pattern.name} has no lines; give it one.")
        opening: ToneOptions = ()
        suffix = self._one("", None, opening)
        shared = shared_tones(pattern.lines)
        letters: list[str] = []
        for number, line in reversed(list(enumerate(pattern.lines, 1))):
            suffix = self._one(line.mark, suffix, opening)
            self._stands(suffix, 0, number, line.length + 1)
            if line.rhyme and line.rhyme not in letters:
                letters.append(line.rhyme)
            letter = letters.index(line.rhyme) if line.rhyme else None
            suffix = self._one("", suffix, (), letter, near=line.near, whole=line.rhyme in shared)
            opening = self.options(line)
            for place in range(1, line.length + 1):
                self._stands(suffix, line.length - place + 1, number, place)
        return suffix, opening

    def _stands(self, suffix: Suffix, left: int, line: int, place: int) -> None:
        found = self.places.setdefault((suffix, left), [])
        if (line, place) not in found:
            found.append((line, place))

    def options(self, line: Line) -> ToneOptions:
        """The alternatives of a line that some characters of the book fulfil."""
        sizes = {len(tones) for tones in line.tones}
        if len(sizes) != 1 or 0 in sizes or line.mark not in ("，", "。", "、"):
            raise GenError(f"The line {line} is none; give it alternatives of one length, and one of ， 。 、.")
        signs = self.sounds.signs
        return uncovered(tones for tones in line.tones if all(s == EITHER or signs[s] for s in tones))

    def _one(
        self,
        mark: str,
        after: Suffix | None,
        opening: ToneOptions,
        letter: int | None = None,
        *,
        near: bool = False,
        whole: bool = False,
    ) -> Suffix:
        key = (mark, after, opening, letter, near, whole)
        if key not in self.known:
            self.known[key] = self._new(mark, after, opening, letter, near, whole)
        return self.known[key]

    @staticmethod
    def _new(
        mark: str, after: Suffix | None, opening: ToneOptions, letter: int | None, near: bool, whole: bool
    ) -> Suffix:
        if after is None:
            return Suffix(mark)
        needs, tones = list(after.needs), list(after.whole)
        if letter is not None and letter == len(needs):
            needs.append(frozenset())
            tones.append(whole)
        left = after.left
        if mark:
            left += 1 + (len(opening[0]) if opening else 0)
            if after.letter is not None:  # the line after the mark is among those after this one
                needs[after.letter] |= {frozenset(option[-1] for option in opening)}
        return Suffix(mark, after, opening, letter, near, tuple(needs), tuple(tones), left)


def shared_tones(lines: Iterable[Line]) -> frozenset[str]:
    """The letters with some rhyming place of any tone: their words must share the tone, and all or none be entering."""
    return frozenset(line.rhyme for line in lines if line.rhyme and any(t[-1] == EITHER for t in line.tones))


def build_suffixes(patterns: Iterable[Pattern], sounds: Sounds) -> Suffixes:
    """The suffixes of these patterns, as far as the book has characters for them."""
    builder = _Builder(sounds)
    within = (pattern for pattern in patterns if all(builder.options(line) for line in pattern.lines))
    starts = tuple(dict.fromkeys(builder.add(pattern) for pattern in within))
    widest = max((suffix.left + len(options[0]) for suffix, options in starts), default=0)
    return Suffixes(starts, builder.places, widest)


def covers(wide: str, narrow: str) -> bool:
    """Whether `wide` lets pass every character that `narrow` does, at every place."""
    return all(w in (EITHER, n) for w, n in zip(wide, narrow, strict=True))


def uncovered(options: Iterable[str]) -> ToneOptions:
    """The options without those that another one covers, which is the canonical form of the alternatives."""
    unique = sorted(set(options))
    return tuple(option for option in unique if not any(other != option and covers(other, option) for other in unique))
