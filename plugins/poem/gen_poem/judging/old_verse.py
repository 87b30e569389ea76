"""Judge a text as old verse (古体): its form by the lengths of its lines, its actual rhyme, and no tones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gen_engine.text import is_han

from ..verse.books import EITHER, Book, Reading
from ..verse.marks import PAUSES, SHORT_PAUSES, STOPS
from ..verse.patterns import Line, Pattern
from ..verse.segments import Segment, Sign
from .foreign import foreign
from .old_rhyme import Sound, Stanza, reading_of, sounds_of, stanzas
from .report import Fault, JudgedChar, Note, Report

NAMES = {4: "四言", 5: "五古", 6: "六言", 7: "七古"}
QUATRAIN, OLD = "古绝", "古体"


def judge_old(pieces: Sequence[Segment], signs: Sequence[Sign], text: str, rules: Book, rhyme: str = "") -> Report:
    """The judgement of a text as old verse: `form` 五古, 七古, 四言, 六言 or 杂言 (lines of several lengths).

    Lines of one length rhyme by couplets or line by line, others at the ends of sentences. A line that should rhyme and
    does not is a fault. `rhyme` is the group that it must rhyme in.
    """
    lengths = {len(piece.chars) for piece in pieces}
    alike = len(lengths) == 1
    asked = rules.find(rhyme) if rhyme else ""
    ends = list(range(len(pieces))) if alike else sentence_ends(pieces, text)
    readings = [rules.readings(pieces[end].chars[-1]) for end in ends]
    inner = [] if alike else _inner(pieces, ends, rules, asked)
    found = stanzas([sounds_of(each, asked) for each in readings], inner, by_couplets=alike)
    found = [_narrowed(stanza, readings) for stanza in found]
    letters = {ends[i]: (letter, stanza) for letter, stanza in _lettered(found) for i in stanza.rhyming}
    form = NAMES.get(next(iter(lengths)), "杂言") if alike else "杂言"
    name = f"{QUATRAIN if alike and len(pieces) == 4 else OLD}{_how(found)}"
    pattern = Pattern(form, name, tuple(_line(i, pieces, letters) for i in range(len(pieces))))
    faults = list(foreign(signs, [len(piece.chars) for piece in pieces]))
    faults += _lonely(found, ends, pieces, rules)
    rows = tuple(tuple(_places(i, piece, letters, rules, faults)) for i, piece in enumerate(pieces))
    groups = tuple((letter, "".join(stanza.groups)) for letter, stanza in _lettered(found))
    return Report(pattern, "off", rules.name, rows, tuple(faults), groups, tuple(_notes(found, ends)))


def sentence_ends(pieces: Sequence[Segment], text: str) -> list[int]:
    """The numbers of the segments that end a sentence; all of them if the text has no full stops."""
    found, number, in_segment = [], -1, False
    has_stops = any(char in STOPS for char in text)
    for char in text:
        if char in STOPS and number >= 0 and has_stops:
            found.append(number)
        if char in PAUSES or char.isspace() or char in SHORT_PAUSES:
            in_segment = False
        elif number + 1 < len(pieces) and not in_segment and char == pieces[number + 1].chars[0]:
            number, in_segment = number + 1, True
    ends = sorted({*found, len(pieces) - 1})
    return ends if has_stops else list(range(len(pieces)))


def _inner(pieces: Sequence[Segment], ends: Sequence[int], rules: Book, asked: str) -> list[frozenset[Sound]]:
    """For each sentence, the sounds by which its lines except the last may rhyme."""
    found = []
    for before, end in zip((-1, *ends), ends, strict=False):
        sounds = (sounds_of(rules.readings(piece.chars[-1]), asked) for piece in pieces[before + 1 : end])
        found.append(frozenset[Sound]().union(*sounds))
    return found


def _narrowed(stanza: Stanza, readings: Sequence[Sequence[Reading]]) -> Stanza:
    """The same stanza with only the groups in which its lines rhyme."""
    if len(stanza.groups) < 2:
        return stanza
    used = (reading_of(readings[i], stanza) for i in stanza.rhyming)
    return replace(stanza, groups=tuple(dict.fromkeys(each.group for each in used if each)))


def _lettered(found: Sequence[Stanza]) -> list[tuple[str, Stanza]]:
    """The stanzas that rhyme, each with a letter: A, B, ... Z, A1, ..."""
    rhyming = [stanza for stanza in found if stanza.rhyming]
    return [(chr(ord("A") + i % 26) + (str(i // 26) if i >= 26 else ""), stanza) for i, stanza in enumerate(rhyming)]


def _how(found: Sequence[Stanza]) -> str:
    tones = {stanza.tone for stanza in found if stanza.rhyming}
    if len([stanza for stanza in found if stanza.rhyming]) > 1:
        return " 换韵"
    return f" {tones.pop()}韵" if tones else ""


def _line(number: int, pieces: Sequence[Segment], letters: dict[int, tuple[str, Stanza]]) -> Line:
    mark = "。" if number % 2 or number == len(pieces) - 1 else "，"
    return Line((EITHER * len(pieces[number].chars),), mark, letters[number][0] if number in letters else "")


def _lonely(found: Sequence[Stanza], ends: Sequence[int], pieces: Sequence[Segment], rules: Book) -> list[Fault]:
    """A fault for each line that should rhyme with one beside it and does not."""
    faults = []
    for number, stanza in ((ends[i], each) for each in found for i in each.missing):
        char, place = pieces[number].chars[-1], len(pieces[number].chars)
        if not is_han(char):
            continue  # which is a fault of its own
        own = "、".join(dict.fromkeys(r.group for r in rules.readings(char))) or "not in the book"
        how = f"does not rhyme in {''.join(stanza.groups)}" if stanza.groups else "rhymes with no line beside it"
        faults.append(Fault("rhyme", number + 1, place, f"line {number + 1}, place {place}: {char} ({own}) {how}"))
    return faults


def _places(
    number: int, piece: Segment, letters: dict[int, tuple[str, Stanza]], rules: Book, faults: Sequence[Fault]
) -> list[JudgedChar]:
    row = [JudgedChar(char, number + 1, i, EITHER, rules.readings(char)) for i, char in enumerate(piece.chars, 1)]
    own = tuple(fault for fault in faults if (fault.line, fault.place) == (number + 1, len(row)))
    row[-1] = replace(row[-1], faults=own)
    if number in letters and (reading := reading_of(row[-1].readings, letters[number][1])):
        several = len(row[-1].readings) > 1
        row[-1] = replace(row[-1], taken=reading if several else None, why=f"it rhymes in {reading.group}" * several)
    return row


def _notes(found: Sequence[Stanza], ends: Sequence[int]) -> list[Note]:
    notes = []
    before: Stanza | None = None
    for stanza in found:
        line = ends[stanza.first] + 1
        groups = "".join(stanza.groups)
        if len(stanza.groups) > 1:
            notes.append(
                Note("通押", line, 0, f"from line {line} on it rhymes in {groups}, which old verse takes for one")
            )
        if stanza.rhyming and before:
            notes.append(Note("换韵", line, 0, f"the rhyme changes at line {line}, to {groups}"))
        before = stanza if stanza.rhyming else before
    return notes
