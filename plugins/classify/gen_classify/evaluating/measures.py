"""Metrics of predicted labels: accuracy, precision, recall and F1, for each label and overall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from gen_engine.errors import GenError


@dataclass(frozen=True)
class LabelFigures:
    """Metrics of one label, with how many rows have it and how many were predicted to have it."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int
    guessed: int


@dataclass(frozen=True)
class Report:
    """All figures of a set of guesses.

    `confusion[i][j]` is how many rows of label i were guessed as j. The macro means are over the labels that occur
    among rows or guesses, so that a label missing from the test costs nothing. The weighted means weight labels by
    their rows.
    """

    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    labels: tuple[LabelFigures, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def rows(self) -> int:
        """How many rows were evaluated."""
        return sum(figures.rows for figures in self.labels)

    def figures(self) -> dict[str, float]:
        """The overall figures by name."""
        kinds = ("precision", "recall", "f1")
        means = [f"{mean}_{kind}" for mean in ("macro", "weighted") for kind in kinds]
        return {"accuracy": self.accuracy} | {name: getattr(self, name) for name in means}

    def record(self) -> dict[str, Any]:
        """The report as a JSON object."""
        labels = {each.label: {k: v for k, v in vars(each).items() if k != "label"} for each in self.labels}
        return {
            "rows": self.rows,
            **self.figures(),
            "accuracy_95%": list(self.interval()),
            "labels": labels,
            "confusion": [list(row) for row in self.confusion],
        }

    def interval(self) -> tuple[float, float]:
        """The 95% confidence interval of the accuracy, if the rows are a random sample (Wilson 1927)."""
        normal = 1.96**2 / self.rows
        middle = (self.accuracy + normal / 2) / (1 + normal)
        half = sqrt(normal * self.accuracy * (1 - self.accuracy) + normal**2 / 4) / (1 + normal)
        return max(0.0, middle - half), min(1.0, middle + half)


def measure(true: Sequence[int], guessed: Sequence[int], labels: Sequence[str]) -> Report:
    """The report of `guessed` against `true`, both indices of `labels`. Raises GenError without any row."""
    if not len(true):
        raise GenError("There is nothing to measure. Give at least one row with a label.")
    every = list(range(len(labels)))
    true, guessed = [int(label) for label in true], [int(label) for label in guessed]
    by_label = precision_recall_fscore_support(true, guessed, labels=every, zero_division=0)
    confusion = confusion_matrix(true, guessed, labels=every).tolist()
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    rows = [
        LabelFigures(label, float(precision), float(recall), float(f1), int(support), count)
        for label, precision, recall, f1, support, count in zip(labels, *by_label, columns, strict=True)
    ]
    seen = [row for row in rows if row.rows or row.guessed]
    return Report(
        accuracy=sum(confusion[index][index] for index in every) / len(true),
        macro_precision=sum(row.precision for row in seen) / len(seen),
        macro_recall=sum(row.recall for row in seen) / len(seen),
        macro_f1=sum(row.f1 for row in seen) / len(seen),
        weighted_precision=sum(row.precision * row.rows for row in seen) / len(true),
        weighted_recall=sum(row.recall * row.rows for row in seen) / len(true),
        weighted_f1=sum(row.f1 * row.rows for row in seen) / len(true),
        labels=tuple(rows),
        confusion=tuple(tuple(row) for row in confusion),
    )
