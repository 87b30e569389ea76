"""Which texts train a language model and which validate it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from gen_trainkit.reading import TRAINING, VALIDATION
from gen_trainkit.saved_datasets import PARTS, is_dataset, load_splits

SHARE = 0.01
"""The share of texts that is held out if there are no other validation texts."""

Read = Callable[[Sequence[Path], Sequence[str]], list[str]]
"""Reads the texts of files; of datasets, those of the first of the named splits."""


def hold_out(
    read: Read,
    files: Sequence[Path],
    *,
    valid_files: Sequence[Path],
    valid_share: float | None,
    part: str | None,
    seed: int,
) -> tuple[list[str], list[str]]:
    """(training texts, validation texts).

    Validation texts come from `valid_files`, if there are any. Otherwise, unless a share or a `part` is asked for, they
    come from the validation splits of datasets that have one. Else they are a share of the texts, drawn by `seed`.
    """
    texts = read(files, TRAINING)
    if valid_files:
        return texts, read(valid_files, (*VALIDATION, "test"))
    own = [path for path in files if part is None and valid_share is None and has_validation(path)]
    if own:
        return texts, read(own, VALIDATION)
    aside = round(len(texts) * (SHARE if valid_share is None else valid_share))
    random.Random(seed).shuffle(texts)
    return texts[aside:], texts[:aside]


def has_validation(path: Path) -> bool:
    """Whether `path` is a dataset with a training split and a validation split."""
    return is_dataset(path) and {"train", "valid"} <= {PARTS.get(name) for name in load_splits(path)}
