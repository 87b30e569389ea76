"""Judge a text against one pattern and one rhyme book."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gen_engine.errors import GenError
from gen_engine.text import is_han

from ..verse.books import OBLIQUE, Book, Reading, book
from ..verse.other_books import elsewhere, rhyme_of_verse
from ..verse.patterns import SHAPES, STRICT, Line, Pattern
from ..verse.segments import Segment, Sign, segments
from .alignment import Row, align
from .foreign import foreign
from .regulated import is_regulated, saved
from .report import TOLD, Fault, JudgedChar, Note, Report

Rhyme = tuple[str, str]
"""What rhyme words share: the group, and the tone where the pattern does not give it ("" where it does)."""


@dataclass(frozen=True)
class Text:
    """A text to judge: its segments, and the signs in it that verse does not have."""

    text: str
    pieces: Sequence[Segment]
    signs: Sequence[Sign]


@dataclass(frozen=True)
class Settings:
    """The settings of `check.judge`: how strictly a text is judged, by which book, and what it must be."""

    tones: str = "loose"
    rhyme_book: str = ""
    rhyme: str = ""
    start: str = ""
    first: str = ""

    def rules(self, form: str) -> Book:
        """The rhyme book of a form: the chosen one, else pingshui for verse and cilin for tunes."""
        return book(self.rhyme_book or ("pingshui" if form in SHAPES else "cilin"))


LONGEST = 5_000
"""The longest text that is judged, in characters; no poem is half as long."""


SIGNS = 10
"""How many characters, marks and spaces included, a text may have for each character that is judged; with more it is no
poem."""


def read(text: str) -> Text:
    """A text split into segments; GenError if it has no Chinese character, or more than any poem."""
    _check_length(len(text) if len(text) > SIGNS * LONGEST else 0)  # first, since splitting it would take minutes
    pieces, signs = segments(text)
    _check_length(sum(len(piece.chars) for piece in pieces))
    if not any(is_han(char) for piece in pieces for char in piece.chars):
        raise GenError("There is no Chinese character in the text; give a poem.")
    return Text(text, pieces, signs)


def _check_length(count: int) -> None:
    if count > LONGEST:
        raise GenError(
            f"A text of {count} characters is no poem that can be judged; give at most {LONGEST}, and an empty line "
            "between two poems."
        )


def best(reports: Iterable[Report]) -> Report:
    """The report of the nearest pattern: right lengths count first, then the fewest faults; the first of equals."""
    found: list[Report] = []
    for report in reports:
        if report.ok:
            return report
        found.append(report)
    return min(found, key=lambda report: (not report.format_ok, len(report.faults)))


def judge_pattern(given: Text, pattern: Pattern, settings: Settings) -> Report:
    """The judgement of a text by one pattern."""
    rules = settings.rules(pattern.form)
    aligned = align(given.pieces, pattern.lines, rules, is_ci=is_ci(pattern))
    faults = list(foreign(given.signs, [len(row.chars) for row in aligned.rows]))
    faults += [Fault("format", line, place, words) for line, place, words in aligned.faults]
    crooked: list[Fault] = []
    places: list[list[JudgedChar]] = []
    for number, row in enumerate(aligned.rows, 1):
        line = pattern.lines[number - 1] if number <= len(pattern.lines) else None
        wanted = _nearest(row, line, rules)
        pairs = enumerate(zip(row.chars, wanted, strict=True), 1)
        places.append([JudgedChar(c, number, i, w, rules.readings(c)) for i, (c, w) in pairs])
        if line is not None:
            crooked += _tone_faults(places[-1], line, settings.tones)
    notes: list[Note] = []
    if is_regulated(pattern.form):
        crooked, notes = saved(pattern, places, crooked)
    faults += crooked
    words = _rhyme_words(pattern, aligned.rows, places)
    rhyme_faults, groups = _rhymes(words, rules, settings.rhyme and rules.find(settings.rhyme))
    if is_ci(pattern) and not (settings.rhyme_book or settings.rhyme):
        rhyme_faults, told = _right_in_verse(words, rhyme_faults)
        notes += told
    faults += rhyme_faults
    if pattern.form in SHAPES:
        faults += _repeated(words)
    notes += _borrowed(words, groups, rules)
    read = _read(places, words, groups, rules, {(each.line, each.place): each for each in notes if each.kind == "拗救"})
    return Report(
        pattern, settings.tones, rules.name, _marked(read, faults), tuple(faults), tuple(groups), tuple(notes)
    )


def is_ci(pattern: Pattern) -> bool:
    """Whether it is a form of a tune, in which commas may stand anywhere between rhymes."""
    return pattern.form not in SHAPES and bool(pattern.name)


def _nearest(row: Row, line: Line | None, rules: Book) -> str:
    """What is wanted of each character, by the alternative nearest to the row; blank where nothing is wanted."""
    if line is None:
        return " " * len(row.chars)

    def signs(tones: str) -> str:
        return "".join(tones[place - 1] if place else " " for place in row.places)

    def misses(wanted: str) -> int:
        return sum(not _has(rules.readings(char), sign) for char, sign in zip(row.chars, wanted, strict=True))

    wanted = [signs(tones) for tones in line.tones]
    return wanted[0] if len(wanted) == 1 else min(wanted, key=misses)


def _rhyme_words(
    pattern: Pattern, rows: Sequence[Row], places: Sequence[Sequence[JudgedChar]]
) -> list[tuple[Line, JudgedChar]]:
    """The last words of the rhyming lines, as far as the text has them."""
    lined = zip(pattern.lines, rows, places, strict=False)
    ends = ((line, row.places.index(line.length), own) for line, row, own in lined if line.length in row.places)
    return [(line, own[end]) for line, end, own in ends if line.rhyme and is_han(own[end].char)]


def _has(readings: Iterable[Reading], wanted: str) -> bool:
    return wanted not in TOLD or any(each.tone == wanted for each in readings)


def _tone_faults(row: Sequence[JudgedChar], line: Line, tones: str) -> Iterator[Fault]:
    for judged in row:
        if _has(judged.readings, judged.wanted) or not is_han(judged.char):
            continue
        where = f"line {judged.line}, place {judged.place}: {judged.char}"
        if not judged.readings:
            yield Fault("unknown", judged.line, judged.place, f"{where} is not in the book, {judged.wanted} is wanted")
            continue
        rule = _taboo(judged, line) if tones == "strict" else "tone"
        name = "" if rule == "tone" else f" ({rule})"
        yield Fault(rule, judged.line, judged.place, f"{where} is {judged.tones}, {judged.wanted} is wanted{name}")


def _taboo(judged: JudgedChar, line: Line) -> str:
    """The name of the taboo that a wrong tone at this place of a strict line makes: 孤平, 三平尾, or just tone."""
    kinds = STRICT.get(line.length, {})
    if line.tones == kinds.get("d") and line.length != 6 and judged.place == line.length - 2:
        return "三平尾"
    lonely = (1, 3) if line.length == 6 else (line.length - 4, line.length - 2)
    if line.tones == kinds.get("d" if line.length == 6 else "b") and judged.place in lonely:
        return "孤平"
    return "tone"


def _rhymes(
    words: Sequence[tuple[Line, JudgedChar]], rules: Book, asked: str
) -> tuple[list[Fault], list[tuple[str, str]]]:
    """What does not rhyme, and the group of each letter."""
    letters: dict[str, list[JudgedChar]] = defaultdict(list)
    for line, judged in words:
        letters[line.rhyme] += [] if line.near else [judged]
    faults: list[Fault] = []
    groups: list[tuple[str, str]] = []
    for number, (letter, places) in enumerate(letters.items()):
        best = _shared(places, asked if number == 0 else "")
        if best is None:
            faults += [_no_rhyme(judged, asked, (), rules) for judged in places if asked]
            continue
        groups.append((letter, best[0]))
        fellows = [(each.char, each.wanted) for each in places if best in _possible(each)]
        faults += [_no_rhyme(each, best[0], fellows, rules) for each in places if best not in _possible(each)]
        borrowed = [judged for line, judged in words if line.near and line.rhyme == letter]
        wrong = [each for each in borrowed if not _near(each, best[0], rules)]
        faults += [_no_rhyme(each, f"a neighbour of {best[0]}", fellows, rules) for each in wrong]
    return faults, groups


def _right_in_verse(
    words: Iterable[tuple[Line, JudgedChar]], faults: Sequence[Fault]
) -> tuple[list[Fault], list[Note]]:
    """The faults without those of a rhyme whose words all rhyme in 平水韵, and a note for each such rhyme."""
    wrong = {(fault.line, fault.place) for fault in faults}
    letters: dict[str, list[JudgedChar]] = defaultdict(list)
    for line, judged in words:
        letters[line.rhyme].append(judged)
    notes: list[Note] = []
    pardoned: set[tuple[int, int]] = set()
    for places in letters.values():
        out = [(each.line, each.place) for each in places if (each.line, each.place) in wrong]
        group = rhyme_of_verse([(each.char, each.wanted) for each in places]) if out else ""
        if group:
            chars = "".join(each.char for each in places)
            told = f"{chars} rhyme in 平水韵 ({group}), though not all are of one part of 词林正韵"
            notes.append(Note("平水韵", out[0][0], 0, told))
            pardoned.update(out)
    return [fault for fault in faults if (fault.line, fault.place) not in pardoned], notes


def _near(judged: JudgedChar, group: str, rules: Book) -> Reading | None:
    """The reading by which a word rhymes in a neighbouring group."""
    told = judged.wanted in TOLD
    near = rules.neighbours.get(group, ())
    return next((r for r in judged.readings if r.group in near and (not told or r.tone == judged.wanted)), None)


def _borrowed(
    words: Sequence[tuple[Line, JudgedChar]], groups: Sequence[tuple[str, str]], rules: Book
) -> Iterator[Note]:
    """Notes on the words that rhyme in a neighbouring group where that is permitted."""
    for line, judged in words:
        group = dict(groups).get(line.rhyme, "")
        reading = _near(judged, group, rules) if line.near else None
        if reading:
            where = f"line {judged.line}, place {judged.place}: {judged.char}"
            told = f"{where} ({reading.group}) rhymes in a neighbour of {group}, as a first line may (首句借邻韵)"
            yield Note("首句借邻韵", judged.line, judged.place, told)


def _possible(judged: JudgedChar) -> set[Rhyme]:
    """The sounds by which the word can rhyme: in the pattern's tone where it gives one, otherwise in any, but all words
    in the same."""
    told = judged.wanted in TOLD
    fit = [each for each in judged.readings if not told or each.tone == judged.wanted]
    return {(each.group, "" if told else each.tone) for each in fit}


def _shared(places: Sequence[JudgedChar], asked: str) -> Rhyme | None:
    """The sound by which most of the words rhyme; if several tie, the one that the first word can have."""
    counts = Counter(rhyme for judged in places for rhyme in sorted(_possible(judged)) if asked in ("", rhyme[0]))
    return counts.most_common(1)[0][0] if counts else None


def _no_rhyme(judged: JudgedChar, group: str, fellows: Sequence[tuple[str, str]], rules: Book) -> Fault:
    own = "、".join(dict.fromkeys(f"{each.tone}{each.group}" for each in judged.readings)) or "not in the book"
    where = f"line {judged.line}, place {judged.place}: {judged.char}"
    also = elsewhere(judged.char, judged.wanted.strip(), fellows, rules)
    return Fault(
        "rhyme", judged.line, judged.place, f"{where} ({own}) does not rhyme in {group}" + f"; {also}" * bool(also)
    )


def _repeated(words: Iterable[tuple[Line, JudgedChar]]) -> Iterator[Fault]:
    """Rhyme words that stood before (重韵)."""
    seen: dict[str, int] = {}
    for _, judged in words:
        if judged.char in seen:
            where = f"line {judged.line}, place {judged.place}: {judged.char}"
            yield Fault("重韵", judged.line, judged.place, f"{where} has rhymed in line {seen[judged.char]} already")
        seen.setdefault(judged.char, judged.line)


def _marked(rows: Sequence[Sequence[JudgedChar]], faults: Sequence[Fault]) -> tuple[tuple[JudgedChar, ...], ...]:
    """The places, each with the faults found at it."""
    at: dict[tuple[int, int], list[Fault]] = defaultdict(list)
    for fault in faults:
        at[fault.line, fault.place].append(fault)
    return tuple(
        tuple(replace(p, wanted=p.wanted.strip(), faults=tuple(at.get((p.line, p.place), ()))) for p in row)
        for row in rows
    )


# ---------------------------------------------------------------------------------------------------- how it is read


def _read(
    rows: Sequence[Sequence[JudgedChar]],
    words: Iterable[tuple[Line, JudgedChar]],
    groups: Iterable[tuple[str, str]],
    rules: Book,
    crooked: Mapping[tuple[int, int], Note],
) -> list[list[JudgedChar]]:
    """The places, each with the reading it was judged by where it has several."""
    rhymes = {(judged.line, judged.place): (line, dict(groups).get(line.rhyme, "")) for line, judged in words}
    return [
        [_crooked(p) if (p.line, p.place) in crooked else _taken(p, rhymes.get((p.line, p.place)), rules) for p in row]
        for row in rows
    ]


def _crooked(judged: JudgedChar) -> JudgedChar:
    if len(judged.tones) < 2:
        return judged
    oblique = (each for each in judged.readings if each.tone == OBLIQUE)
    reading = max(oblique, key=lambda each: each.entering)  # of 不 the usual reading, too
    return replace(judged, taken=reading, why="仄 here is 拗, and saved")


def _taken(judged: JudgedChar, rhyme: tuple[Line, str] | None, rules: Book) -> JudgedChar:
    if len(judged.readings) < 2:
        return judged
    told = judged.wanted in TOLD
    fit = [each for each in judged.readings if not told or each.tone == judged.wanted]
    if rhyme is not None and rhyme[1]:
        line, group = rhyme
        near = _near(judged, group, rules) if line.near else None
        reading = near or next((each for each in fit if each.group == group), None)
        return replace(judged, taken=reading, why=f"it rhymes in {reading.group}") if reading else judged
    if told and fit and len(judged.tones) == 2:
        return replace(judged, taken=fit[0], why=f"{judged.wanted} is wanted at this place")
    return judged
