"""A classifier evaluated on labelled texts: its report, the rows left out, and its most confident mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gen_classify.evaluating.baseline import train_baseline
from gen_classify.evaluating.measures import Report, measure
from gen_classify.predicting.classifier import Classifier
from gen_classify.predicting.inputs import Text
from gen_classify.rows.reading import Table
from gen_engine.errors import GenError


@dataclass(frozen=True)
class Mistake:
    """A wrongly classified row: where it stands, its text, its label, the guess and the guess's probability."""

    place: str
    text: Text
    label: str
    guess: str
    probability: float


@dataclass(frozen=True)
class Evaluation:
    """The reports of a classifier and maybe a baseline, and which rows could not be evaluated.

    `unknown` counts the rows of each label that the classifier does not have. `bad` lists unusable rows. `cut` counts
    texts longer than the classifier reads. `repeated` counts texts that the baseline was also trained on.
    """

    report: Report
    baseline: Report | None = None
    unknown: Counter[str] = field(default_factory=Counter)
    bad: tuple[str, ...] = ()
    cut: int = 0
    repeated: int = 0
    mistakes: tuple[Mistake, ...] = ()

    def record(self) -> dict[str, Any]:
        """The evaluation as a JSON object."""
        found: dict[str, Any] = {"model": self.report.record()}
        if self.baseline:
            found |= {"baseline": self.baseline.record(), "texts the baseline was trained on": self.repeated}
        left_out = {"unknown labels": dict(self.unknown), "unusable rows": list(self.bad), "texts cut": self.cut}
        return found | left_out | {"mistakes": [vars(mistake) for mistake in self.mistakes]}


def evaluate(
    classifier: Classifier, table: Table, *, train: Table | None = None, mistakes: int = 0, seed: int = 0
) -> Evaluation:
    """Evaluate `classifier` on `table` and, if `train` is given, a baseline trained on it.

    Rows with a label that the classifier does not have are left out and counted. Raises GenError if none is left.
    """
    texts, wanted, kept = _known(classifier, table)
    unknown = Counter(label for label in table.labels if classifier.index(label) is None)
    if not texts:
        theirs = ", ".join(label for label, _ in unknown.most_common(10))
        raise GenError(
            f"No row has a label of the classifier, which are {', '.join(classifier.labels[:20])} (the rows have"
            f" {theirs}). Give --label, or a classifier of these labels."
        )
    encoded = classifier.encode(texts)
    shares = classifier.score(encoded)
    guessed = classifier.choose(shares).tolist()
    sure = [float(shares[row, guess]) for row, guess in enumerate(guessed)]
    wrong = sorted((row for row, guess in enumerate(guessed) if guess != wanted[row]), key=lambda row: -sure[row])
    labels = classifier.labels
    baseline, repeated = _baseline(classifier, train, texts, wanted, seed) if train else (None, 0)
    return Evaluation(
        measure(wanted, guessed, labels),
        baseline,
        unknown,
        tuple(f"{bad.where}: {bad.why}" for bad in table.bad),
        len(encoded.cut),
        repeated,
        tuple(
            Mistake(table.places[kept[row]], texts[row], labels[wanted[row]], labels[guessed[row]], sure[row])
            for row in wrong[:mistakes]
        ),
    )


def texts_of(table: Table) -> list[Text]:
    """The texts of a table, or its pairs."""
    return list(zip(table.texts, table.seconds, strict=True)) if table.seconds else list(table.texts)


def _known(classifier: Classifier, table: Table) -> tuple[list[Text], list[int], list[int]]:
    """The texts, label indices and row numbers of the rows whose label the classifier has."""
    places = [classifier.index(label) for label in table.labels]
    kept = [row for row, place in enumerate(places) if place is not None]
    texts = texts_of(table)
    return [texts[row] for row in kept], [place for place in places if place is not None], kept


def _baseline(
    classifier: Classifier, train: Table, texts: Sequence[Text], wanted: Sequence[int], seed: int
) -> tuple[Report, int]:
    """The report of a baseline trained on `train`, and how many of `texts` are in it."""
    known, targets, _ = _known(classifier, train)
    guessed = train_baseline(known, targets, seed=seed).predict(texts)
    seen = set(known)
    return measure(wanted, guessed, classifier.labels), sum(text in seen for text in texts)
