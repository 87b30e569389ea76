"""Judge a text against one pattern and one rhyme book."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from .books import Book, Reading
from .patterns import SHAPES, STRICT, Line, Pattern
from .report import TOLD, Fault, Place, Report
from .segments import Segment, lay

Rhyme = tuple[str, str]
"""What rhyme words share: the group, and where the pattern tells no tones, the tone ("" where it does)."""


def judge_pattern(
    pieces: Sequence[Segment], odd: Sequence[str], pattern: Pattern, tones: str, rules: Book, rhyme: str
) -> Report:
    """The judgement of these segments, and of `odd` characters beside them, by one pattern; `rhyme` is asked for."""
    laid = lay(pieces, pattern.lines)
    faults = [Fault("format", 0, 0, f"{char!r} is no character of verse") for char in odd]
    faults += [Fault("format", line, 0, words) for line, words in laid.faults]
    places: list[list[Place]] = []
    for number, row in enumerate(laid.rows, 1):
        line = pattern.lines[number - 1] if number <= len(pattern.lines) else None
        wanted = _nearest(row, line, rules)
        places.append(
            [Place(c, number, i, w, rules.readings(c)) for i, (c, w) in enumerate(zip(row, wanted, strict=True), 1)]
        )
        if line is not None and len(row) == line.length:
            faults += _tone_faults(places[-1], line, tones)
    lined = zip(pattern.lines, places, strict=False)
    words = [(line, row[-1]) for line, row in lined if line.rhyme and len(row) == line.length]
    rhyme_faults, groups = _rhymes(words, rules, rhyme and rules.find(rhyme))
    faults += rhyme_faults
    if pattern.form in SHAPES:
        faults += _repeated(words)
    return Report(pattern, tones, rules.name, _marked(places, faults), tuple(faults), tuple(groups))


def _nearest(row: str, line: Line | None, rules: Book) -> str:
    """What is wanted of each character: the alternative that the row comes nearest to."""
    if line is None or len(row) != line.length:
        return " " * len(row)
    if len(line.tones) == 1:
        return line.tones[0]

    def misses(tones: str) -> int:
        return sum(not _has(rules.readings(char), sign) for char, sign in zip(row, tones, strict=True))

    return min(line.tones, key=misses)


def _has(readings: Iterable[Reading], wanted: str) -> bool:
    return wanted not in TOLD or any(each.tone == wanted for each in readings)


def _tone_faults(row: Sequence[Place], line: Line, tones: str) -> Iterator[Fault]:
    for place in row:
        if _has(place.readings, place.wanted):
            continue
        where = f"line {place.line}, place {place.place}: {place.char}"
        if not place.readings:
            yield Fault("unknown", place.line, place.place, f"{where} is not in the book, {place.wanted} is wanted")
            continue
        rule = _taboo(place, line) if tones == "strict" else "tone"
        name = "" if rule == "tone" else f" ({rule})"
        yield Fault(rule, place.line, place.place, f"{where} is {place.tones}, {place.wanted} is wanted{name}")


def _taboo(place: Place, line: Line) -> str:
    """The name of the taboo that a wrong tone at this place of a strict line makes: 孤平, 三平尾, or just tone."""
    kinds = STRICT.get(line.length, {})
    if line.tones == kinds.get("d") and line.length != 6 and place.place == line.length - 2:
        return "三平尾"
    lonely = (1, 3) if line.length == 6 else (line.length - 4, line.length - 2)
    if line.tones == kinds.get("d" if line.length == 6 else "b") and place.place in lonely:
        return "孤平"
    return "tone"


def _rhymes(words: Sequence[tuple[Line, Place]], rules: Book, asked: str) -> tuple[list[Fault], list[tuple[str, str]]]:
    """What does not rhyme, and the group of each letter."""
    letters: dict[str, list[Place]] = defaultdict(list)
    for line, place in words:
        letters[line.rhyme].append(place)
    faults: list[Fault] = []
    groups: list[tuple[str, str]] = []
    for number, (letter, places) in enumerate(letters.items()):
        best = _shared(places, asked if number == 0 else "")
        if best is None:
            faults += [_no_rhyme(place, asked) for place in places if asked]
            continue
        groups.append((letter, best[0]))
        faults += [_no_rhyme(each, best[0]) for each in places if best not in _possible(each)]
    return faults, groups


def _possible(place: Place) -> set[Rhyme]:
    """What the word can rhyme by: where its tone is told, in that tone; otherwise in any, but all words in one."""
    told = place.wanted in TOLD
    fit = [each for each in place.readings if not told or each.tone == place.wanted]
    return {(each.group, "" if told else each.tone) for each in fit}


def _shared(places: Sequence[Place], asked: str) -> Rhyme | None:
    """What most of the words rhyme by, in doubt by what the first of them can."""
    counts = Counter(rhyme for place in places for rhyme in sorted(_possible(place)) if asked in ("", rhyme[0]))
    return counts.most_common(1)[0][0] if counts else None


def _no_rhyme(place: Place, group: str) -> Fault:
    own = "、".join(dict.fromkeys(f"{each.tone}{each.group}" for each in place.readings)) or "not in the book"
    where = f"line {place.line}, place {place.place}: {place.char}"
    return Fault("rhyme", place.line, place.place, f"{where} ({own}) does not rhyme in {group}")


def _repeated(words: Iterable[tuple[Line, Place]]) -> Iterator[Fault]:
    """Rhyme words that stood before (重韵)."""
    seen: dict[str, int] = {}
    for _, place in words:
        if place.char in seen:
            where = f"line {place.line}, place {place.place}: {place.char}"
            yield Fault("重韵", place.line, place.place, f"{where} has rhymed in line {seen[place.char]} already")
        seen.setdefault(place.char, place.line)


def _marked(rows: Sequence[Sequence[Place]], faults: Sequence[Fault]) -> tuple[tuple[Place, ...], ...]:
    """The places, each with the faults found at it."""
    at: dict[tuple[int, int], list[Fault]] = defaultdict(list)
    for fault in faults:
        at[fault.line, fault.place].append(fault)
    return tuple(
        tuple(
            Place(p.char, p.line, p.place, p.wanted.strip(), p.readings, tuple(at.get((p.line, p.place), ())))
            for p in row
        )
        for row in rows
    )
