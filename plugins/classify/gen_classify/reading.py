"""Labelled texts out of tables: CSV, TSV and JSONL files, packed or not, `datasets` folders and hub names."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from gen_engine.errors import GenError
from gen_trainkit.reading import DELIMITERS, TABLES, is_whole, kind_of, opened

PARTS = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "val": "valid", "test": "test"}
"""What the values of a split column are taken for."""

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?")


@dataclass(frozen=True)
class Columns:
    """Where in a row what stands: names, or numbers from 1, with which no header is skipped unless told."""

    text: str = "text"
    text2: str | None = None
    label: str | None = "label"
    split: str | None = None
    header: bool = False

    @property
    def wanted(self) -> list[str]:
        """The columns that every row must have."""
        return [name for name in (self.text, self.text2, self.label, self.split) if name]


@dataclass(frozen=True)
class Bad:
    """A row that cannot be used: where it stands and why."""

    where: str
    why: str


@dataclass(frozen=True)
class Table:
    """Labelled texts, with what else is told of each; `seconds` and `splits` are empty where there are none."""

    texts: list[str] = field(default_factory=list)
    seconds: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)

    def chosen(self, indices: Sequence[int]) -> Table:
        """The rows at `indices`, in that order."""
        texts, seconds, labels, splits, places = (
            [column[index] for index in indices] if column else []
            for column in (self.texts, self.seconds, self.labels, self.splits, self.places)
        )
        return Table(texts, seconds, labels, splits, places, self.bad)


def read_tables(paths: Sequence[Path], columns: Columns, *, encoding: str = "utf-8") -> Table:
    """The usable rows of all `paths`, in order, and the unusable ones in `bad`.

    Raises GenError for a missing file or column, for bytes that are not `encoding`, and when no row is left.
    """
    for option in ("text", "text2", "label", "split"):
        if getattr(columns, option) == "":
            raise GenError(f"{_option_of(option)} names no column. Give a name, or a number from 1.")
    table = Table()
    for path in paths:
        for place, row in _read_rows(path, columns, encoding):
            _add_row(table, place, row, columns)
    if not table.texts:
        seen = f" ({len(table.bad)} unusable rows; {table.bad[0].where}: {table.bad[0].why})" if table.bad else ""
        raise GenError(f"There is no labelled text in {', '.join(map(str, paths))}{seen}. Give a file with some.")
    return table


def _add_row(table: Table, place: str, row: Mapping[str, Any] | str, columns: Columns) -> None:
    """Sort one row among the usable or the bad ones; a string says what is wrong with it."""
    if isinstance(row, str):
        table.bad.append(Bad(place, row))
        return
    values = {name: _as_text(row.get(name)) for name in columns.wanted}
    why = next((f"its {name} is empty" for name in columns.wanted if not values[name].strip()), None)
    if why is None:
        why = next(
            (f"its {name} holds half a character" for name in columns.wanted if not is_whole(values[name])), None
        )
    split = PARTS.get(values[columns.split].strip().lower()) if columns.split else None
    if why is None and columns.split and split is None:
        why = f"its {columns.split} {values[columns.split]!r} is none of {', '.join(PARTS)}"
    if why:
        table.bad.append(Bad(place, why))
        return
    table.texts.append(values[columns.text])
    table.places.append(place)
    for column, known, into in (
        (columns.text2, values.get(columns.text2 or ""), table.seconds),
        (columns.label, values.get(columns.label or "", "").strip(), table.labels),
        (columns.split, split, table.splits),
    ):
        if column and known is not None:
            into.append(known)


def _as_text(value: Any) -> str:
    if isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))  # 1, 1.0 and true are one label, however the file was written
    return "" if value is None else str(value)


def _read_rows(path: Path, columns: Columns, encoding: str) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """(place, row by column name, or what is wrong with it) of one file, folder or hub name."""
    kind = kind_of(path)
    if path.is_dir() or (not kind and not path.exists() and HUB_NAME.fullmatch(str(path))):
        yield from _dataset_rows(path, columns)
        return
    if kind not in TABLES:
        if not path.exists():
            raise GenError(f"There is no file {path}. Check the path.")
        raise GenError(f"{path} is no table. Give a .csv, .tsv or .jsonl file, packed as .xz or .gz or not.")
    with opened(path, encoding) as file:
        rows = _json_rows(file, columns, path) if kind == ".jsonl" else _table_rows(file, columns, path, kind)
        for number, row in rows:
            yield f"{path.name}:{number}", row


def _json_rows(file: TextIO, columns: Columns, path: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    seen: dict[str, None] = {}
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            yield number, "it is no JSON object"
            continue
        seen |= dict.fromkeys(row)
        yield number, row
    _check_columns(columns, list(seen), path)


def _table_rows(file: TextIO, columns: Columns, path: Path, kind: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Rows of a table; quotes mean something in .csv only."""
    quoting: Any = csv.QUOTE_NONE if kind == ".tsv" else csv.QUOTE_MINIMAL
    reader = csv.reader(file, delimiter=DELIMITERS[kind], quoting=quoting)
    if "0" in columns.wanted:
        raise GenError("There is no column 0. Columns are counted from 1.")
    numbered = all(name.isdecimal() for name in columns.wanted)
    header = next(reader, []) if columns.header or not numbered else []
    if not header and not numbered:
        return  # an empty file, or one that begins with an empty line
    if header:
        _check_columns(columns, header + [str(place) for place in range(1, len(header) + 1)], path)
    places = {name: int(name) - 1 if name.isdecimal() else header.index(name) for name in columns.wanted}
    widest = 0
    for row in reader:
        widest = max(widest, len(row))
        if not row:
            continue
        if len(row) <= max(places.values()):
            yield reader.line_num, f"it has {len(row)} columns only"
        else:
            yield reader.line_num, {name: row[place] for name, place in places.items()}
    if not header and widest:
        _check_columns(columns, [str(place) for place in range(1, widest + 1)], path)


def _check_columns(columns: Columns, there: Sequence[str], path: Path) -> None:
    for option in ("text", "text2", "label", "split"):
        name = getattr(columns, option)
        if name and there and name not in there:
            raise GenError(
                f"{path} has no column {name!r} ({', '.join(there[:20])}). Choose one with {_option_of(option)}."
            )


def _option_of(field_name: str) -> str:
    return "--split-column" if field_name == "split" else f"--{field_name}"


def _dataset_rows(path: Path, columns: Columns) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Rows of a dataset saved by `save_to_disk`, or of the hub; names of class labels stand for their numbers."""
    for split, data in _load_dataset(path).items():
        present = {*data.column_names, *([columns.split] if columns.split and split else [])}
        _check_columns(columns, sorted(present), path)
        feature = data.features.get(columns.label) if columns.label else None
        names = getattr(feature, "names", None)
        for number, row in enumerate(data, 1):
            if names and columns.label and isinstance(row[columns.label], int):
                label = row[columns.label]
                row = {**row, columns.label: names[label] if 0 <= label < len(names) else None}
            if columns.split and columns.split not in row:
                row = {**row, columns.split: split}
            yield f"{path}{'/' if split else ''}{split}:{number}", row


def _load_dataset(path: Path) -> Mapping[str, Any]:
    """The splits of a dataset by name; the name of a dataset without splits is empty."""
    try:
        import datasets
    except ImportError as error:
        raise GenError(
            "Reading datasets needs another package. pip install 'gen-engine-classify[datasets]'."
        ) from error

    name, _, configuration = str(path).partition(":")
    try:
        found = (
            datasets.load_from_disk(str(path)) if path.is_dir() else datasets.load_dataset(name, configuration or None)
        )
    except (OSError, ValueError) as error:
        what = (
            "no folder of a saved dataset" if path.is_dir() else "neither a file nor a dataset of the hub within reach"
        )
        raise GenError(f"{path} is {what}. Check it, or give a .csv, .tsv or .jsonl file.") from error
    return found if isinstance(found, dict) else {"": found}
