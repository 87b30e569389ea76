"""Texts from files, for trainers and evaluators: plain lines, columns of tables, splits of `datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gen_engine.errors import GenError, quoted
from gen_engine.system.text_files import TABLES, kind_of, opened, plain_lines, text_flaw
from gen_trainkit.saved_datasets import choose_splits, is_dataset
from gen_trainkit.tables import Choose, Reading, Row, read_rows
from gen_trainkit.tally import Tally

TRAINING = ("train",)
VALIDATION = ("valid",)
HELD_OUT = ("test", "valid")
"""The splits that are read where none is named: the first of these that exists."""

PLAIN = Reading()


def read_texts(
    paths: Sequence[Path],
    *,
    column: str | None = None,
    encoding: str = "utf-8",
    reading: Reading | None = None,
    splits: Sequence[str] = TRAINING,
    part: str | None = None,
    tally: Tally | None = None,
) -> list[str]:
    """The non-empty texts of all `paths`, in order.

    `.jsonl` gives the field and `.csv`/`.tsv` the column named `column` ("text" by default). A `datasets` folder gives
    that column of the splits named `part`, or else of the first of `splits` that exists. Other files give their lines.
    `.xz` and `.gz` are unpacked. A BOM is dropped.

    Raises GenError for a missing file, field or column, and for a cell that is no text or not in `encoding`. Quotes
    that do not close and an empty result raise it too.
    """
    tally = Tally() if tally is None else tally
    reading = reading or Reading(encoding)
    texts = []
    for path in paths:
        for (text,) in read_cells(path, [column or "text"], reading, splits=splits, part=part, tally=tally):
            if text.strip():
                texts.append(text)
            else:
                tally.empty += 1
    tally.used += len(texts)
    if not texts:
        raise GenError(f"There is no text in {', '.join(map(str, paths))}. Give a file with at least one.")
    return texts


def read_file(path: Path, *, column: str | None = None, encoding: str = "utf-8") -> Iterator[str]:
    """The texts of one file, empty ones included; see `read_texts`."""
    return (text for (text,) in read_cells(path, [column or "text"], Reading(encoding)))


def read_cells(
    path: Path,
    columns: Sequence[str],
    reading: Reading = PLAIN,
    *,
    splits: Sequence[str] = TRAINING,
    part: str | None = None,
    tally: Tally | None = None,
    second: str = "--column",
) -> Iterator[tuple[str, ...]]:
    """The texts of each row in `columns`, empty ones included; of plain lines, the line. See `read_texts`.

    `second` is the option that chose the second column, for errors.
    """
    tally = Tally() if tally is None else tally
    rows: Iterator[Row]
    named = {name: "--column" if name == columns[0] else second for name in columns}
    if has_columns(path):
        rows = read_rows(path, named, reading, choose=choosing(path, splits, part, tally))
    else:
        rows = _lines(path, reading)
        columns, named = [""], {"": "--column"}
    for row in tally.seen(rows):
        yield tuple(_text(row, name, path, option=named[name]) for name in columns)


def choosing(path: Path, usually: Sequence[str], part: str | None, tally: Tally) -> Choose:
    """A function that chooses among the splits of `path` and notes the choice in `tally`; see `choose_splits`."""

    def choose(names: Sequence[str]) -> Sequence[str]:
        chosen = choose_splits(names, part, usually=usually, path=path)
        if names:
            tally.remark(f"{path}: rows of {' and '.join(chosen)}, of the splits {', '.join(names)}.")
        return chosen

    return choose


def has_columns(path: Path) -> bool:
    """Whether a file is a table, or a folder a dataset."""
    return kind_of(path) in TABLES or is_dataset(path)


def _lines(path: Path, reading: Reading) -> Iterator[Row]:
    with opened(path, reading.encoding) as file:
        for number, line in enumerate(plain_lines(file, str(path)), 1):
            yield Row(f"{path.name}:{number}", {"": line.rstrip("\r\n")})


def _text(row: Row, name: str, path: Path, *, option: str) -> str:
    """The text in a cell of the column that `option` chose; GenError says what is wrong with a row that has none."""
    number = row.place.rpartition(":")[2]
    if row.flaw == "it is no JSON object":
        raise GenError(f"Line {number} of {path} is no JSON object. Mend it, or give the file another suffix.")
    if row.flaw:
        raise GenError(f"Line {number} of {path} cannot be used: {row.flaw}. Mend it, or choose another {option}.")
    if name not in row.cells:
        there = ", ".join(row.cells)
        raise GenError(f"Line {number} of {path} has no field {quoted(name)} ({there}). Choose one with {option}.")
    flaw = text_flaw(row.cells[name])
    if flaw:
        other = f", or choose another {option}" if name else ""
        raise GenError(f"Line {number} of {path} holds {flaw}. Mend or remove it{other}.")
    return row.cells[name] or ""
