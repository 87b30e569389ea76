"""Align a text with the lines of a pattern, character by character: what stands where, and what is missing or too much.

Where commas stand is no part of a tune's form: only its rhyming lines must end where the text pauses. Lines of other
verse end at every pause. A text that is longer or shorter than the pattern, or pauses elsewhere, is aligned at the
least cost (edit distance with affine gaps; Gotoh 1982). The cost comes from tones and pauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from gen_engine.errors import GenError

from ..verse.books import EITHER, LEVEL, OBLIQUE, Book
from ..verse.patterns import Line
from ..verse.segments import Segment

OPEN, MORE, LINE = 2.2, 0.5, 0.1
"""OPEN is what a gap costs, MORE what each further character of it costs. LINE is subtracted if the gap begins where a
line does, and added for a character too many before a pause."""

TONE = 1.0
"""What a wrong tone costs."""

UNMARKED, WITHIN = 1.5, 0.4
"""The cost of a line that must end at a pause and does not, and of a pause within a line of a tune."""

SHORT = 3
"""Rhyming lines of fewer characters (短韵, 错错错) need no pause after them."""

SLACK = 4
"""How far an alignment may stray beyond the difference in length."""

CELLS = 500_000
"""How many pairs of a character and a place an alignment looks at, at most."""

MASK = {LEVEL: 1, OBLIQUE: 2, EITHER: 3}
MATCH, EXTRA, MISSING = 0, 1, 2
INFINITE = float("inf")


@dataclass(frozen=True)
class Row:
    """The characters of a line, and the place of each in the line of the pattern, from 1; 0 if it is one too many."""

    chars: str
    places: tuple[int, ...]


AlignmentFault = tuple[int, int, str]
"""Line and place, from 1 (0 is all of the line), and what is wrong in words."""


@dataclass(frozen=True)
class Alignment:
    """A row for each line of the pattern and for each line beyond it, and what is wrong with the format."""

    rows: Sequence[Row]
    faults: Sequence[AlignmentFault]


@dataclass(frozen=True)
class Slot:
    """A place of a pattern: its line and place from 1, and the tones that it admits, as bits. `begins` says whether it
    begins a line, `firm` whether the text must pause before it."""

    line: int
    place: int
    mask: int
    begins: bool
    firm: bool


@dataclass(frozen=True)
class Spelled:
    """A text as its characters. `masks` holds the tones that each may have, as bits (3 where the book knows none).
    `pauses` holds the pause before each: 0 none, 1 a short one (、), 2 a full one."""

    chars: str
    masks: tuple[int, ...]
    pauses: tuple[int, ...]

    def is_marked(self, wanted: Sequence[Slot]) -> bool:
        """Whether its pauses are meaningful: there are at least half as many as required."""
        return 2 * self.pauses.count(2) >= sum(slot.firm for slot in wanted)


def spell(pieces: Sequence[Segment], rules: Book) -> Spelled:
    """The segments of a text as its characters."""
    chars = "".join(piece.chars for piece in pieces)
    pauses, before = [], 0
    for piece in pieces:
        pauses += [before, *[0] * (len(piece.chars) - 1)]
        before = 2 if piece.pause else 1
    masks = (sum({MASK[reading.tone] for reading in rules.readings(char)}) or 3 for char in chars)
    return Spelled(chars, tuple(masks), tuple(pauses))


REMEMBERED = 8192
"""For how many patterns the places are remembered; it is more than the tune books have."""


@lru_cache(REMEMBERED)
def slots(lines: tuple[Line, ...], *, is_ci: bool) -> tuple[Slot, ...]:
    """The places of the lines. In ci the text must pause only after rhymes, except short ones (错错错)."""
    found, firm = [], False
    for number, line in enumerate(lines, 1):
        for place, signs in enumerate(zip(*line.tones, strict=True), 1):
            mask = MASK[EITHER] if EITHER in signs else sum({MASK[sign] for sign in signs})
            found.append(Slot(number, place, mask, place == 1, place == 1 and firm))
        firm = is_ci and bool(line.rhyme) and line.length >= SHORT
    return tuple(found)


def is_straight(text: Spelled, wanted: Sequence[Slot], *, is_ci: bool) -> bool:
    """Whether the text is as long as the pattern, pauses where it must, and pauses nowhere that it may not."""
    if len(text.chars) != len(wanted):
        return False
    if is_ci and not text.is_marked(wanted):
        return True
    pairs = zip(text.pauses, wanted, strict=True)
    return all((pause or not slot.firm) and (is_ci or slot.begins or pause < 2) for pause, slot in pairs)


def fits(text: Spelled, lines: tuple[Line, ...], *, is_ci: bool) -> bool:
    """Whether a text has the format of a pattern."""
    return is_straight(text, slots(lines, is_ci=is_ci), is_ci=is_ci)


def align(pieces: Sequence[Segment], lines: tuple[Line, ...], rules: Book, *, is_ci: bool) -> Alignment:
    """The text aligned with the lines of a pattern, at the least cost."""
    text, wanted = spell(pieces, rules), slots(lines, is_ci=is_ci)
    kinds = [MATCH] * len(wanted)
    if not is_straight(text, wanted, is_ci=is_ci):
        kinds = _cheapest(text, wanted, WITHIN if is_ci else UNMARKED)
        kinds = _with_best_gaps(text, lines, wanted, kinds)
    steps = list(_walk(text, wanted, kinds))
    faults = list(_gaps(text, lines, wanted, steps)) or list(_pauses(text, wanted, is_ci=is_ci))
    return Alignment(_rows(text, lines, wanted, steps), faults)


# ---------------------------------------------------------------------------------------------------- the least cost


def _cheapest(text: Spelled, wanted: Sequence[Slot], within: float) -> list[int]:
    """The steps through a text and a pattern: a character at its place, one too many, or a place without one."""
    n, m, marked = len(text.chars), len(wanted), text.is_marked(wanted)
    low, high = min(0, m - n) - SLACK, max(0, m - n) + SLACK
    if n * min(m, high - low) > CELLS:
        raise GenError(
            f"A text of {n} characters is too far from a pattern of {m} to be held against it; give one poem alone, or "
            "name another form."
        )
    from_where: list[dict[int, tuple[int, int, int]]] = []
    before: dict[int, tuple[float, float, float]] = {}
    for i in range(n + 1):
        here: dict[int, tuple[float, float, float]] = {}
        back: dict[int, tuple[int, int, int]] = {}
        for j in range(max(0, i + low), min(m, i + high) + 1):
            if i == j == 0:
                here[0], back[0] = (0.0, INFINITE, INFINITE), (MATCH, MATCH, MATCH)
                continue
            match, by_match = _least(before.get(j - 1) if i and j else None, 0.0, 0.0, 0.0)
            end = LINE * ((i < n and text.pauses[i] == 2) or i == n)
            extra, by_extra = _least(before.get(j) if i else None, OPEN + end, MORE, OPEN + end)
            begin = OPEN - LINE * (j > 0 and wanted[j - 1].begins)
            missing, by_missing = _least(here.get(j - 1) if j else None, begin, begin, MORE)
            if i and j:
                match += _cost(text, i - 1, wanted[j - 1], within, marked)
            here[j], back[j] = (match, extra, missing), (by_match, by_extra, by_missing)
        before = here
        from_where.append(back)
    steps, i, j = [], n, m
    _, step = _least(before[m], 0.0, 0.0, 0.0)
    while i or j:
        steps.append(step)
        earlier = from_where[i][j][step]
        i, j = i - (step != MISSING), j - (step != EXTRA)
        step = earlier
    return steps[::-1]


def _least(costs: tuple[float, float, float] | None, *more: float) -> tuple[float, int]:
    if costs is None:
        return INFINITE, MATCH
    match, extra, missing = costs[0] + more[0], costs[1] + more[1], costs[2] + more[2]
    if match < extra and match < missing:  # of gaps with equal cost, the last one
        return match, MATCH
    return (extra, EXTRA) if extra <= missing else (missing, MISSING)


def _cost(text: Spelled, i: int, slot: Slot, within: float, marked: bool) -> float:
    """The cost of character i at a place."""
    cost = 0.0 if text.masks[i] & slot.mask else TONE
    pause = text.pauses[i]
    if slot.firm or slot.begins:
        if i and not pause and marked:
            cost += UNMARKED if slot.firm else WITHIN / 2
    elif pause:
        cost += within if pause == 2 else WITHIN / 4
    return cost


def _with_best_gaps(text: Spelled, lines: Sequence[Line], wanted: Sequence[Slot], kinds: Sequence[int]) -> list[int]:
    """The same steps, with a line's only gap moved to where the fewest tones are wrong by one of the line's
    alternatives. The least cost cannot tell, because it knows only which tones the alternatives admit together at each
    place."""
    moved: list[int] = []
    for line, group in groupby(_walk(text, wanted, kinds), key=lambda step: step.line):
        run = list(group)
        gaps = [step.kind for step in run if step.kind != MATCH]
        if len(gaps) == 1 and line <= len(lines):
            ways = [[MATCH] * at + gaps + [MATCH] * (len(run) - at - 1) for at in range(len(run))]
            own = [step.kind for step in run]
            moved += min([own, *ways], key=lambda way: _misses(text, lines[line - 1], wanted, run[0], way))
        else:
            moved += [step.kind for step in run]
    return moved


def _misses(text: Spelled, line: Line, wanted: Sequence[Slot], first: Step, kinds: Iterable[int]) -> int:
    """How many tones of a line are wrong by the best of its alternatives."""
    i, j, pairs = first.i, first.j, []
    for kind in kinds:
        if kind == MATCH:
            pairs.append((text.masks[i], wanted[j].place - 1))
        i, j = i + (kind != MISSING), j + (kind != EXTRA)
    return min(sum(not mask & MASK[tones[place]] for mask, place in pairs) for tones in line.tones)


# ------------------------------------------------------------------------------------------------- what it comes to


@dataclass(frozen=True)
class Step:
    """A step with the line it is in; `i` and `j` count the characters and places before it."""

    kind: int
    i: int
    j: int
    line: int


def _walk(text: Spelled, wanted: Sequence[Slot], kinds: Sequence[int]) -> Iterator[Step]:
    """The steps with their lines; a character too many begins a line only where one may begin, after a pause."""
    line, i, j = 1, 0, 0
    for kind in kinds:
        if kind != EXTRA:
            line = wanted[j].line
        elif i and text.pauses[i] == 2 and (j == len(wanted) or wanted[j].begins):
            line = wanted[j].line if j < len(wanted) else line + 1
        yield Step(kind, i, j, line)
        i, j = i + (kind != MISSING), j + (kind != EXTRA)


def _rows(text: Spelled, lines: Sequence[Line], wanted: Sequence[Slot], steps: Sequence[Step]) -> list[Row]:
    rows: list[list[tuple[str, int]]] = [[] for _ in range(max(len(lines), steps[-1].line))]
    for step in steps:
        if step.kind != MISSING:
            rows[step.line - 1].append((text.chars[step.i], wanted[step.j].place if step.kind == MATCH else 0))
    return [Row("".join(char for char, _ in row), tuple(place for _, place in row)) for row in rows]


def _gaps(
    text: Spelled, lines: Sequence[Line], wanted: Sequence[Slot], steps: Sequence[Step]
) -> Iterator[AlignmentFault]:
    """One fault for each run of characters in a line that are missing or too many."""
    for (line, kind), group in groupby(steps, key=lambda step: (step.line, step.kind)):
        run = list(group)
        if kind == MISSING:
            yield _missing(line, lines[line - 1], wanted[run[0].j], len(run))
        elif kind == EXTRA and line > len(lines):
            yield line, 0, f"line {line} is one more than the form has"
        elif kind == EXTRA:
            place = 1 + sum(step.line == line and step.kind != MISSING and step.i < run[0].i for step in steps)
            chars = "".join(text.chars[step.i] for step in run)
            many = "is one character" if len(run) == 1 else f"are {len(run)} characters"
            yield line, place, f"line {line}, place {place}: {chars} {many} too many"


def _missing(line: int, pattern: Line, slot: Slot, count: int) -> AlignmentFault:
    if count == pattern.length:
        return line, 0, f"line {line} is missing"
    where = f"line {line}, place {slot.place}:"
    if count > 1:
        return line, slot.place, f"{where} {count} characters are missing"
    sign = next(sign for sign, mask in MASK.items() if mask == slot.mask)
    return line, slot.place, f"{where} a character is missing" + f" ({sign} is wanted)" * (sign != EITHER)


def _pauses(text: Spelled, wanted: Sequence[Slot], *, is_ci: bool) -> Iterator[AlignmentFault]:
    """A fault for each rhyme of a tune that the text does not pause after, or for each pause within a line of verse."""
    if is_ci and not text.is_marked(wanted):
        return
    for pause, slot, before in zip(text.pauses[1:], wanted[1:], wanted, strict=False):
        if slot.firm and not pause:
            yield before.line, before.place, f"line {before.line}, place {before.place}: no pause after the rhyme"
        elif not is_ci and not slot.begins and pause == 2:
            yield slot.line, slot.place, f"line {slot.line}, place {slot.place}: a pause within the line"
