"""Judge a text against a form or a tune and a rhyme book: which rule is broken where, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gen_engine.errors import GenError

from .books import EITHER, LEVEL, OBLIQUE, Book, Reading, book
from .patterns import SHAPES, STRICT, TONES, Line, Pattern, form_name, patterns, without_tones
from .segments import Segment, lay, segments
from .tunes import Tune, every_tune, tune

TOLD = (LEVEL, OBLIQUE)
Rhyme = tuple[str, str]
"""What rhyme words share: the group, and where the pattern tells no tones, the tone ("" where it does)."""


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


def judge(
    text: str,
    form: str = "",
    *,
    tune_name: str = "",
    variant: int | None = None,
    rows: int | None = None,
    cols: int | None = None,
    tones: str = "loose",
    rhyme_book: str = "",
    rhyme: str = "",
    start: str = "",
    first: str = "",
) -> Report:
    """Judge a text against a form (七律), a tune (浣溪沙), a size (rows, cols), or whatever it looks like.

    `rhyme_book` is by default pingshui for verse and cilin for tunes; `rhyme` a group that is asked for. In a tune,
    `tones="off"` judges lengths and rhymes only.
    """
    if tones not in TONES:
        raise GenError(f"tones={tones} is none; choose one of {', '.join(TONES)}.")
    pieces, odd = segments(text)
    if not pieces:
        raise GenError("There is no Chinese character in the text; give a poem.")
    chosen = _wanted(pieces, form, tune_name, variant, rows, cols, tones, start, first)
    with_book = [(each, book(rhyme_book or _usual_book(each))) for each in chosen]
    reports = (_report(pieces, odd, pattern, tones, rules, rhyme) for pattern, rules in with_book)
    return min(reports, key=lambda report: (not report.format_ok, len(report.faults)))


def _usual_book(pattern: Pattern) -> str:
    return "pingshui" if pattern.form in SHAPES else "cilin"


def _wanted(
    pieces: Sequence[Segment],
    form: str,
    tune_name: str,
    variant: int | None,
    rows: int | None,
    cols: int | None,
    tones: str,
    start: str,
    first: str,
) -> Sequence[Pattern]:
    """The patterns that the text may obey."""
    if sum((bool(form), bool(tune_name), bool(rows or cols))) > 1:
        raise GenError("A text is judged by one form, one tune or one size; give one of them.")
    if variant and not tune_name:
        raise GenError(f"variant={variant} is a form of a tune; name the tune, or leave it out.")
    if tune_name:
        found = tune(tune_name)
        return _without_tones([found.variant(variant)] if variant else found.variants, tones)
    if rows or cols:
        return [_size(rows or len(pieces), cols or len(pieces[0].chars))]
    if form:
        return patterns(form, tones=tones, start=start, first=first, rows=_open_rows(form, len(pieces)))
    return [each for name in guess(pieces) for each in _guessed(name, pieces, tones, start, first)]


def _guessed(name: str, pieces: Sequence[Segment], tones: str, start: str, first: str) -> Sequence[Pattern]:
    if name in SHAPES:
        free = not SHAPES[name].regulated
        return patterns(name, tones=tones, start="" if free else start, first=first, rows=_open_rows(name, len(pieces)))
    return _without_tones([each for each in tune(name).variants if not lay(pieces, each.lines).faults], tones)


def _open_rows(form: str, count: int) -> int | None:
    """The number of lines a form without a fixed one is judged by: the text's, or the nearest the form has."""
    shape = SHAPES[form_name(form)]
    if shape.rows is not None:
        return None
    nearest = max(count, shape.least)
    return nearest + nearest % 2 if shape.regulated else nearest


def _without_tones(variants: Iterable[Pattern], tones: str) -> list[Pattern]:
    """The forms of a tune; if no tones are asked for, with those of the rhymes only, which 叶 is told by."""
    if tones != "off":
        return list(variants)
    return list(map(without_tones, variants))


def _size(rows: int, cols: int) -> Pattern:
    return Pattern(f"{rows}x{cols}", "", (Line((EITHER * cols,), "，"),) * rows)


def guess(pieces: Sequence[Segment]) -> list[str]:
    """The forms or tunes that a text may be meant for, by the lengths of its lines; GenError if there is none."""
    lengths = Counter(len(piece.chars) for piece in pieces)
    cols, share = lengths.most_common(1)[0]
    count = len(pieces)
    number = {5: "五", 6: "六", 7: "七"}.get(cols, "")
    if number and share == count and (count in (4, 8) or (count >= 10 and count % 2 == 0)):
        kind = {4: "绝", 8: "律"}.get(count, "排")
        return [number + kind if number + kind in SHAPES else "六言"]
    fitting = _tunes_like(pieces)
    if fitting:
        return fitting
    if number and share * 2 > count:
        usual = {4: "绝", 8: "律"}.get(count if share < count else 0, "")
        nearest = usual or ("古" if number != "六" else "")
        return [number + nearest if nearest else "六言"]
    total = sum(len(piece.chars) for piece in pieces)
    raise GenError(
        f"A text of {count} lines and {total} characters like this is no form and no tune that is known; "
        "name one by --form or --tune."
    )


def _tunes_like(pieces: Sequence[Segment]) -> list[str]:
    """The tunes one of whose forms has lines of just these lengths."""
    total = sum(len(piece.chars) for piece in pieces)

    def fits(each: Tune) -> bool:
        return any(
            sum(line.length for line in form.lines) == total and not lay(pieces, form.lines).faults
            for form in each.variants
        )

    return [each.names[0] for each in every_tune() if fits(each)] if len(pieces) > 1 else []


# ------------------------------------------------------------------------------------------------- one pattern


def _report(
    pieces: Sequence[Segment], odd: Sequence[str], pattern: Pattern, tones: str, rules: Book, rhyme: str
) -> Report:
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
