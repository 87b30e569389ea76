"""From files to rows ready for tokenising: read, checked, labelled, sampled, split and balanced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gen_classify.rows.balance import Balance, balance_rows
from gen_classify.rows.labelling import Labels, keep_labelled, make_labels, tell_bad
from gen_classify.rows.own_splits import leave_out_others, use_own_splits
from gen_classify.rows.reading import Columns, Table, read_tables
from gen_classify.rows.splits import SPLITS, Split, read_shares, sample_rows, split_rows
from gen_engine.errors import GenError, quoted
from gen_trainkit.csv_rows import Quotes
from gen_trainkit.labels import label_text
from gen_trainkit.tables import Reading


@dataclass(frozen=True)
class Data:
    """Where the labelled texts come from, and how they are used; see the options of `gen train classifier`."""

    files: tuple[Path, ...]
    text: str = "text"
    text2: str | None = None
    label: str = "label"
    header: bool = False
    encoding: str = "utf-8"
    quotes: Quotes = "check"
    labels: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    bad_rows: Literal["skip", "refuse"] = "skip"
    valid_files: tuple[Path, ...] = ()
    test_files: tuple[Path, ...] = ()
    split: str | None = None
    split_column: str | None = None
    max_rows: int | None = None
    balance: Balance = "none"
    class_weights: str | None = None
    max_length: int = 128
    prefixes: bool = False
    cache: Path | None = None


@dataclass(frozen=True)
class Rows:
    """All rows with their labels, and the indices of each part; `train` repeats or leaves out rows for balance."""

    table: Table
    labels: Labels
    targets: list[int]  # [rows], places in `labels`
    parts: Mapping[Split, list[int]]
    train: list[int]
    remark: str  # about rows that were left out
    told: Sequence[str] = ()  # how many rows were read and used, and which splits

    def counts(self, indices: Sequence[int]) -> Counter[str]:
        """How many of the rows at `indices` have each label."""
        return Counter(self.table.labels[index] for index in indices)


def load_rows(data: Data, *, seed: int) -> Rows:
    """The rows that `data` describes; raises GenError for all that is wrong with them."""
    table = _read(data, data.files, split=True)
    if not data.split and not data.split_column:
        table = leave_out_others(table)
    wanted = tuple(map(label_text, data.labels))
    labels = make_labels(table.labels, given=wanted, names=data.label_names)
    table = keep_labelled(table, wanted)
    if data.max_rows is not None:
        table = _sample(table, data.max_rows, seed)
    table, parts = _share_out(data, table, labels, seed)
    remark = tell_bad(table.bad)
    if remark and data.bad_rows == "refuse":
        raise GenError(f"{remark[0].upper()}{remark[1:]}. Mend them, or give --bad-rows skip.")
    places = {label: place for place, label in enumerate(labels.data)}
    train = balance_rows(parts["train"], table.labels, data.balance, seed=seed)
    targets = [places[label] for label in table.labels]
    told = tell_counts(table, used=sum(map(len, parts.values())))
    return Rows(table, labels, targets, parts, train, remark, told)


def tell_counts(table: Table, *, used: int) -> list[str]:
    """How many rows of a table were read, used and left out, and further remarks on them."""
    table.tally.used = used
    table.tally.bad = table.bad
    return table.tally.told()


def _read(data: Data, files: Sequence[Path], *, split: bool = False, usually: Sequence[str] | None = None) -> Table:
    columns = Columns(data.text, data.text2, data.label, data.split_column if split else None, data.header)
    reading = Reading(data.encoding, data.header, data.quotes, hub=True)
    return read_tables(files, columns, reading=reading, usually=usually)


def _sample(table: Table, count: int, seed: int) -> Table:
    """`count` rows, stratified by label; if the rows have their own splits, by label and split."""
    if not table.splits:
        return table.chosen(sample_rows(table.labels, count, least=len(SPLITS), seed=seed))
    cells = [f"{split}/{label}" for split, label in zip(table.splits, table.labels, strict=True)]
    return table.chosen(sample_rows(cells, count, least=1, seed=seed))


def _share_out(data: Data, table: Table, labels: Labels, seed: int) -> tuple[Table, dict[Split, list[int]]]:
    """The rows of all files, divided into training, validation and test."""
    ways = [("--split", data.split), ("--split-column", data.split_column), ("--valid", data.valid_files)]
    given = [name for name, value in ways if value]
    if len(given) > 1:
        raise GenError(f"{given[0]} and {given[1]} both say what validates. Give one of them.")
    if data.split_column:
        parts: dict[Split, list[int]] = {name: _places(table, name) for name in SPLITS}
    elif table.splits and not data.split:
        parts = use_own_splits(table, seed, validated=bool(data.valid_files))
    elif data.valid_files:
        parts = {"train": list(range(len(table.texts)))}
    else:
        shares = read_shares(data.split or "90/10")
        if table.splits:
            names = ", ".join(dict.fromkeys(name for name in table.splits if name))
            table.tally.remark(f"The data's own splits ({names}) are merged, and shared out anew by --split.")
        parts = dict(zip(SPLITS, split_rows(table.labels, shares, seed=seed), strict=False))
    given_files: dict[Split, tuple[Path, ...]] = {"valid": data.valid_files, "test": data.test_files}
    for name, files in given_files.items():
        if files and parts.get(name):
            raise GenError(f"There is a {name} part already. Leave --{name} out, or split into fewer parts.")
        if files:
            more = _read(data, files, usually=("test",) if name == "test" else ("valid", "test"))
            more = keep_labelled(more, labels.data)
            parts[name] = list(range(len(table.texts), len(table.texts) + len(more.texts)))
            table = _joined(table, more)
    _check_parts(table, parts, labels)
    return table, {name: indices for name, indices in parts.items() if indices}


def _places(table: Table, split: str) -> list[int]:
    return [index for index, found in enumerate(table.splits) if found == split]


def _joined(one: Table, other: Table) -> Table:
    columns = ("texts", "seconds", "labels", "places", "bad")
    return Table(
        **{name: [*getattr(one, name), *getattr(other, name)] for name in columns}, tally=one.tally + other.tally
    )


def _check_parts(table: Table, parts: Mapping[Split, Sequence[int]], labels: Labels) -> None:
    needed: tuple[Split, ...] = ("train", "valid")
    for name in needed:
        if not parts.get(name):
            raise GenError(f"No row is there for {name}. Give --split, or a --split-column that names some so.")
    lacking = set(labels.data) - {table.labels[index] for index in parts["train"]}
    if lacking:
        raise GenError(
            f"No training row is labelled {quoted(min(lacking))}. Leave it out of --labels, or split otherwise."
        )
