"""Recognise what a text is meant to be: regulated verse, a tune, old verse, or none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from gen_engine.errors import GenError

from ..verse.patterns import MOST_ROWS, NEIGHBOUR, SHAPES, Pattern, form_name, of_kinds, patterns
from ..verse.tunes import tune
from .old_verse import judge_old
from .pattern import Settings, Text, best, judge_pattern
from .regulated import is_regulated, loose_joints, unstuck
from .report import TONE_RULES, Note, Report
from .tune import judge_tune, tunes_like, weight

WRONG_LINES = 4
"""Verse counts as regulated if it has at most one fault for this many of its lines, or only one fault in all."""


# -------------------------------------------------------------------------------------------- a form that is named


def judge_form(given: Text, form: str, settings: Settings) -> Report:
    """The judgement by the nearest pattern of a form.

    Regulated verse may borrow a neighbouring rhyme in its first line, unless the settings say how that rhymes. Where
    its couplets do not stick together (失粘), that is one fault, instead of one for each place of the lines after it.
    """
    name = form_name(form)
    if settings.first == NEIGHBOUR and not settings.rules(name).neighbours:
        raise GenError(f"first={NEIGHBOUR} borrows a neighbouring rhyme, which only 平水韵 has; leave the book out.")
    rows = open_rows(name, len(given.pieces))
    found = best(judge_pattern(given, each, settings) for each in _patterns(name, settings, rows))
    if not SHAPES[name].regulated:
        return found if found.ok or settings.first or not found.format_ok else _nearer(found, _as_old(given, settings))
    return _nearer(found, _unstuck(given, name, settings, found)) if _may_be_loose(found) else found


def _patterns(name: str, settings: Settings, rows: int | None) -> Iterator[Pattern]:
    yield from patterns(name, tones=settings.tones, start=settings.start, first=settings.first, rows=rows)
    if SHAPES[name].regulated and not settings.first and settings.rules(name).neighbours:
        yield from patterns(name, tones=settings.tones, start=settings.start, first=NEIGHBOUR, rows=rows)


def _nearer(one: Report, other: Report) -> Report:
    return other if len(other.faults) < len(one.faults) else one


LONGEST = 400
"""The most lines of old verse in which rhymes are searched for."""


def _as_old(given: Text, settings: Settings) -> Report:
    if len(given.pieces) > LONGEST:
        raise GenError(
            f"A text of {len(given.pieces)} lines is no poem that can be judged; give at most {LONGEST} lines."
        )
    return judge_old(given.pieces, given.signs, given.text, settings.rules("五古"), settings.rhyme)


def _may_be_loose(report: Report) -> bool:
    wrong = sum(fault.rule in TONE_RULES for fault in report.faults)
    return is_regulated(report.pattern.form) and report.tones != "off" and report.format_ok and wrong > 1


def _unstuck(given: Text, name: str, settings: Settings, nearest: Report) -> Report:
    """The judgement by couplets that need not stick together; where they do not, that is the fault."""
    first = settings.first or (NEIGHBOUR if nearest.pattern.lines[0].near else "")

    def faulty(number: int, kinds: str) -> int:
        couplet = replace(given, pieces=given.pieces[2 * number : 2 * number + 2], signs=())
        report = judge_pattern(couplet, of_kinds(name, settings.tones, kinds, "unrhymed"), settings)
        return sum(fault.rule in TONE_RULES for fault in report.faults)

    pattern = unstuck(name, settings.tones, first, faulty, len(given.pieces))
    if settings.start and not pattern.name.startswith(settings.start):
        return nearest
    report = judge_pattern(given, pattern, settings)
    return replace(report, faults=(*report.faults, *loose_joints(pattern, SHAPES[name].cols)))


def open_rows(form: str, count: int) -> int | None:
    """The number of lines by which a form of no fixed length is judged: the text's, or the nearest that the form
    has."""
    shape = SHAPES[form]
    if shape.rows is not None:
        return None
    nearest = max(count, shape.least)
    return nearest + nearest % 2 if shape.regulated else nearest


# -------------------------------------------------------------------------------------------- nothing that is named


def recognise(given: Text, settings: Settings) -> Report:
    """Judge the text by the kind of verse that it looks like; GenError if it looks like none.

    A text with the lines of regulated verse, and with all but a few of its tones, is regulated verse. A text with all
    lines of one of a tune's forms is that tune. If its lines are all of one length, it must have the tones and rhymes
    too. Anything else is old verse, and only its rhyme is judged.
    """
    name = _regulated_like(given)
    regulated = judge_form(given, name, settings) if name else None
    if regulated and (regulated.ok or not regulated.format_ok or settings.start or settings.first):
        return regulated
    song = _song(given, settings)
    count = sum(len(piece.chars) for piece in given.pieces)
    if song and not _is_even(given) and (song.format_ok or CLEAR * weight(song) <= count):
        return song
    if regulated and len(regulated.faults) <= max(1, len(given.pieces) // WRONG_LINES):
        return regulated
    if song and song.ok and len(given.pieces) != QUATRAIN:
        return song
    return _old_or_none(given, settings, regulated or song)


def _song(given: Text, settings: Settings) -> Report | None:
    """The judgement by the likeliest tune, in its nearest form."""
    likely = next(iter(tunes_like(given, settings)), None)
    return likely and min(likely, judge_tune(given, tune(likely.pattern.form).variants, settings), key=weight)


CLEAR = 10
"""A text with characters too few or too many counts as a tune if it has at most one fault in this many of them."""

QUATRAIN = 4
"""A text of this many lines is taken for a quatrain first, though some tunes have the same lines."""


def _old_or_none(given: Text, settings: Settings, other: Report | None) -> Report:
    old = _as_old(given, settings)
    if old.rhyme_ok and old.has_rhyme:
        return _told(old, _compared(other)) if other and is_regulated(other.pattern.form) else old
    if other is None and not old.has_rhyme:
        total = sum(len(piece.chars) for piece in given.pieces)
        raise GenError(
            f"A text of {len(given.pieces)} lines and {total} characters like this is no form and no tune that is "
            "known; name one by --form or --tune."
        )
    if other and not is_regulated(other.pattern.form) and not _is_even(given):
        return other  # a tune with a character too few or too many
    nearest = old if other is None else _nearer(other, old)
    return _told(nearest, "it fits no form of regulated verse, no tune, and no rhyme of old verse; this is the nearest")


def _told(report: Report, words: str) -> Report:
    return replace(report, notes=(Note("体", 0, 0, words), *report.notes))


def _compared(regulated: Report) -> str:
    """Why old verse is not regulated, in words."""
    wrong = sum(fault.rule in TONE_RULES for fault in regulated.faults)
    form = f"{regulated.pattern.form} {regulated.pattern.name}"
    return f"as {form} it has {wrong} tones wrong; --form {regulated.pattern.form} shows them"


def _is_even(given: Text) -> bool:
    return len({len(piece.chars) for piece in given.pieces}) == 1


def _regulated_like(given: Text) -> str:
    """The form of regulated verse that has such lines, or nearly; "" if none."""
    lengths = Counter(len(piece.chars) for piece in given.pieces)
    cols, share = lengths.most_common(1)[0]
    count = len(given.pieces)
    if cols in NUMBERS and share >= count - (count > 3):
        return _named(cols, count, whole=share == count)
    return next((form for cols in NUMBERS if (form := _unmarked(given, cols))), "")


NUMBERS = {5: "五", 6: "六", 7: "七"}


def _named(cols: int, rows: int, *, whole: bool) -> str:
    """The form of `rows` lines of `cols` characters; if not `whole`, only forms of four or eight lines count."""
    kind = {4: "绝", 8: "律"}.get(rows, "排" if whole and 10 <= rows <= MOST_ROWS and rows % 2 == 0 else "")
    name = NUMBERS[cols] + kind
    return "" if not kind else name if name in SHAPES else "六言"


def _unmarked(given: Text, cols: int) -> str:
    """The form of a text that lacks some marks: all its pauses stand where lines of `cols` end."""
    ends = list(accumulate(len(piece.chars) for piece in given.pieces))
    fits = ends[-1] // cols in (4, 8) and not any(end % cols for end in ends)
    return _named(cols, ends[-1] // cols, whole=True) if fits else ""
