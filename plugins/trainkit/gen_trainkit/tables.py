"""Rows of tables, for all that trains, evaluates and classifies: CSV, TSV, JSONL, and `datasets`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gen_engine.errors import GenError, quoted
from gen_engine.system.text_files import DELIMITERS, TABLES, kind_of, opened
from gen_trainkit.csv_rows import Quotes, Record, csv_records
from gen_trainkit.saved_datasets import dataset_columns, is_dataset, load_splits

SPLIT_COLUMN = "--split-column"
"""The option of the column that the splits of a dataset can replace."""

Choose = Callable[[Sequence[str]], Collection[str]]
"""Chooses, from the names of a dataset's splits, those that are read."""


@dataclass(frozen=True)
class Reading:
    """How files are read: their encoding, whether numbered columns have a header, how broken quotes are treated.

    With `hub`, a name that is neither file nor folder is taken for a dataset on the hub.
    """

    encoding: str = "utf-8"
    header: bool = False
    quotes: Quotes = "check"
    hub: bool = False


@dataclass(frozen=True)
class Row:
    """One row: where it stands, its cells by column, and why it cannot be used, if so.

    `split` is that of a dataset with splits of its own; `lines` is how many lines the row takes in its file.
    """

    place: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    flaw: str = ""
    split: str = ""
    lines: int = 1
    mended: bool = False


def read_rows(
    path: Path, columns: Mapping[str, str], reading: Reading, *, choose: Choose | None = None
) -> Iterator[Row]:
    """The rows of one table; `columns` gives for each column the option that chose it, for errors.

    Of a dataset with its own splits, those that `choose` returns for their names are read, or all of them.

    A column is a name, or a number from 1 in a CSV or TSV. If all are numbers, no header is skipped unless
    `reading.header`. Raises GenError for files that are no table, for a missing column, and for broken quotes.
    """
    if is_dataset(path, hub=reading.hub):
        yield from _dataset_rows(path, columns, choose)
        return
    kind = kind_of(path)
    if kind not in TABLES and path.exists():
        raise GenError(f"{path} is no table. Give a .csv, .tsv or .jsonl file, packed as .xz or .gz or not.")
    with opened(path, reading.encoding) as file:
        rows = _json_rows(file, columns, path) if kind == ".jsonl" else _table_rows(file, columns, path, reading)
        yield from rows


def columns_in(path: Path, reading: Reading) -> list[str]:
    """The names of a table's columns, by its header, its first row or its features, and their numbers."""
    if is_dataset(path, hub=reading.hub):
        return dataset_columns(load_splits(path))
    with opened(path, reading.encoding) as file:
        if kind_of(path) == ".jsonl":
            first = next((line for line in file if line.strip()), "")
            return list(_json_object(first) or {})
        header = next(_records(file, path, reading), Record([], 1)).cells
        return header + [str(place) for place in range(1, len(header) + 1)]


def check_columns(columns: Mapping[str, str], there: Sequence[str], where: str) -> None:
    """Raise GenError for the first of `columns` that is not `there`."""
    for name, option in columns.items():
        if name not in there:
            shown = [each for each in there if not each.isdecimal()] or there
            raise GenError(f"{where} has no column {quoted(name)} ({', '.join(shown[:20])}). Choose one with {option}.")


def _json_rows(file: Iterator[str], columns: Mapping[str, str], path: Path) -> Iterator[Row]:
    seen: dict[str, None] = {}
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        row = _json_object(line)
        place = f"{path.name}:{number}"
        if row is None:
            yield Row(place, flaw="it is no JSON object")
            continue
        seen |= dict.fromkeys(row)
        yield Row(place, row)
    if seen:
        check_columns(columns, list(seen), str(path))


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _records(file: Iterator[str], path: Path, reading: Reading) -> Iterator[Record]:
    """Rows of a table; quotes have a meaning in .csv only."""
    kind = kind_of(path)
    if kind == ".csv":
        return csv_records(file, path, reading.quotes)
    mark = DELIMITERS[kind]
    lines = (line.rstrip("\r\n") for line in file)
    return (Record(line.split(mark) if line else [], number) for number, line in enumerate(lines, 1))


def _table_rows(file: Iterator[str], columns: Mapping[str, str], path: Path, reading: Reading) -> Iterator[Row]:
    records = _records(file, path, reading)
    if "0" in columns:
        raise GenError("There is no column 0. Columns are counted from 1.")
    numbered = all(name.isdecimal() for name in columns)
    header = next(records, Record([], 1)).cells if reading.header or not numbered else []
    if not header and not numbered:
        return  # an empty file, or one that begins with an empty line
    if header:
        check_columns(columns, header + [str(place) for place in range(1, len(header) + 1)], str(path))
    places = {name: int(name) - 1 if name.isdecimal() else header.index(name) for name in columns}
    widest = 0
    for record in records:
        widest = max(widest, len(record.cells))
        if not record.cells:
            continue
        place = f"{path.name}:{record.line}"
        if len(record.cells) <= max(places.values()):
            yield Row(place, flaw=f"it has {len(record.cells)} columns only", lines=record.lines)
        else:
            cells = {name: record.cells[at] for name, at in places.items()}
            yield Row(place, cells, lines=record.lines, mended=record.mended)
    if not header and widest:
        check_columns(columns, [str(place) for place in range(1, widest + 1)], str(path))


def _dataset_rows(path: Path, columns: Mapping[str, str], choose: Choose | None) -> Iterator[Row]:
    """Rows of a dataset. Numbers of class labels become names, and its splits replace a split column that it lacks."""
    splits = load_splits(path)
    names = [name for name in splits if name]
    chosen = choose(names) if choose else splits
    for split, data in ((name, splits[name]) for name in chosen):
        lacking = {name for name, option in columns.items() if split and option == SPLIT_COLUMN}
        lacking -= set(data.column_names)
        there = [name for name in columns if name not in lacking]
        check_columns({name: columns[name] for name in there}, data.column_names, str(path))
        known = {name: getattr(data.features[name], "names", None) for name in there}
        for number, row in enumerate(data.select_columns(there), 1):
            cells = {name: _named(value, known[name]) for name, value in row.items()} | dict.fromkeys(lacking, split)
            yield Row(f"{path}{'/' if split else ''}{split}:{number}", cells, split=split)


def _named(value: Any, names: Sequence[str] | None) -> Any:
    if not names or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
