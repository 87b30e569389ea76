"""Stratified splits, the same for the same seed, and their CSV files."""

from __future__ import annotations

import csv
import io
import os
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from gen_classify.rows.reading import Table
from gen_engine.errors import GenError, brief, quoted

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def read_shares(text: str) -> tuple[float, ...]:
    """The shares of the training, validation and maybe test part, from "70/10/20" or "90/10"; they sum to 1."""
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) not in (2, 3) or not all(0 < part < float("inf") for part in parts):
        raise GenError(f"--split {brief(text)} is no split. Give shares above 0, such as 90/10 or 70/10/20.")
    return tuple(part / sum(parts) for part in parts)


def split_rows(labels: Sequence[str], shares: Sequence[float], *, seed: int) -> list[list[int]]:
    """The indices of each part, in the order of the data; each class is divided by the same shares, to within a row.

    If that would leave a part without a row of some class, it gets one from the largest part. Raises GenError where a
    class has fewer rows than there are parts.
    """
    parts: list[list[int]] = [[] for _ in shares]
    for label, rows in _shuffled_classes(labels, seed).items():
        if len(rows) < len(shares):
            raise GenError(
                f"Label {quoted(label)} has {len(rows)} rows, too few to stratify into {len(shares)} parts."
                " Leave it out of --labels, or give more rows or files of --valid and --test."
            )
        start = 0
        for part, count in zip(parts, _apportion(len(rows), shares, least=1), strict=True):
            part += rows[start : start + count]
            start += count
    return [sorted(part) for part in parts]


def sample_rows(labels: Sequence[str], count: int, *, least: int, seed: int) -> list[int]:
    """The indices of `count` rows, in order: each class has its share, but at least `least` rows (or all it has)."""
    classes = _shuffled_classes(labels, seed)
    if count < least * len(classes):
        raise GenError(
            f"--max-rows {count} is too few for {len(classes)} classes. Give at least {least * len(classes)}."
        )
    if count >= len(labels):
        return list(range(len(labels)))
    wanted = _apportion(count, [len(rows) / len(labels) for rows in classes.values()], least=least)
    return sorted(row for rows, share in zip(classes.values(), wanted, strict=True) for row in rows[:share])


def _shuffled_classes(labels: Sequence[str], seed: int) -> dict[str, list[int]]:
    classes: defaultdict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        classes[label].append(index)
    for label in sorted(classes):
        random.Random(f"{seed}/{label}").shuffle(classes[label])
    return {label: classes[label] for label in sorted(classes)}


def _apportion(count: int, shares: Sequence[float], *, least: int) -> list[int]:
    """Integers that sum to `count`, each within 1 of its share (largest remainders), but none below `least`."""
    exact = [count * share for share in shares]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(shares)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_remainder[: count - sum(whole)]:
        whole[place] += 1
    for place in range(len(whole)):
        while whole[place] < least:
            whole[max(range(len(whole)), key=whole.__getitem__)] -= 1
            whole[place] += 1
    return whole


def write_splits(table: Table, parts: Mapping[Split, Sequence[int]], folder: Path) -> None:
    """Write each part as a CSV file with the columns text, text2 (for pairs) and label; each file appears complete."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = [table.texts, table.seconds, table.labels] if table.seconds else [table.texts, table.labels]
    for name, indices in parts.items():
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["text", "text2", "label"] if table.seconds else ["text", "label"])
        writer.writerows([column[index] for column in columns] for index in indices)
        aside = folder / f".writing-{name}.csv"
        aside.write_text(text.getvalue(), encoding="utf-8", newline="")
        os.replace(aside, folder / f"{name}.csv")
