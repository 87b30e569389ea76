"""Which tones each line of a form admits: the signs of all forms of its tune laid on it, held against real lines.

The tune book marks free places (中) once, at the first form, and there for all its variants at a time: later forms have
too few, first forms too many. README.md beside this file says how both are mended, and why.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

LINE = re.compile(r"([平仄中]+)([A-Z]?)([，、。])")
PAUSE = re.compile(r"[，。、！？；：,.!?;:\s]+")
LEVEL, OBLIQUE, EITHER, UNSURE = "平", "仄", "中", "?"

MANY = 30
"""Real lines from which on a tone that hardly any of them has is none of the line, whatever the books' 中 says."""

SOME = 12
"""Real lines that each of two alternatives needs."""

RARE, COMMON = 0.03, 0.10
"""The share of real lines below which a tone is a lapse, and from which on it is a freedom that no book has marked."""

FAR = 0.25
"""The share of tones that a real ci may have otherwise than the form it is counted for."""

Tones = Mapping[str, frozenset[str]]
ToneOptions = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A line of a form as the books have it: signs, the letter of its rhyme, its mark."""

    signs: str
    letter: str
    mark: str

    @property
    def role(self) -> tuple[int, str]:
        """What lines must share to be compared: length, and the tone of the rhyme if there is one."""
        return len(self.signs), self.signs[-1] if self.letter else ""


@dataclass(frozen=True)
class Form:
    """A form of a tune: its name in the table (1, 2, ... or 龙1, ...), its rows, and the words of its example."""

    name: str
    rows: tuple[Row, ...]
    words: str

    @property
    def is_second(self) -> bool:
        """Whether the form is of the second book."""
        return not self.name.isdigit()

    @cached_property
    def ends(self) -> frozenset[int]:
        """How many characters stand before the end of each rhyme."""
        return frozenset(end for end, _ in self.shape[1])

    @cached_property
    def shape(self) -> tuple[int, tuple[tuple[int, str], ...]]:
        """How many characters it has, and where which rhyme ends: commas are no part of it."""
        places, count = [], 0
        for row in self.rows:
            count += len(row.signs)
            places += [(count, row.letter)] if row.letter else []
        return count, tuple(places)


def parse(name: str, pattern: str, words: str) -> Form:
    """A form out of a line of the table."""
    return Form(name, tuple(Row(*each) for each in LINE.findall(pattern)), words)


# ---------------------------------------------------------------------------------------------- lines that are alike


def agree(one: str, other: str) -> int:
    """At how many places two lines of signs do not contradict each other."""
    return sum(a == b or EITHER in (a, b) for a, b in zip(one, other, strict=True))


def like_lines(one: Sequence[Row], other: Sequence[Row]) -> list[tuple[int, int]]:
    """Pairs of lines of two forms that correspond: of one length and role, in order, with the most signs that agree."""
    best: list[list[float]] = [[0.0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], worth(one[i], other[j]) + best[i + 1][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        if one[i].role == other[j].role and best[i][j] == worth(one[i], other[j]) + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def worth(one: Row, other: Row) -> float:
    """What it is worth that two lines correspond; nothing where they cannot."""
    return 1 + agree(one.signs, other.signs) if one.role == other.role else 0.0


# ------------------------------------------------------------------------------------------------------ real lines


def heard(chars: str, tones: Tones) -> str:
    """The tone of each character, ? where it has both or none."""
    known = (tones.get(char, frozenset()) for char in chars)
    return "".join(next(iter(each)) if len(each) == 1 else UNSURE for each in known)


def misses(sounds: str, signs: str) -> int:
    """How many places have a tone that the signs do not admit."""
    return sum(UNSURE != a != b != EITHER for a, b in zip(sounds, signs, strict=True))


def song_rows(text: str, forms: Sequence[Form], tones: Tones) -> tuple[int, list[str]] | None:
    """The form that a real ci is nearest to, and the tones of its lines by that form; None if it is far from all."""
    pieces = [piece for piece in PAUSE.split(text) if piece]
    sounds = heard("".join(pieces), tones)
    pauses, count = set(), 0
    for piece in pieces:
        count += len(piece)
        pauses.add(count)
    found = []
    for number, form in enumerate(forms):
        signs = "".join(row.signs for row in form.rows)
        if len(signs) == len(sounds) and form.ends <= pauses:
            found.append((misses(sounds, signs), number))
    if not found or min(found)[0] > FAR * len(sounds):
        return None
    number = min(found)[1]
    return number, cut(sounds, forms[number])


def cut(sounds: str, form: Form) -> list[str]:
    """The tones of a text by the lines of a form."""
    rest = iter(sounds)
    return ["".join(next(rest) for _ in row.signs) for row in form.rows]


# -------------------------------------------------------------------------------------------------------- one tune


@dataclass
class Evidence:
    """What is known of one line: the signs of lines like it, how real lines like it sound, and the places at which the
    second book has it free."""

    signs: set[str] = field(default_factory=set)
    free: set[int] = field(default_factory=set)
    real: list[str] = field(default_factory=list)


def gather(forms: Sequence[Form], songs: Iterable[str], tones: Tones) -> dict[tuple[int, int], Evidence]:
    """The evidence for each line of each form of a tune."""
    real: dict[tuple[int, int], list[str]] = defaultdict(list)
    for number, form in enumerate(forms):
        for line, sounds in enumerate(cut(heard(form.words, tones), form)):
            real[number, line].append(sounds)
    for song in songs:
        if (laid := song_rows(song, forms, tones)) is not None:
            for line, sounds in enumerate(laid[1]):
                real[laid[0], line].append(sounds)
    found: dict[tuple[int, int], Evidence] = defaultdict(Evidence)
    for number, form in enumerate(forms):
        for its_number, other in enumerate(forms):
            for line, its in like_lines(form.rows, other.rows):
                signs = other.rows[its].signs
                found[number, line].signs.add(signs)
                found[number, line].free |= {p for p, s in enumerate(signs) if s == EITHER and other.is_second}
                found[number, line].real += real[its_number, its]
    return found


def lay_freedoms(forms: Sequence[Form], songs: Iterable[str], tones: Tones) -> list[list[ToneOptions]]:
    """For each form of a tune the alternatives of each of its lines."""
    evidence = gather(forms, songs, tones)
    return [
        [
            alternatives(row, evidence[number, line], sounds)
            for line, (row, sounds) in enumerate(zip(form.rows, cut(heard(form.words, tones), form), strict=True))
        ]
        for number, form in enumerate(forms)
    ]


# -------------------------------------------------------------------------------------------------------- one line


def alternatives(row: Row, evidence: Evidence, example: str) -> ToneOptions:
    """The alternatives of one line; its own signs, and its own example, always pass."""
    whole = envelope(evidence.signs, evidence.real, rhymes=bool(row.letter))
    options = options_of(whole, evidence.real, frozenset(evidence.free))
    own = "".join(s if s != EITHER else t for s, t in zip(row.signs, example, strict=True))
    if any(not misses(own, option) for option in options):
        return options
    nearest = min(options, key=lambda option: misses(own, option))
    if misses(own, nearest) <= 1:
        return uncovered((filled(own, nearest), *options))
    near = {each for each in evidence.signs if len(own) - agree(own, each) <= 1 and each.count(EITHER) < len(each) / 2}
    return (envelope(near | {filled(own, row.signs)}, [], rhymes=bool(row.letter)),)


def filled(sounds: str, signs: str) -> str:
    """The tones, with signs where they are not sure."""
    return "".join(s if t == UNSURE else t for t, s in zip(sounds, signs, strict=True))


def envelope(signs: Iterable[str], real: Sequence[str], *, rhymes: bool) -> str:
    """Signs that admit all these, and the tones that are common in real lines."""
    found = []
    columns = list(zip(*signs, strict=True))
    for place, column in enumerate(columns):
        both = EITHER in column or len(set(column)) == 2 or is_common(real, place)
        last = place == len(columns) - 1
        found.append(EITHER if both and not (rhymes and last) else next(each for each in column if each != EITHER))
    return "".join(found)


def counted(real: Iterable[str], place: int) -> tuple[int, int]:
    """How many lines are level at a place, and how many oblique."""
    column = [each[place] for each in real]
    return column.count(LEVEL), column.count(OBLIQUE)


def is_common(real: Sequence[str], place: int) -> bool:
    """Whether enough real lines have either tone at a place."""
    fewer, more = sorted(counted(real, place))
    return fewer + more >= MANY and fewer >= COMMON * (fewer + more)


def options_of(option: str, real: Sequence[str], kept: frozenset[int]) -> ToneOptions:
    """A line of signs as alternatives that admit less, as far as real lines show which; `kept` places stay free."""
    fit = [each for each in real if not misses(each, option)]
    tight = filled("".join(UNSURE if p in kept else s for p, s in enumerate(tightened(option, fit, MANY))), option)
    if len(fit) >= MANY:
        return uncovered(parts(tight, [each for each in fit if not misses(each, tight)]))
    return regular(tight, fit)


def tightened(option: str, real: Sequence[str], enough: int) -> str:
    """The option without the tones that (nearly) none of these lines have."""
    found = []
    for place, sign in enumerate(option):
        level, oblique = counted(real, place)
        rare = min(level, oblique) < RARE * (level + oblique) and level + oblique >= enough
        found.append((LEVEL if level > oblique else OBLIQUE) if sign == EITHER and rare else sign)
    return "".join(found)


def parts(option: str, real: Sequence[str]) -> ToneOptions:
    """The option taken apart where two free places are opposed to each other, if that admits at most half as much."""
    for place in range(len(option) - 2):
        if option[place] == option[place + 2] == EITHER and are_opposed(real, place):
            sides = list(filter(None, (side(option, place, tone, real) for tone in (LEVEL, OBLIQUE))))
            if sum(volume(each) for each, _ in sides) <= volume(option) / 2:
                return tuple(found for each, lines in sides for found in parts(each, lines))
    return (option,)


def are_opposed(real: Iterable[str], place: int) -> bool:
    """Whether real lines have one tone at a place and the other one two places on."""
    pairs = [each[place] + each[place + 2] for each in real]
    opposed = pairs.count(LEVEL + OBLIQUE) + pairs.count(OBLIQUE + LEVEL)
    return pairs.count(LEVEL * 2) + pairs.count(OBLIQUE * 2) <= COMMON * opposed


def side(option: str, place: int, tone: str, real: Iterable[str]) -> tuple[str, list[str]] | None:
    """What the option admits with that tone at a place, as far as real lines have it; None if none has."""
    lines = [each for each in real if each[place] == tone]
    if not lines:
        return None
    half = option[:place] + tone + option[place + 1 :]
    return (tightened(half, lines, SOME) if len(lines) >= SOME else hull(half, lines)), lines


def hull(option: str, real: Sequence[str]) -> str:
    """The option with those places free at which these lines have either tone."""
    found = []
    for place, sign in enumerate(option):
        level, oblique = counted(real, place)
        one = bool(level) != bool(oblique)
        found.append((LEVEL if level else OBLIQUE) if sign == EITHER and one else sign)
    return "".join(found)


def volume(option: str) -> int:
    """How many lines of tones an option admits."""
    return 1 << option.count(EITHER)


def regular(option: str, real: Sequence[str]) -> ToneOptions:
    """A line free at even places next to each other as the two lines of verse whose even places alternate (律句).

    Only those that a real line is of; the option itself where one is of neither, or none is known.
    """
    even = range(1, len(option) - 1, 2)
    if not any(option[p] == option[p + 2] == EITHER for p in even if p + 2 < len(option)):
        return (option,)
    kinds = []
    for first in (LEVEL, OBLIQUE):
        signs = {p: (LEVEL if (first == LEVEL) == (p % 4 == 1) else OBLIQUE) for p in even}
        if all(option[p] in (EITHER, sign) for p, sign in signs.items()):
            kinds.append("".join(signs.get(p, sign) for p, sign in enumerate(option)))
    if any(all(misses(each, kind) for kind in kinds) for each in real):
        return (option,)
    return uncovered(kind for kind in kinds if any(not misses(each, kind) for each in real)) or (option,)


def covers(wide: str, narrow: str) -> bool:
    """Whether an option admits all that another does."""
    return all(w in (EITHER, n) for w, n in zip(wide, narrow, strict=True))


def uncovered(options: Iterable[str]) -> ToneOptions:
    """The options less those that another one covers."""
    unique = sorted(set(options))
    return tuple(option for option in unique if not any(other != option and covers(other, option) for other in unique))
