"""Requests as rows of CSV: a header names the fields, and each row is a request."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gen_engine.errors import GenError, quoted
from gen_engine.system.bounds import LINE

from .bounded import RawLine, without_end
from .cells import fields_in
from .entries import Entry, Understood

COLUMNS = 1_000
"""The most columns of a table."""


OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What other programs write between cells instead of commas."""


@dataclass(frozen=True)
class RawRow:
    """A row, which may have several lines, and the number of its first line."""

    number: int
    content: bytes
    is_cut: bool = False


def raw_rows(lines: Iterable[RawLine], most: int = LINE) -> Iterator[RawRow]:
    """Lines joined into rows: a row ends where all of its quotes are closed. One over `most` bytes `is_cut`."""
    parts: list[bytes] = []
    first = size = quotes = 0
    for line in lines:
        first = line.number if not parts else first
        parts.append(line.content)
        size += len(line.content)
        quotes += 0 if line.is_cut else line.content.count(b'"')
        if quotes % 2 and size <= most and not line.is_cut:
            continue
        yield RawRow(first, b"".join(parts), is_cut=bool(quotes % 2) or line.is_cut)
        parts, size, quotes = [], 0, 0
    if parts:
        yield RawRow(first, b"".join(parts), is_cut=True)


def header_of(rows: Iterator[RawRow], name: str) -> tuple[str, ...]:
    """The names of the columns, from the first row. Raises GenError if there is none."""
    row = next((each for each in rows if each.content.strip()), None)
    if row is None:
        return ()
    try:
        found = _cells(row.content.decode("utf-8")) if not row.is_cut else []
    except (UnicodeDecodeError, csv.Error) as problem:
        raise GenError(f"The first row of {name} cannot be read ({problem}); save it as CSV in UTF-8.") from problem
    names = tuple(each.strip() for each in found)
    other = next((mark for mark in OTHERS if len(names) == 1 and mark in names[0]), "")
    if not names or other:
        what = f"has {OTHERS[other]} between its names" if other else f"has an open quote, or over {LINE:,} bytes"
        raise GenError(f"The first row of {name} {what}; save it as CSV with commas, in UTF-8.")
    twice = sorted({each for each in names if names.count(each) > 1})
    if not all(names) or twice or len(names) > COLUMNS:
        what = f"names {quoted(twice[0])} twice" if twice and twice[0] else "does not name all columns"
        raise GenError(f"The first row of {name} {what}; name each column by its field, such as id,command,prompt.")
    return names


def csv_entries(rows: Iterable[RawRow], names: Sequence[str]) -> Iterator[Entry]:
    """The requests among the rows: all that are not blank."""
    header = json.dumps(names, ensure_ascii=False).encode()
    for row in rows:
        where = f"Row at line {row.number:,}"
        if row.is_cut:
            flaw = f'{where} has an open quote, or over {LINE:,} bytes; write " within quotes twice.'
            yield Entry(header + row.content, where, flaw, line=row.number)
        elif raw := without_end(row.content).strip(b" \t"):
            yield Entry(header + raw, where, line=row.number)


def understand_csv(names: Sequence[str], entry: Entry) -> Understood:
    """The object of a row: a field for each cell that is not empty."""
    if entry.flaw:
        return {}, entry.flaw
    raw = entry.raw[len(json.dumps(names, ensure_ascii=False).encode()) :]
    try:
        cells = _cells(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return {}, f"{entry.where} is not UTF-8; convert it."
    except csv.Error as problem:
        return {}, f"{entry.where} is no CSV ({problem}); save the table again."
    if len(cells) > len(names):
        return (
            {},
            f"{entry.where} has {len(cells)} cells for {len(names)} columns; quote cells with a comma.",
        )
    return fields_in(dict(zip(names, cells, strict=False))), ""


understanding = partial(partial, understand_csv)
"""From the names of the columns to what understands a row."""


def _cells(row: str) -> list[str]:
    csv.field_size_limit(LINE)
    return next(csv.reader([row], strict=True), [])
