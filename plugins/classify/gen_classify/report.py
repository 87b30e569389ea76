"""Figures of classifiers as lines for people; columns line up, Chinese labels included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from gen_classify.judging import Judged
    from gen_classify.measures import Report

WHOLE = 20
"""Up to so many labels the confusions are told as a matrix; of more, the most frequent only."""

PAIRS = 15
SHOWN = 60


def tell(judged: Judged, title: str) -> str:
    """The whole report: the figures beside the baseline's, label by label, the confusions, what was left out."""
    parts = [title, _on_the_whole(judged), _by_label(judged.report), _confusions(judged.report)]
    return "\n\n".join(part for part in [*parts, _mistakes(judged), _left_out(judged)] if part) + "\n"


def columns(rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Rows as lines whose columns line up: the first `left` ones at their left, the others at their right edge."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (width - cell_len(cell)) for width, cell in zip(widths, row, strict=True)]
        cells = [cell + gap if i < left else gap + cell for i, (cell, gap) in enumerate(zip(row, gaps, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _on_the_whole(judged: Judged) -> str:
    reports = {"model": judged.report} | ({"baseline": judged.baseline} if judged.baseline else {})
    names = {name: name.replace("_", " ") for name in judged.report.figures()}
    rows = [[shown, *(f"{each.figures()[name]:.4f}" for each in reports.values())] for name, shown in names.items()]
    rows.append(["accuracy, 95% between", *("{:.4f} {:.4f}".format(*each.interval()) for each in reports.values())])
    return columns([["", *reports], *rows])


def _by_label(report: Report) -> str:
    """Precision, recall and F1 of each label; its number is what a picture without its characters shows."""
    rows = [["#", "label", "precision", "recall", "f1", "rows", "guessed"]]
    for number, each in enumerate(report.labels, 1):
        figures = [f"{value:.4f}" for value in (each.precision, each.recall, each.f1)]
        rows.append([str(number), each.label, *figures, f"{each.rows:,}", f"{each.guessed:,}"])
    return columns(rows, left=2)


def _confusions(report: Report) -> str:
    names = [each.label for each in report.labels]
    if len(names) <= WHOLE:
        head = ["true \\ guessed", *(str(number) for number in range(1, len(names) + 1))]
        body = [
            [f"{number} {name}", *(f"{count:,}" for count in row)]
            for number, (name, row) in enumerate(zip(names, report.confusion, strict=True), 1)
        ]
        return columns([head, *body])
    pairs = [
        (count, names[true], names[guess])
        for true, row in enumerate(report.confusion)
        for guess, count in enumerate(row)
        if count and true != guess
    ]
    most = sorted(pairs, key=lambda pair: -pair[0])[:PAIRS]
    rows = [
        ["most often confused", "guessed as", "rows"],
        *([true, guess, f"{count:,}"] for count, true, guess in most),
    ]
    return columns(rows, left=2) if most else ""


def _mistakes(judged: Judged) -> str:
    if not judged.mistakes:
        return ""
    rows = [["surest mistakes", "label", "guess", "probability", "text"]]
    for each in judged.mistakes:
        text = " | ".join(" ".join(part.split()) for part in ([each.text] if isinstance(each.text, str) else each.text))
        brief = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
        rows.append([each.place, each.label, each.guess, f"{each.probability:.4f}", brief])
    return columns(rows, left=5)


def _left_out(judged: Judged) -> str:
    """One line for each kind of rows that were not judged, or not whole."""
    told = []
    if judged.unknown:
        most = ", ".join(f"{label} {count:,}" for label, count in judged.unknown.most_common(10))
        told.append(f"{judged.unknown.total():,} rows have labels that the classifier lacks and are left out: {most}.")
    if judged.bad:
        told.append(f"{len(judged.bad):,} rows are unusable and left out, first {judged.bad[0]}.")
    if judged.cut:
        told.append(f"{judged.cut:,} texts are longer than the classifier reads and were cut.")
    if judged.repeated:
        told.append(f"{judged.repeated:,} of the texts stand in the baseline's training data, too.")
    return "\n".join(told)
