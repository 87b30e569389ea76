"""Find the form of a tune that a text has, and the tunes that a text without a name may be meant as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate

from ..verse.patterns import Pattern, without_tones
from ..verse.tunes import every_tune
from .alignment import MASK, Slot, Spelled, fits, slots, spell
from .pattern import Settings, Text, judge_pattern
from .report import Report

GAP = 3
"""A fault of format counts as this many faults of other kinds, so that a text with one character too few is not taken
for another form."""

NEAR = 4
"""How many forms are tried whose format the text does not have."""

STRAY, CLOSE = 0.25, 0.1
"""The share of wrong tones in a text that still counts as a tune: STRAY if its lines are the tune's, CLOSE if not
quite."""

OUT_OF_RHYME = 0.5
"""The share of rhyme words that may not rhyme in it; half as many if its lines are not quite the tune's."""


def judge_tune(given: Text, variants: Sequence[Pattern], settings: Settings) -> Report:
    """The judgement by the form of a tune that the text is nearest to."""
    plain = list(map(without_tones, variants)) if settings.tones == "off" else list(variants)
    text = spell(given.pieces, settings.rules(""))
    right = [each for each in plain if fits(text, each.lines, is_ci=True)]
    reports = [judge_pattern(given, each, settings) for each in right]
    if not reports or min(map(weight, reports)) > GAP:
        others = [each for each in plain if each not in right]
        reports += [judge_pattern(given, each, settings) for each in _nearest(text, others)]
    return min(reports, key=weight)


def weight(report: Report) -> int:
    """How far a text is from the form."""
    return sum(GAP if fault.rule == "format" else 1 for fault in report.faults)


def _nearest(text: Spelled, patterns: Iterable[Pattern]) -> list[Pattern]:
    """The patterns that the text most likely follows, if it has one gap. Their tones and rhymes stand where the text's
    own do, counted from the beginning before the gap and from the end after it."""
    count = len(text.chars)
    marked = [pause == 2 for pause in text.pauses]

    def unlike(pattern: Pattern) -> int:
        wanted = slots(pattern.lines, is_ci=True)
        ahead = [_wrong(*each) for each in zip(text.masks, marked, wanted, strict=False)]
        behind = [_wrong(*each) for each in zip(text.masks[::-1], marked[::-1], wanted[::-1], strict=False)]
        whole = min(count, len(wanted))
        left, right = [0, *accumulate(ahead)], [0, *accumulate(behind)]
        return abs(count - len(wanted)) + min(left[cut] + right[whole - cut] for cut in range(whole + 1))

    return sorted(patterns, key=unlike)[:NEAR]


def _wrong(mask: int, marked: bool, slot: Slot) -> int:
    """How badly a character fits a place: 1 for a wrong tone, and 1 for a required pause that is missing before it."""
    return (not mask & slot.mask) + (slot.firm and not marked)


# ----------------------------------------------------------------------------------------------- without a name


@cache
def _by_length() -> dict[int, list[Pattern]]:
    """The forms of all tunes by how many characters they have."""
    found: dict[int, list[Pattern]] = {}
    for tune in every_tune():
        for pattern in tune.variants:
            found.setdefault(_size(pattern), []).append(pattern)
    return found


def tunes_like(given: Text, settings: Settings) -> list[Report]:
    """The judgements by the tunes that a text may be meant as, one for each, the likeliest first.

    Such a tune has the format of the text, and most of its tones and rhymes. More of them must be right where commas
    stand elsewhere. If there is none, tunes with a character or two more or less are tried.
    """
    text = spell(given.pieces, settings.rules(""))
    count = len(text.chars)
    right = [each for each in _by_length().get(count, ()) if fits(text, each.lines, is_ci=True)]
    found = list(_likely(given, text, right, settings))
    if not found and len(given.pieces) > 2:
        near = [each for n in (count - 1, count + 1, count - 2, count + 2) for each in _by_length().get(n, ())]
        found = list(_likely(given, text, _nearest(text, near), settings))
    return sorted(found, key=weight)


def _likely(given: Text, text: Spelled, patterns: Sequence[Pattern], settings: Settings) -> Iterator[Report]:
    """The best report for each tune, if most of its tones and rhymes are right."""
    best: dict[str, Report] = {}
    for pattern in patterns:
        alike = fits(text, pattern.lines, is_ci=False)
        if len(text.chars) == _size(pattern) and stray(text, pattern) > (STRAY if alike else CLOSE) * len(text.chars):
            continue
        report = judge_pattern(given, without_tones(pattern) if settings.tones == "off" else pattern, settings)
        if not _is_likely(report, alike=alike):
            continue
        if pattern.form not in best or weight(report) < weight(best[pattern.form]):
            best[pattern.form] = report
    yield from best.values()


def _is_likely(report: Report, *, alike: bool) -> bool:
    rules = Counter(fault.rule for fault in report.faults)
    rhyming = sum(bool(line.rhyme) for line in report.pattern.lines)
    tones, rhyme = (STRAY, OUT_OF_RHYME) if alike else (CLOSE, OUT_OF_RHYME / 2)
    wrong = rules["tone"] + rules["unknown"]
    return rules["format"] <= 1 and wrong <= tones * _size(report.pattern) and rules["rhyme"] <= rhyme * rhyming


def _size(pattern: Pattern) -> int:
    return sum(line.length for line in pattern.lines)


def stray(text: Spelled, pattern: Pattern) -> int:
    """How many tones of a text of the pattern's length the pattern does not admit."""
    found, begin = 0, 0
    for alternatives in _masks(pattern):
        row = text.masks[begin : begin + len(alternatives[0])]
        found += min(sum(not own & mask for own, mask in zip(row, each, strict=True)) for each in alternatives)
        begin += len(row)
    return found


REMEMBERED = 8192
"""For how many patterns the tones are remembered; it is more than the tune books have."""


@lru_cache(REMEMBERED)
def _masks(pattern: Pattern) -> tuple[tuple[tuple[int, ...], ...], ...]:
    return tuple(tuple(tuple(MASK[sign] for sign in tones) for tones in line.tones) for line in pattern.lines)
