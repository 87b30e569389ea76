"""Class imbalance: undersampling, oversampling, or class weights in the loss."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

from gen_engine.errors import GenError, brief

Balance = Literal["none", "undersample", "oversample"]


def balance_rows(indices: Sequence[int], labels: Sequence[str], balance: Balance, *, seed: int) -> list[int]:
    """`indices` with equally many rows of each label: all reduced to the fewest, or repeated up to the most.

    When oversampled, every row occurs at least once, and as often as the others of its class or once more. When
    undersampled, it occurs at most once. `labels` are those of all rows, by index.
    """
    if balance == "none":
        return list(indices)
    classes: defaultdict[str, list[int]] = defaultdict(list)
    for index in indices:
        classes[labels[index]].append(index)
    sizes = [len(rows) for rows in classes.values()]
    wanted = min(sizes) if balance == "undersample" else max(sizes)
    chosen = []
    for label in sorted(classes):
        rows = classes[label]
        random.Random(f"{seed}/{label}").shuffle(rows)
        chosen += (rows * (wanted // len(rows) + 1))[:wanted]
    return sorted(chosen)


def class_weights(given: str | None, counts: Counter[str], labels: Sequence[str]) -> list[float] | None:
    """Weights of the labels in the loss, in their order: numbers as `given`, or "balanced", or None for none.

    Balanced weights are rows / (classes x rows of the class), as scikit-learn has them: their mean over rows is 1.
    """
    if given is None:
        return None
    if given == "balanced":
        return [counts.total() / (len(labels) * counts[label]) for label in labels]
    try:
        weights = [float(part) for part in given.split(",")]
    except ValueError:
        weights = []
    if len(weights) != len(labels) or not all(0 < weight < float("inf") for weight in weights):
        raise GenError(
            f"--class-weights {brief(given)} does not weigh {len(labels)} labels. Give balanced, "
            "or as many numbers above 0."
        )
    return weights
