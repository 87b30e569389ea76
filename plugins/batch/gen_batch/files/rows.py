"""How answers are written: a record of the output as bytes, and whole records out of bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from gen_engine.errors import GenError

Record = Mapping[str, Any]

COLUMNS = ("id", "text", "error", "record")
"""The columns of a table of answers. `record` is the whole record in JSON; the others are shown out of it."""

LONGEST = 1 << 30
"""The most bytes of a record that is read again."""


@dataclass(frozen=True)
class Rows:
    """A way to write records one after the other: what stands before the first, a record as bytes, the whole records
    of a file (a torn last one is left out), and the record of such bytes.
    """

    head: bytes
    encode: Callable[[Record], bytes]
    whole: Callable[[BinaryIO], Iterator[bytes]]
    decode: Callable[[bytes], Record]


def json_line(record: Record) -> bytes:
    """A record as a line of JSON. Halves of characters, which UTF-8 does not have, are escaped."""
    text = json.dumps(record, ensure_ascii=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record).encode() + b"\n"


def csv_row(record: Record) -> bytes:
    """A record as a row of CSV: every cell in quotes, since a lone CR would need them, and LF at its end."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells(record).values())
    return out.getvalue().encode("utf-8", "replace")


def cells(record: Record) -> dict[str, str]:
    """The columns of a record. Several texts are joined by an empty line."""
    shown = ("\n\n".join(texts_of(record)), error_of(record))
    named = record.get("custom_id", record.get("id"))
    values = ("" if named is None else str(named), *shown, json_line(record)[:-1].decode())
    return dict(zip(COLUMNS, (each.replace("\0", "\ufffd") for each in values), strict=True))


def texts_of(record: Record) -> list[str]:
    """The texts that a record holds, in either shape."""
    body = _dict(_dict(record.get("response")).get("body"))
    parts = [_dict(each) for each in (*(record.get("texts") or ()), *(body.get("choices") or body.get("data") or ()))]
    found = [record.get("text"), *(each.get("text", _dict(each.get("message")).get("content")) for each in parts)]
    return [each for each in found if isinstance(each, str)]


def error_of(record: Record) -> str:
    """The sentence of a record's error; "" if it has a text."""
    response = _dict(record.get("response"))
    error = record.get("error") or _dict(response.get("body")).get("error")
    if error is None:
        return "" if int(response.get("status_code") or 200) < 400 else f"status {response['status_code']}"
    return str(_dict(error).get("message", error))


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST):
        if line.endswith(b"\n"):
            yield line


def _csv_rows(file: BinaryIO) -> Iterator[bytes]:
    """Rows with even quotes and their line end, without the header."""
    parts: list[bytes] = []
    quotes = 0
    for line in _lines(file):
        parts.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield b"".join(parts)
            parts, quotes = [], 0


def _decode_json(line: bytes) -> Record:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GenError("The output holds a line that is no record of ours; --fresh begins it anew.")
    return found


def _decode_csv(row: bytes) -> Record:
    try:
        csv.field_size_limit(LONGEST)
        found = next(csv.reader([row.decode("utf-8")], strict=True))
    except (ValueError, csv.Error):
        found = []
    if len(found) != len(COLUMNS):
        raise GenError("The output holds a row that is no record of ours; --fresh begins it anew.")
    return _decode_json(found[-1].encode())


JSON_LINES = Rows(b"", json_line, _lines, _decode_json)
CSV_ROWS = Rows((",".join(COLUMNS) + "\n").encode(), csv_row, _csv_rows, _decode_csv)
