"""Datasets with their own splits: the part of each row, and the rows that a model was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gen_classify.rows.splits import SPLITS, Split, split_rows
from gen_engine.errors import GenError
from gen_trainkit.saved_datasets import PARTS
from gen_trainkit.tables import Reading, columns_in, read_rows

if TYPE_CHECKING:
    from gen_classify.rows.reading import Table

ASIDE = (0.9, 0.1)
"""How the training split is divided where there is no validation split."""

Trained = Literal["refuse", "skip", "score"]
"""What to do with rows that the model was trained on: raise an error, leave them out, or evaluate them like all
others."""


def leave_out_others(table: Table) -> Table:
    """The rows without those of splits that are not for training, validation or test; the latter are reported."""
    left = Counter(split for split in table.splits if split and split.lower() not in PARTS)
    for split, count in left.items():
        table.tally.remark(f"The {count:,} rows of the split {split} are used for nothing.")
    return table.chosen([row for row, split in enumerate(table.splits) if split not in left]) if left else table


def use_own_splits(table: Table, seed: int, *, validated: bool) -> dict[Split, list[int]]:
    """The rows of each part by the names of their splits, noted in the table's tally; rows of plain files train.

    Without any validation rows, a tenth of the training rows is used for validation, stratified by class. Raises
    GenError where there is no training split.
    """
    found = [PARTS.get(split.lower(), "") if split else "train" for split in table.splits]
    parts: dict[Split, list[int]] = {name: [row for row, part in enumerate(found) if part == name] for name in SPLITS}
    if not parts["train"]:
        names = ", ".join(dict.fromkeys(table.splits))
        raise GenError(f"The data have no train split ({names}). Give --split 90/10 to share out all their rows.")
    counts = ", ".join(f"{len(rows):,} {name}" for name, rows in parts.items() if rows)
    table.tally.remark(f"The data's own splits are used: {counts} rows; --split shares all of them out anew.")
    if not parts["valid"] and not validated:
        rows = parts["train"]
        shared = split_rows([table.labels[row] for row in rows], ASIDE, seed=seed)
        parts["train"], parts["valid"] = ([rows[place] for place in part] for part in shared)
        table.tally.remark(f"No split validates: {len(parts['valid']):,} of the training rows are set aside for it.")
    return parts


def trained_rows(model: str | Path, texts: Sequence[object]) -> list[int]:
    """The indices of the `texts` (or pairs) that `model` was trained on, according to its own run/splits.

    A text that the run also held out, because the data repeat it, is not among them. None if nothing is known.
    """
    folder = Path(model) / "run" / "splits"
    if not (folder / "train.csv").is_file():
        return []
    known = _texts(folder / "train.csv")
    for name in ("valid", "test"):
        if (folder / f"{name}.csv").is_file():
            known -= _texts(folder / f"{name}.csv")
    return [place for place, text in enumerate(texts) if text in known]


def _texts(path: Path) -> set[object]:
    """The texts, or pairs, of a file that `write_splits` wrote."""
    reading = Reading(quotes="trust")
    try:
        there = columns_in(path, reading)
        wanted = {"text": "--text", "text2": "--text2"} if "text2" in there else {"text": "--text"}
        rows = [tuple(row.cells[name] for name in wanted) for row in read_rows(path, wanted, reading) if not row.flaw]
    except GenError as error:
        raise GenError(f"{path} cannot be read. Restore it, or remove the folder {path.parent}.") from error
    return {row if len(row) > 1 else row[0] for row in rows}
