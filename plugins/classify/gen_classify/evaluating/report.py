"""The report of an evaluation as text; columns line up, even with Chinese labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from gen_engine.cli.languages import Say
from gen_engine.system.screen import cells, hang, plain, width_of
from gen_engine.system.tables import side_by_side, tabulated

if TYPE_CHECKING:
    from gen_classify.evaluating.evaluation import Evaluation
    from gen_classify.evaluating.measures import Report

WHOLE = 20
"""Up to this many labels, the confusions are shown as a matrix; with more, only the most frequent ones."""

PAIRS = 15
SHOWN = 60


def tell(evaluation: Evaluation, title: str, say: Say = str, place: TextIO | None = None) -> str:
    """The whole report: the figures beside the baseline's, label by label, the confusions, and the rows left out.

    It is laid out for the terminal or the pipe `place`; without one, for a page.
    """
    parts = [_folded(title, place), _on_the_whole(evaluation, say, place), _by_label(evaluation.report, say, place)]
    parts += [
        *_confusions(evaluation.report, say, place),
        _mistakes(evaluation, say, place),
        _folded(_left_out(evaluation, say), place),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _folded(sentences: str, place: TextIO | None) -> str:
    """Sentences, each on a new line, wrapped to fit the terminal."""
    width = width_of(place) if place else None
    lines = [line for words in sentences.splitlines() for line in hang(words, width, hanging="  ")]
    return "\n".join(map(plain, lines))


def columns(rows: Sequence[Sequence[str]], place: TextIO | None = None, *, left: int = 1) -> str:
    """Rows as lines with aligned columns: the first `left` columns left-aligned, the others right-aligned."""
    head, *body = rows
    return "\n".join(tabulated(head, body, place, right=head[left:]))


def _on_the_whole(evaluation: Evaluation, say: Say, place: TextIO | None) -> str:
    reports = {say("model"): evaluation.report} | (
        {say("baseline"): evaluation.baseline} if evaluation.baseline else {}
    )
    names = {name: say(name.replace("_", " ")) for name in evaluation.report.figures()}
    rows = [[shown, *(f"{each.figures()[name]:.4f}" for each in reports.values())] for name, shown in names.items()]
    rows.append(
        [say("accuracy, 95% between"), *("{:.4f} {:.4f}".format(*each.interval()) for each in reports.values())]
    )
    return columns([["", *reports], *rows], place)


def _by_label(report: Report, say: Say, place: TextIO | None) -> str:
    """Precision, recall and F1 of each label; its number is what a picture without its characters shows."""
    rows = [["#", *map(say, ("label", "precision", "recall", "f1", "rows", "guesses"))]]
    for number, each in enumerate(report.labels, 1):
        figures = [f"{value:.4f}" for value in (each.precision, each.recall, each.f1)]
        rows.append([str(number), each.label, *figures, f"{each.rows:,}", f"{each.guessed:,}"])
    return columns(rows, place, left=2)


def _confusions(report: Report, say: Say, place: TextIO | None) -> list[str]:
    """The matrix, in as many parts as the width requires; with many labels, only the most frequent confusions."""
    names = [each.label for each in report.labels]
    if len(names) <= WHOLE:
        head = [f"{number} {name}" for number, name in enumerate(names, 1)]
        corner = say("true label \\ guessed label")
        counts = [[f"{count:,}" for count in row] for row in report.confusion]
        widths = [max(map(len, [str(number), *column])) for number, column in enumerate(zip(*counts, strict=True), 1)]
        parts = side_by_side(widths, place, first=max(map(cells, [corner, *head])))
        return [
            columns(
                [
                    [corner, *(str(each + 1) for each in part)],
                    *([name, *(row[each] for each in part)] for name, row in zip(head, counts, strict=True)),
                ],
                place,
            )
            for part in parts
        ]
    pairs = [
        (count, names[true], names[guess])
        for true, row in enumerate(report.confusion)
        for guess, count in enumerate(row)
        if count and true != guess
    ]
    most = sorted(pairs, key=lambda pair: -pair[0])[:PAIRS]
    rows = [
        [say("most often confused"), say("guessed as"), say("rows")],
        *([true, guess, f"{count:,}"] for count, true, guess in most),
    ]
    return [columns(rows, place, left=2)] if most else []


def _mistakes(evaluation: Evaluation, say: Say, place: TextIO | None) -> str:
    if not evaluation.mistakes:
        return ""
    rows = [[*map(say, ("surest mistakes", "label", "guess", "probability", "text"))]]
    for each in evaluation.mistakes:
        text = " | ".join(" ".join(part.split()) for part in ([each.text] if isinstance(each.text, str) else each.text))
        brief = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
        rows.append([each.place, each.label, each.guess, f"{each.probability:.4f}", brief])
    head, *body = rows
    return "\n".join(tabulated(head, body, place, right=head[3:4], nameless=head[4:]))


def _left_out(evaluation: Evaluation, say: Say) -> str:
    """One line for each kind of rows that were not evaluated, or not in full."""
    told = []
    if evaluation.unknown:
        most = ", ".join(f"{label} {count:,}" for label, count in evaluation.unknown.most_common(10))
        words = say("{count:,} rows have labels that the classifier lacks and are left out: {most}.")
        told.append(words.format(count=evaluation.unknown.total(), most=most))
    if evaluation.bad:
        words = say("{count:,} rows are unusable and left out, first {first}.")
        told.append(words.format(count=len(evaluation.bad), first=evaluation.bad[0]))
    if evaluation.cut:
        words = say("{count:,} texts are longer than the classifier reads and were cut.")
        told.append(words.format(count=evaluation.cut))
    if evaluation.repeated:
        words = say("{count:,} of the texts stand in the baseline's training data, too.")
        told.append(words.format(count=evaluation.repeated))
    return "\n".join(told)
