"""The texts to train on: one column, two columns joined, or one column of `first-second`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from gen_engine.errors import GenError, quoted
from gen_trainkit.csv_rows import Quotes
from gen_trainkit.holding_out import hold_out
from gen_trainkit.reading import has_columns, read_cells, read_texts
from gen_trainkit.tables import Reading
from gen_trainkit.tally import Tally

Longer = Literal["split", "cut", "drop"]
"""What to keep of a text that is too long: all in several windows, its beginning, or nothing."""


CONTEXT_END = "\0"
"""Separates a context from its text; readers never return it in a text."""


@dataclass(frozen=True)
class Data:
    """Where the texts come from, how two parts of one are joined, and how long a window may be.

    `context` names a column that is read before each text and not learnt: what is known of the text. `context_note` is
    a file that says how this column is written.
    """

    files: tuple[Path, ...]
    column: str | None = None
    column2: str | None = None
    context: str | None = None
    context_note: Path | None = None
    split_at: str | None = None
    separator: str = "，"
    ending: str = ""
    encoding: str = "utf-8"
    quotes: Quotes = "check"
    part: str | None = None
    valid_files: tuple[Path, ...] = ()
    valid_share: float | None = None
    max_length: int | None = None
    longer: Longer = "split"


def split_texts(data: Data, seed: int, tally: Tally | None = None) -> tuple[list[str], list[str]]:
    """(training texts, validation texts), counted by `tally`; see `hold_out`."""
    return hold_out(
        partial(_read, data, Tally() if tally is None else tally),
        data.files,
        valid_files=data.valid_files,
        valid_share=data.valid_share,
        part=data.part,
        seed=seed,
    )


def _read(data: Data, tally: Tally, files: Sequence[Path], splits: Sequence[str]) -> list[str]:
    """All non-empty texts of `files`, each followed by `data.ending` unless it already ends with it.

    With `data.context` each is preceded by its context and CONTEXT_END.
    """
    _check_asked(data)
    reading, part = Reading(data.encoding, quotes=data.quotes), None if files == data.valid_files else data.part
    second = data.context or data.column2
    if second is not None:
        columns = [data.column or "text", second]
        option = "--context" if data.context else "--column2"
        read = partial(read_cells, columns=columns, reading=reading, splits=splits, part=part, tally=tally)
        tables = {path: read(_table(path, option=option), second=option) for path in files}
        join = partial(_preceded, tally) if data.context else partial(_joined, data)
        texts = [text for path, rows in tables.items() for text in join(path, rows)]
        tally.used += len(texts)
        if not texts:
            raise GenError(f"There is no text in {', '.join(map(str, files))}. Give a file with at least one.")
    else:
        texts = read_texts(files, column=data.column, reading=reading, splits=splits, part=part, tally=tally)
    if data.split_at is not None:
        texts = [_rejoined(data, text) for text in texts]
    return [text if text.endswith(data.ending) else text + data.ending for text in texts]


def _check_asked(data: Data) -> None:
    """Raise GenError if two ways of joining texts are asked for together."""
    if data.column2 is not None and data.split_at is not None:
        raise GenError("Two columns and one that is split were both asked for. Give --column2 or --split-at.")
    if data.context is not None and (data.column2 is not None or data.split_at is not None):
        other = "--column2" if data.column2 is not None else "--split-at"
        raise GenError(f"--context and {other} were both asked for. Join the columns in the file, and give --context.")


def _table(path: Path, *, option: str) -> Path:
    """The same path; raises GenError if the file has no columns."""
    if path.exists() and not has_columns(path):
        raise GenError(f"{path} has lines and no columns. Give a .csv, .tsv or .jsonl, or leave out {option}.")
    return path


def _preceded(tally: Tally, _: Path, rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """The texts of a table, each after its context. A row without text is left out; one without context is kept."""
    for text, context in rows:
        if text.strip():
            yield context + CONTEXT_END + text
        else:
            tally.empty += 1


def _joined(data: Data, path: Path, rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """The texts `first SEPARATOR second` of a table; rows with both columns empty are left out."""
    for number, (first, second) in enumerate(rows, 1):
        first, second = first.strip(), second.strip()
        if bool(first) != bool(second):
            raise GenError(f"Row {number} of {path} has but one part, {quoted(first or second)}. Fill in or remove it.")
        if first:
            yield first + data.separator + second


def _rejoined(data: Data, text: str) -> str:
    """`first-second` as `first SEPARATOR second`."""
    parts = [part.strip() for part in text.split(data.split_at or "")] if data.split_at else []
    if len(parts) != 2 or not all(parts):
        raise GenError(
            f"{quoted(text)} is not two parts with one {quoted(data.split_at)} between. Mend it, or change --split-at."
        )
    return data.separator.join(parts)
