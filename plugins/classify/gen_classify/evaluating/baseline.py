"""The baseline to beat: logistic regression on TF-IDF of character n-grams, trained in seconds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from gen_engine.errors import GenError
from gen_engine.system.underway import doing

if TYPE_CHECKING:
    from gen_classify.predicting.inputs import Text

NAME = "character 1-3-gram TF-IDF + logistic regression"
SEPARATOR = "\u241e"  # between the texts of a pair: the symbol for a record separator, which no text has
FEATURES = 100_000
WEIGHTS = 2_000_000  # features times labels, at most: 119 labels get 16,806 features
RARE = 2000  # texts from which on n-grams that occur once are left out
STEPS = 60
STRENGTH = 10.0  # inverse of the weight of the penalty


@dataclass(frozen=True)
class Baseline:
    """A trained baseline."""

    vectorizer: Any
    model: Any

    def predict(self, texts: Sequence[Text]) -> list[Any]:
        """The label of each text, one of those trained on."""
        if not texts:
            return []
        found: list[Any] = self.model.predict(self.vectorizer.transform(_joined(texts))).tolist()
        return found


@doing("training the baseline")
def train_baseline(texts: Sequence[Text], labels: Sequence[Any], *, seed: int = 0) -> Baseline:
    """The baseline of `texts` or pairs and their `labels`; the same for the same data on every run.

    Raises GenError for fewer than two labels, or texts without a character.
    """
    if len(set(labels)) < 2:
        raise GenError("The baseline has fewer than two labels to learn. Give rows of at least two.")
    vectorizer = TfidfVectorizer(
        analyzer="char",
        ngram_range=(1, 3),
        min_df=2 if len(texts) >= RARE else 1,
        max_features=min(FEATURES, WEIGHTS // len(set(labels))),
        sublinear_tf=True,
        dtype=numpy.float32,
    )
    try:
        features = vectorizer.fit_transform(_joined(texts))
    except ValueError:
        raise GenError("The texts of the baseline have no characters. Give rows with text.") from None
    binary = len(set(labels)) == 2
    model = LogisticRegression(
        C=STRENGTH, solver="liblinear" if binary else "lbfgs", max_iter=1000 if binary else STEPS, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early only regularises a little more
        model.fit(features, list(labels))
    return Baseline(vectorizer, model)


def _joined(texts: Sequence[Text]) -> list[str]:
    return [text if isinstance(text, str) else SEPARATOR.join(text) for text in texts]
