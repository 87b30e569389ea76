"""Judge a text against a form or a tune and a rhyme book: which rule is broken where, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from gen_engine.errors import GenError

from .books import EITHER, book
from .judging import judge_pattern
from .patterns import SHAPES, TONES, Line, Pattern, form_name, patterns, without_tones
from .report import Report
from .segments import Segment, lay, segments
from .tunes import Tune, every_tune, tune


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
    reports = (judge_pattern(pieces, odd, pattern, tones, rules, rhyme) for pattern, rules in with_book)
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
