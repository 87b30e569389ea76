"""Labelled texts from tables: CSV, TSV and JSONL files, packed or not, `datasets` folders and hub names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gen_engine.errors import GenError
from gen_engine.system.text_files import text_flaw
from gen_trainkit.labels import label_text
from gen_trainkit.reading import choosing
from gen_trainkit.saved_datasets import PARTS
from gen_trainkit.tables import SPLIT_COLUMN, Reading, Row, read_rows
from gen_trainkit.tally import Bad, Tally

OPTIONS = {"text": "--text", "text2": "--text2", "label": "--label", "split": SPLIT_COLUMN}


@dataclass(frozen=True)
class Columns:
    """The columns of a table: names, or numbers from 1; with numbers no header is skipped unless told."""

    text: str = "text"
    text2: str | None = None
    label: str | None = "label"
    split: str | None = None
    header: bool = False

    @property
    def wanted(self) -> dict[str, str]:
        """The columns that every row must have, and the option that names each."""
        named = ((getattr(self, field), option) for field, option in OPTIONS.items())
        return {name: option for name, option in named if name}


@dataclass(frozen=True)
class Table:
    """Labelled texts, with what else is known of each; `seconds` is empty where there are none.

    `splits` gives the use of each row (train, valid, test), from a split column or from the split of the dataset that
    it is in. It is empty where neither is known.
    """

    texts: list[str] = field(default_factory=list)
    seconds: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def chosen(self, indices: Sequence[int]) -> Table:
        """The rows at `indices`, in that order."""
        texts, seconds, labels, splits, places = (
            [column[index] for index in indices] if column else []
            for column in (self.texts, self.seconds, self.labels, self.splits, self.places)
        )
        return Table(texts, seconds, labels, splits, places, self.bad, self.tally)


def read_tables(
    paths: Sequence[Path],
    columns: Columns,
    *,
    encoding: str = "utf-8",
    reading: Reading | None = None,
    part: str | None = None,
    usually: Sequence[str] | None = None,
) -> Table:
    """The usable rows of all `paths`, in order, and the unusable ones in `bad`.

    All splits of a dataset are read; or, with `usually`, the split that `part` names, else the first of `usually` that
    exists. Raises GenError for a missing file or column, for bytes that are not in `encoding`, for broken quotes, and
    when no row is left.
    """
    for name, option in OPTIONS.items():
        if getattr(columns, name) == "":
            raise GenError(f"{option} names no column. Give a name, or a number from 1.")
    reading = reading or Reading(encoding, columns.header, hub=True)
    table = Table()
    for path in paths:
        choose = choosing(path, usually, part, table.tally) if usually is not None else None
        for row in table.tally.seen(read_rows(path, columns.wanted, reading, choose=choose)):
            _add_row(table, row, columns)
    if not table.texts:
        seen = f" ({len(table.bad)} unusable rows; {table.bad[0].where}: {table.bad[0].why})" if table.bad else ""
        raise GenError(f"There is no labelled text in {', '.join(map(str, paths))}{seen}. Give a file with some.")
    if not any(table.splits):
        table.splits.clear()
    return table


def _add_row(table: Table, row: Row, columns: Columns) -> None:
    """Sort one row among the usable or the bad ones."""
    texts = {name: row.cells.get(name) for name in (columns.text, columns.text2) if name}
    label = label_text(row.cells.get(columns.label)) if columns.label else None
    why = row.flaw or _text_flaw(texts) or _label_flaw(row.cells, columns, label)
    split = row.split
    if columns.split and not why:
        given = str(row.cells.get(columns.split) or "")
        split = PARTS.get(given.strip().lower(), "")
        if not split:
            why = (
                f"its {columns.split} {given!r} is none of {', '.join(PARTS)}"
                if given.strip()
                else (f"its {columns.split} is empty")
            )
    if why:
        table.bad.append(Bad(row.place, why))
        return
    table.texts.append(texts[columns.text] or "")
    table.places.append(row.place)
    table.splits.append(split)
    if columns.text2:
        table.seconds.append(texts[columns.text2] or "")
    if label is not None:
        table.labels.append(label)


def _text_flaw(texts: Mapping[str, Any]) -> str:
    for name, value in texts.items():
        flaw = text_flaw(value)
        if flaw or not (value or "").strip():
            return f"its {name} " + (f"holds {flaw.removesuffix(' (a lone surrogate)')}" if flaw else "is empty")
    return ""


def _label_flaw(cells: Mapping[str, Any], columns: Columns, label: str | None) -> str:
    if not columns.label:
        return ""
    if isinstance(cells.get(columns.label), list | dict):
        return f"its {columns.label} is a list or an object"
    if not label:
        return f"its {columns.label} is empty"
    flaw = text_flaw(label).removesuffix(" (a lone surrogate)")
    return f"its {columns.label} holds {flaw}" if flaw else ""
