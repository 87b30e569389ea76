"""Parquet, read and written a group of rows at a time. pyarrow is imported only here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from math import isfinite
from typing import Any, BinaryIO

from gen_engine.errors import GenError, quoted, reason_of
from gen_engine.system.json_values import strict_json

from .entries import Entry, Understood

READ = 1_000
"""Rows that are taken out of a file at once."""

GROUP = 10_000
"""Rows of a group in the files that we write."""


def parquet_entries(file: BinaryIO, name: str) -> Iterator[Entry]:
    """The rows of a table. Raises GenError if it is no Parquet, or is damaged."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        _refuse_twins(table.schema_arrow.names, name)
        total, number = table.metadata.num_rows, 0
        for batch in table.iter_batches(batch_size=READ):
            for row in _plain_rows(batch, number, name):
                number += 1
                yield Entry(_raw(row), f"Row {number:,}", progress=number / total, line=number)
    except (pyarrow.ArrowException, OSError) as problem:
        raise GenError(f"{name} cannot be read as Parquet ({reason_of(problem)}); write it again.") from problem


def _refuse_twins(columns: Sequence[str], name: str) -> None:
    twice = next((each for each in columns if columns.count(each) > 1), None)
    if twice is not None:
        raise GenError(f"{name} has two columns {quoted(twice)}; name each by its field.")


def _plain_rows(batch: Any, before: int, name: str) -> list[dict[str, Any]]:
    """The rows of a batch that has `before` rows ahead of it. Raises GenError for values that Python has not, such as
    texts that are no UTF-8 and times of another age.
    """
    try:
        found: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError) as problem:
        raise GenError(
            f"Rows {before + 1:,} to {before + batch.num_rows:,} of {name} hold a value that cannot be read "
            f"({reason_of(problem)}); mend it, or leave its column out."
        ) from problem
    return found


def understand_row(entry: Entry) -> Understood:
    """The object of a row: a field for each value that is there."""
    found = json.loads(entry.raw)
    if isinstance(found.get("body"), str):
        with suppress(ValueError, RecursionError):  # whoever reads the body says what is wrong with it
            found["body"] = strict_json(found["body"])
    return found, ""


def write_table(rows: Iterable[Mapping[str, str]], names: Sequence[str], file: Any) -> None:
    """Write rows of texts as Parquet, in groups."""
    import pyarrow
    from pyarrow import parquet

    rest = iter(rows)
    schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    with parquet.ParquetWriter(file, schema, compression="zstd") as table:
        while group := list(islice(rest, GROUP)):
            columns = [[row[name] or None for row in group] for name in names]
            table.write_table(pyarrow.table(columns, schema=schema))


def texts_in(file: BinaryIO, column: str, name: str) -> Iterator[str]:
    """The texts of one column of a table. Raises GenError if there is no such column."""
    import pyarrow
    from pyarrow import parquet

    try:
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=READ, columns=[column]):
            if batch.num_columns != 1:
                break
            yield from batch.column(0).to_pylist()
        else:
            return
    except (pyarrow.ArrowException, OSError) as problem:
        raise GenError(f"{name} cannot be read as Parquet ({reason_of(problem)}); move it away.") from problem
    raise GenError(f"{name} has no column {column}, so it is none of our outputs; name another file.")


def _raw(row: Mapping[str, Any]) -> bytes:
    given = {name: value for name, each in row.items() if (value := _plain(each)) is not None}
    return json.dumps(given, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    """A value as JSON has it. A column of whole numbers with gaps holds floats, and NaN for a gap."""
    if isinstance(value, float):
        return (int(value) if value.is_integer() else value) if isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
