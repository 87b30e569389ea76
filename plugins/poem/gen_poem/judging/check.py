"""Judge a text against a form or a tune and a rhyme book: which rule is broken where, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, count

from gen_engine.errors import GenError

from ..verse.books import EITHER
from ..verse.patterns import TONES, Line, Pattern
from ..verse.tunes import tune
from .pattern import Settings, Text, judge_pattern, read
from .recognise import judge_form, recognise
from .report import JudgedChar, Report
from .tune import judge_tune


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

    `rhyme_book` is by default pingshui for verse and cilin for tunes. `rhyme` is the group that the text must rhyme in.
    In a tune, `tones="off"` judges lengths and rhymes only. Where nothing is named, verse that is not regulated is
    judged as old verse, by its actual rhyme.
    """
    if tones not in TONES:
        raise GenError(f"tones={tones} is none; choose one of {', '.join(TONES)}.")
    if sum((bool(form), bool(tune_name), bool(rows or cols))) > 1:
        raise GenError("A text is judged by one form, one tune or one size; give one of them.")
    if variant and not tune_name:
        raise GenError(f"variant={variant} is a form of a tune; name the tune, or leave it out.")
    if tune_name and (start or first):
        raise GenError(f"{start or first} is for regulated verse, and {tune_name} is a tune; leave it out.")
    if (rows or cols) and (rhyme or start or first):
        raise GenError(f"{rhyme or start or first} is for a form, and a size has no tones and no rhyme; name a form.")
    given = read(text)
    settings = Settings(tones, rhyme_book, rhyme, start, first)
    if tune_name:
        found = tune(tune_name)
        report = judge_tune(given, [found.variant(variant)] if variant else found.variants, settings)
    elif rows or cols:
        report = judge_pattern(given, _size(given, rows, cols), settings)
    else:
        report = judge_form(given, form, settings) if form else recognise(given, settings)
    return replace(report, rows=_marked(report.rows, given))


def _marked(rows: Sequence[Sequence[JudgedChar]], given: Text) -> tuple[tuple[JudgedChar, ...], ...]:
    """The rows with the marks that follow each character in the text."""
    ends = accumulate(len(piece.chars) for piece in given.pieces)
    marks = {end: piece.marks for end, piece in zip(ends, given.pieces, strict=True)}
    number = count(1)
    return tuple(tuple(replace(place, marks=marks.get(next(number), "")) for place in row) for row in rows)


FAR = 1000
"""How many characters a size may have beyond ten times those of the text."""


def _size(given: Text, rows: int | None, cols: int | None) -> Pattern:
    rows, cols = rows or len(given.pieces), cols or len(given.pieces[0].chars)
    length = sum(len(piece.chars) for piece in given.pieces)
    if rows * cols > FAR + 10 * length:
        raise GenError(
            f"{rows} rows of {cols} are far from the {length} characters given; ask for a size like its text."
        )
    return Pattern(f"{rows}x{cols}", "", (Line((EITHER * cols,), "，"),) * rows)
