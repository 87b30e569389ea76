"""Texts out of files: plain lines, CSV/TSV columns, JSONL fields; UTF-8 with or without BOM or another encoding."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from gen_engine.errors import GenError

PACKED = (".xz", ".gz")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TABLES = (".jsonl", *DELIMITERS)
"""The kinds of files that have columns, or fields."""


def kind_of(path: Path) -> str:
    """The suffix that says what a file is, packed or not: .jsonl of `a.jsonl.xz`."""
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def read_texts(paths: Sequence[Path], *, column: str | None = None, encoding: str = "utf-8") -> list[str]:
    """The non-empty texts of all `paths`, in order.

    `.jsonl` gives the field and `.csv`/`.tsv` the column named `column` ("text" by default), other files their lines;
    `.xz` and `.gz` are unpacked. A BOM is dropped. Raises GenError for a missing file, field or column, for bytes that
    are not `encoding`, and when nothing is left.
    """
    texts = [text for path in paths for text in read_file(path, column=column, encoding=encoding) if text.strip()]
    if not texts:
        raise GenError(f"There is no text in {', '.join(map(str, paths))}. Give a file with at least one.")
    return texts


def read_file(path: Path, *, column: str | None = None, encoding: str = "utf-8") -> Iterator[str]:
    """The texts of one file, empty ones included; see `read_texts`."""
    kind = kind_of(path)
    with opened(path, encoding) as file:
        if kind == ".jsonl":
            yield from _json_fields(file, column or "text", path)
        elif kind in DELIMITERS:
            yield from _columns(file, column or "text", DELIMITERS[kind], path)
        else:
            yield from (line.rstrip("\r\n") for line in file)


def is_whole(text: str) -> bool:
    """Whether `text` can be written: JSON may hold halves of characters (\\ud83d alone), which no tokenizer reads."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _unpacked(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """The unpacked text of `path`, a leading BOM dropped; raises GenError for all that is wrong with the file."""
    encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        with _unpacked(path) as raw:
            yield io.TextIOWrapper(raw, encoding=encoding, newline="")
    except FileNotFoundError as error:
        raise GenError(f"There is no file {path}. Check the path.") from error
    except IsADirectoryError as error:
        raise GenError(f"{path} is a folder. Name the files in it.") from error
    except (UnicodeError, LookupError) as error:
        raise GenError(f"{path} is not {encoding} text. Name its encoding, such as --encoding gb18030.") from error
    except csv.Error as error:
        raise GenError(f"{path} is no table ({error}). Mend it, or give the file another suffix.") from error
    except (lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise GenError(f"{path} cannot be unpacked. Fetch or pack it again.") from error


def _json_fields(file: TextIO, field: str, path: Path) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise GenError(f"Line {number} of {path} is not JSON. Mend it, or give the file another suffix.") from error
        if not isinstance(row, dict) or field not in row:
            there = ", ".join(row) if isinstance(row, dict) else "none"
            raise GenError(f"Line {number} of {path} has no field {field!r} ({there}). Choose one with --column.")
        text = "" if row[field] is None else str(row[field])
        if not is_whole(text):
            raise GenError(f"Line {number} of {path} holds half a character (a lone surrogate). Mend or remove it.")
        yield text


def _columns(file: TextIO, column: str, delimiter: str, path: Path) -> Iterator[str]:
    """One column of a table with a header line; `column` may also be a number from 1, which skips no header."""
    if delimiter == "\t":
        rows = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        rows = csv.reader(file, delimiter=delimiter)
    if column == "0":
        raise GenError("There is no column 0. Columns are counted from 1.")
    if column.isdecimal():
        place = int(column) - 1
    else:
        header = next(rows, [])
        if column not in header:
            raise GenError(f"{path} has no column {column!r} ({', '.join(header)}). Choose one with --column.")
        place = header.index(column)
    for number, row in enumerate(rows, 1):
        if row and len(row) <= place:
            raise GenError(f"Row {number} of {path} has {len(row)} columns. Choose another with --column.")
        if row:
            yield row[place]
