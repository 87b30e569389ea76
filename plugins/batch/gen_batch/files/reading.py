"""The requests of a file in their order: hashed block by block, and read only as fast as they are answered."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO, cast

from gen_engine.errors import GenError
from gen_engine.system.text_files import MARKS, what_binary

from .bounded import raw_lines
from .csv_rows import csv_entries, header_of, raw_rows, understanding
from .entries import Entry, Understand
from .json_lines import json_entries, understand_json
from .kinds import Kind, check_pyarrow
from .parquet import parquet_entries, understand_row
from .places import Place, reading

BLOCK, BLOCK_BYTES = 512, 1 << 20
"""Requests and bytes of a block, which is hashed and read ahead as one."""


@dataclass(frozen=True)
class Source:
    """A file of requests that is open: its entries, and what understands them."""

    entries: Iterator[Entry]
    understand: Understand


@contextmanager
def opened(place: Place, kind: Kind) -> Iterator[Source]:
    """The requests of a file from its beginning. Raises GenError if it is not of its kind, or cannot be unpacked."""
    with reading(place) as packed:
        file: Any = gzip.GzipFile(fileobj=packed, mode="rb") if kind.is_packed else packed
        with _unpacking(place):
            source = _source(file, place, kind)
        yield replace(source, entries=_told(source.entries, packed, place))


@contextmanager
def _unpacking(place: Place) -> Iterator[None]:
    """Inside, bytes of the file are unpacked. Raises GenError if they cannot be."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise GenError(f"{place.name} cannot be unpacked to its end; fetch or pack it again.") from problem


def _source(file: BinaryIO, place: Place, kind: Kind) -> Source:
    if kind.form == "parquet":
        check_pyarrow(place.name)
        return Source(parquet_entries(file, place.name), understand_row)
    lines = raw_lines(_checked(file, place))
    if kind.form == "jsonl":
        return Source(json_entries(lines), understand_json)
    rows = raw_rows(lines)
    names = header_of(rows, place.name)
    return Source(csv_entries(rows, names), understanding(names))


def _checked(file: Any, place: Place) -> BinaryIO:
    """The same file. Raises GenError if it begins like one of another kind or encoding."""
    found: Any = file if hasattr(file, "peek") else io.BufferedReader(file)
    head = found.peek(1 << 12)[: 1 << 12]
    what = what_binary(head)
    guess = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    if what:
        raise GenError(f"{place.name} is {what}, no text; give its name the right ending, or name another.")
    if guess != "utf-8":
        raise GenError(f"{place.name} is {guess} text; convert it, as in `iconv -f {guess.upper()} -t UTF-8`.")
    return cast("BinaryIO", found)


def _told(entries: Iterator[Entry], file: BinaryIO, place: Place) -> Iterator[Entry]:
    """The same entries, which tell how far the file has been read."""
    size = place.size
    while True:
        with _unpacking(place):
            entry = next(entries, None)
        if entry is None:
            return
        yield entry if entry.progress is not None or not size else replace(entry, progress=file.tell() / size)


@dataclass(frozen=True)
class Covered:
    """So many requests from the beginning of a file, and the hash of their bytes."""

    count: int = 0
    sha256: str = sha256().hexdigest()


@dataclass
class Blocks:
    """Entries in blocks. `covered` tells of all that have been read, so it runs ahead of what was handed out.

    A source that `waits`, such as a pipe, is read one by one: its writer may want an answer before it goes on.
    """

    source: Source
    waits: bool = False
    covered: Covered = Covered()
    digest: Any = field(default_factory=sha256)

    def __iter__(self) -> Iterator[Entry]:
        while block := list(self._block()):
            for entry in block:
                self.digest.update(len(entry.raw).to_bytes(8, "big") + entry.raw)
            self.covered = Covered(self.covered.count + len(block), self.digest.hexdigest())
            yield from block

    def _block(self) -> Iterator[Entry]:
        size = 0
        for entry in islice(self.source.entries, 1 if self.waits else BLOCK):
            yield entry
            size += len(entry.raw)
            if size >= BLOCK_BYTES:
                return


def covered(source: Source, count: int, tick: Callable[[Entry], None] = lambda _: None) -> Covered:
    """What the first `count` requests of a source amount to; fewer if it has no more."""
    digest, found = sha256(), 0
    for entry in islice(source.entries, count):
        digest.update(len(entry.raw).to_bytes(8, "big") + entry.raw)
        found += 1
        tick(entry)
    return Covered(found, digest.hexdigest())
