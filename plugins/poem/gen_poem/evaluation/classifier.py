"""Whether a classifier tells written poems from real ones: the area under its ROC curve, on poems it has not seen."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TypeVar

from gen_engine.errors import GenError
from gen_engine.system.underway import counted

from ..verse.segments import segments

FOLDS = 5
FEWEST = 20
"""The fewest pairs from which a meaningful figure can be learnt."""

STRENGTH = 10.0  # inverse of the weight of the penalty

Poem = TypeVar("Poem")


def shape_of(poem: str) -> tuple[int, ...]:
    """The lengths of a poem's lines."""
    return tuple(len(piece.chars) for piece in segments(poem)[0])


def match(
    ours: Sequence[Poem], real: Sequence[Poem], key: Callable[[Poem], tuple[int, ...]]
) -> tuple[list[Poem], list[Poem]]:
    """Equally many of `ours` and of the `real` poems of each shape, drawn by a fixed seed, in the order of shapes."""
    groups: dict[tuple[int, ...], tuple[list[Poem], list[Poem]]] = defaultdict(lambda: ([], []))
    for side, poems in enumerate((ours, real)):
        for poem in poems:
            groups[key(poem)][side].append(poem)
    chosen: tuple[list[Poem], list[Poem]] = ([], [])
    for shape in sorted(groups):
        count = min(map(len, groups[shape]))
        for into, out_of in zip(chosen, groups[shape], strict=True):
            into += random.Random(0).sample(out_of, count)
    return chosen


def auc(ours: Sequence[float], real: Sequence[float]) -> float:
    """The area under the ROC curve: how often one of `ours` has a higher score than a real one; if equal, half.

    Mann and Whitney's statistic as a share. GenError if there is none of either.
    """
    if not ours or not real:
        raise GenError("An area under a curve is of two sorts of texts; give some of both.")
    order = sorted([(score, 1) for score in ours] + [(score, 0) for score in real])
    below, wins, at = 0, 0.0, 0
    while at < len(order):
        end = at
        while end < len(order) and order[end][0] == order[at][0]:
            end += 1
        own = sum(side for _, side in order[at:end])
        wins += own * (below + (end - at - own) / 2)
        below, at = below + end - at - own, end
    return wins / (len(ours) * len(real))


def check_classifier() -> None:
    """Raise GenError now if scikit-learn is not installed."""
    if find_spec("sklearn") is None:
        raise GenError("--real needs scikit-learn; `pip install 'gen-engine-poem[eval]'` installs it.")


def auc_by_words(ours: Sequence[str], real: Sequence[str]) -> float:
    """The area under the curve of TF-IDF of character 1-3-grams within lines under a logistic regression.

    The mean over five fixed folds; each is judged by a classifier trained on the other four. GenError for fewer than 20
    poems of either, or without scikit-learn.
    """
    check_classifier()
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline

    if min(len(ours), len(real)) < FEWEST:
        raise GenError(
            f"A classifier needs {FEWEST} poems and as many real ones of the same lines that keep the form; "
            f"there are {min(len(ours), len(real))}. Give more."
        )
    texts = ["\n".join(piece.chars for piece in segments(poem)[0]) for poem in (*ours, *real)]
    labels = [1] * len(ours) + [0] * len(real)
    areas = []
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(texts, labels)
    for train, test in counted(folds, "telling poems from real ones, folds", FOLDS):
        words = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
        model = make_pipeline(words, LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0))
        model.fit([texts[i] for i in train], [labels[i] for i in train])
        scores = model.predict_proba([texts[i] for i in test])[:, 1].tolist()
        told = list(zip(scores, (labels[i] for i in test), strict=True))
        areas.append(auc([score for score, label in told if label], [score for score, label in told if not label]))
    return sum(areas) / len(areas)
