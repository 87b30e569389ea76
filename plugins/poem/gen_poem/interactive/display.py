"""What a session shows: the text with its tones, and what was found at a place. It fits 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

from gen_engine.inspecting.explain import Candidate, Place
from gen_engine.inspecting.explain_tables import short_names
from gen_engine.system.screen import Span, cells

from ..judging.report import Report
from ..verse.books import TITLES
from .grid import lines_of, place_of
from .session import Draft, Session
from .tones import Ear, group_of

LEGEND = "○ level, ● oblique, ◐ has both, △ ▲ rhyme; [ ] fixed; ? lists the commands"


def board(session: Session, ear: Ear) -> Iterator[list[Span]]:
    """The lines of the text on the table with their numbers and tones, and a line about it."""
    draft = session.draft
    report = ear.judge(draft.shown)
    signs = ear.signs(draft.shown, report)
    rows = list(_rows(draft))
    wide = max(cells("".join(text for text, _ in row)) for row, _ in rows)
    for number, (row, positions) in enumerate(rows, 1):
        blank = " " * (wide - cells("".join(text for text, _ in row)) + 2)
        yield [(f"{number:>3}  ", "quiet"), *row, (blank, ""), ("".join(signs[each] for each in positions), "quiet")]
    yield [("     " + "; ".join(_about(session, report)), "quiet")]


def _rows(draft: Draft) -> Iterator[tuple[list[Span], list[int]]]:
    """The characters of each line, fixed ones in brackets, with the marks behind them."""
    lines = lines_of(draft.written)
    for row, following in zip(lines, [*lines[1:], [len(draft.shown)]], strict=True):
        found: list[Span] = []
        for position in range(row[0], following[0]):
            char = draft.shown[position]
            found.append((f"[{char}]", "name") if position in draft.fixed else (char, ""))
        yield found, row


def _about(session: Session, report: Report | None) -> Iterator[str]:
    draft = session.draft
    if report is not None:
        name = f"{report.pattern.form} {report.pattern.name}".strip()
        yield f"{name}, {TITLES[report.book]} {group_of(report)}".rstrip()
    yield f"seed {draft.seed}"
    if draft.fixed:
        yield f"{len(draft.fixed)} fixed"
    if session.kept:
        yield f"{len(session.kept)} kept"


def reasons(draft: Draft, position: int, found: tuple[Place, tuple[str, ...]] | None) -> Iterator[str]:
    """What the model wanted at a position, and who removed it, in sentences."""
    at = f"{place_of(draft.written, position)} {draft.shown[position]}"
    if found is None:
        yield f"{at} is given by --prompt."
        return
    place, labels = found
    names = short_names(labels)
    only = "; the rules leave nothing else" if place.forced else ""
    yield f"{at}: the model gives it {_percent(exp(-place.nats))}{only}."
    likely = [each for each in place.candidates if not each.removed]
    removed = [each for each in place.candidates if each.removed]
    if likely:
        yield "Likeliest of what may stand there: " + ", ".join(map(_wish, likely)) + "."
    groups: dict[tuple[str, ...], list[Candidate]] = {}
    for each in removed:
        groups.setdefault(tuple(names.get(who.by, who.by) + _why(who.why) for who in each.removed), []).append(each)
    for who, wishes in groups.items():
        yield f"Removed by {', '.join(who)}: " + ", ".join(map(_wish, wishes)) + "."


def _why(why: str) -> str:
    return f" (wants {why})" if why else ""


def _wish(each: Candidate) -> str:
    return f"{each.text.strip() or '(blank)'} {_percent(each.probability)}"


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f}%" if probability >= 0.1 else f"{100 * probability:.1f}%"
