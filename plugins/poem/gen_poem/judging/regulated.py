"""What regulated verse permits beyond its lines (拗救), and what breaks between them (失粘, 失对).

After 王力《诗词格律》. The lines are called a, b, c, d as in `patterns`. A place that has the wrong tone (拗) is saved
where another place compensates for it:

- 大拗: the last place but one of a is oblique; the third from the end of b, which answers it, must be level.
- 小拗: the third from the end of a is oblique; the same place of b may make up for it.
- 孤平拗救: the fifth from the end of b is oblique; its own third from the end is level.
- 特拗: of c the last but one is level, and the third from the end is oblique in its stead.

失粘: a couplet does not begin like the line before it ends up (their second places differ). 失对: the two lines of a
couplet are not opposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..verse.books import LEVEL, OBLIQUE, book
from ..verse.patterns import FIRSTS, NEIGHBOUR, RHYMED, SHAPES, Pattern, kind_of, of_kinds
from .report import Fault, JudgedChar, Note

Rows = Sequence[Sequence[JudgedChar]]


def saved(pattern: Pattern, rows: Rows, faults: Sequence[Fault]) -> tuple[list[Fault], list[Note]]:
    """The faults of tone without those that are saved, and a note for each place that is 拗."""
    kinds = [kind_of(line) for line in pattern.lines]
    notes: list[Note] = []
    pardoned: set[tuple[int, int]] = set()
    for number, (kind, row) in enumerate(zip(kinds, rows, strict=False)):
        if len(row) not in (5, 7) or len(row) != pattern.lines[number].length:
            continue
        answer = rows[number + 1] if kinds[number + 1 : number + 2] == ["b"] and number + 1 < len(rows) else ()
        for note, place in _crooked(kind, row, answer if len(answer) == len(row) else ()):
            notes.append(note)
            pardoned.add((place.line, place.place))
    return [fault for fault in faults if (fault.line, fault.place) not in pardoned], notes


def _crooked(kind: str, row: Sequence[JudgedChar], answer: Sequence[JudgedChar]) -> Iterator[tuple[Note, JudgedChar]]:
    """The places of one line that are 拗 and permitted."""
    if kind == "a":
        rescue = answer[-3] if answer and LEVEL in answer[-3].tones else None
        if rescue and _is_oblique(row[-2]):
            yield _note("大拗", row[-2], rescue), row[-2]
        elif row[-3].tones == OBLIQUE and row[-2].tones != OBLIQUE:
            yield _note("小拗", row[-3], rescue), row[-3]
    if kind == "b" and row[-5].tones == OBLIQUE and LEVEL in row[-4].tones and LEVEL in row[-3].tones:
        yield _note("孤平拗救", row[-5], row[-3]), row[-5]
    if kind == "c" and row[-2].tones == LEVEL and OBLIQUE in row[-3].tones and row[-2].wanted == LEVEL:
        yield _note("特拗", row[-3], row[-2]), row[-3]


def _is_oblique(place: JudgedChar) -> bool:
    """Whether it reads oblique, at least today; 不 does too, since its level reading is rare."""
    today = {reading.tone for reading in book("xinyun").readings(place.char)}
    return place.tones == OBLIQUE or (OBLIQUE in place.tones and today == {OBLIQUE})


def _note(name: str, crooked: JudgedChar, rescue: JudgedChar | None) -> Note:
    where = f"line {crooked.line}, place {crooked.place}: {crooked.char} is 拗 ({name})"
    if rescue is None:
        return Note("拗救", crooked.line, crooked.place, f"{where}, not saved, as it need not be")
    other = f"line {rescue.line}, " * (rescue.line != crooked.line)
    return Note("拗救", crooked.line, crooked.place, f"{where}, saved by {rescue.char} at {other}place {rescue.place}")


# ---------------------------------------------------------------------------------------------- between the lines

COUPLETS = ("ab", "cd", "ad", "cb")
"""The possible couplets: two that are opposed, and two that are not (失对)."""

SECOND = {"a": OBLIQUE, "b": LEVEL, "c": LEVEL, "d": OBLIQUE}
"""The tone of the second place of each line of five characters; in lines of seven it is the other one."""


def unstuck(form: str, tones: str, first: str, faulty: Callable[[int, str], int], rows: int) -> Pattern:
    """The pattern of couplets, stuck together or not, that is nearest to a poem of `rows` lines.

    `faulty(i, kinds)` is how many faults couplet i (from 0) has if its lines are of these two kinds.
    """
    ways: dict[str, tuple[int, str]] = {"": (0, "")}
    for number in range(rows // 2):
        costs = {
            kinds: faulty(number, kinds) + (SECOND[kinds[0]] == SECOND[kinds[1]]) for kinds in _pairs(number, first)
        }
        ways = dict(_nearer(ways, costs))
    _, kinds = min(ways.values())
    rhymed = kinds[0] in RHYMED.values()
    how = NEIGHBOUR if first == NEIGHBOUR else FIRSTS[0] if rhymed else FIRSTS[1]
    return of_kinds(form, tones, kinds, how)


def _pairs(number: int, first: str) -> Sequence[str]:
    if number:
        return COUPLETS
    rhymed = [RHYMED[pair[0]] + pair[1] for pair in COUPLETS]
    return {"rhymed": rhymed, NEIGHBOUR: rhymed, "unrhymed": COUPLETS}.get(first, (*COUPLETS, *rhymed))


def _nearer(ways: Mapping[str, tuple[int, str]], costs: Mapping[str, int]) -> Iterator[tuple[str, tuple[int, str]]]:
    """For each last line the cheapest way to it."""
    found: dict[str, tuple[int, str]] = {}
    for kinds, cost in costs.items():
        for before, (total, path) in ways.items():
            loose = bool(before) and SECOND[before] != SECOND[kinds[0]]
            way = total + cost + loose, path + kinds
            found[kinds[1]] = min(found.get(kinds[1], way), way)
    yield from found.items()


def loose_joints(pattern: Pattern, cols: int) -> list[Fault]:
    """失粘 and 失对 of a pattern of couplets, each at the second place of the line that is at fault."""
    seconds = [SECOND[kind_of(line)] for line in pattern.lines]
    if cols == 7:
        seconds = [LEVEL if tone == OBLIQUE else OBLIQUE for tone in seconds]
    found = []
    for number in range(1, len(seconds)):
        tone, before = seconds[number], seconds[number - 1]
        if number % 2 and tone == before:
            found.append(_joint("失对", number, tone, "is not opposed to"))
        if number % 2 == 0 and tone != before:
            found.append(_joint("失粘", number, tone, "does not stick to"))
    return found


def _joint(rule: str, number: int, tone: str, how: str) -> Fault:
    words = f"line {number + 1}, place 2: the line {how} line {number} ({rule}); its second place goes {tone}"
    return Fault(rule, number + 1, 2, words)


def is_regulated(form: str) -> bool:
    """Whether it is a form of regulated verse in lines of five or seven."""
    return form in SHAPES and SHAPES[form].regulated and SHAPES[form].cols in (5, 7)
