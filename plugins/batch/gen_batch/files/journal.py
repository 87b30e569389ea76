"""A file of records that is appended to, and is whole whenever the program is killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from gen_engine.errors import GenError
from gen_engine.system.underway import counted

from .rows import Rows, error_of

GROUP, SECONDS = 512, 1.0
"""After so many records, or seconds, what was written is forced onto the disk."""


@dataclass(frozen=True)
class Tally:
    """The records of a file, and how many of them are errors."""

    records: int = 0
    errors: int = 0


@dataclass
class Journal:
    """Appends records to a file. Each is with the operating system when `put` returns, and on the disk after `sync`."""

    name: str
    number: int  # the file descriptor
    size: int
    unsynced: int = 0
    synced: float = field(default_factory=time.monotonic)

    def put(self, row: bytes) -> None:
        """Append one record. If it does not fit, nothing of it is left. Raises GenError."""
        try:
            rest = memoryview(row)
            while rest:
                rest = rest[os.write(self.number, rest) :]
        except OSError as problem:
            os.ftruncate(self.number, self.size)
            raise GenError(
                f"{self.name} cannot be written ({problem.strerror}); make room, and run the same command again."
            ) from problem
        self.size += len(row)
        self.unsynced += 1
        if self.unsynced >= GROUP or time.monotonic() - self.synced >= SECONDS:
            self.sync()

    def sync(self) -> None:
        """Force what was written onto the disk."""
        if self.unsynced:
            os.fsync(self.number)
        self.unsynced, self.synced = 0, time.monotonic()


@contextmanager
def appending(path: Path, rows: Rows) -> Iterator[Journal]:
    """A journal at the end of a file, which is made with its head if it is not there or empty."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    journal = Journal(str(path), number, os.fstat(number).st_size)
    try:
        if not journal.size and rows.head:
            journal.put(rows.head)
        yield journal
        journal.sync()
    except BaseException:
        journal.sync()
        raise
    finally:
        os.close(number)


def mend(path: Path, rows: Rows) -> Tally:
    """Cut a torn last record off a file of ours. Returns what it holds; nothing if it is not there.

    Raises GenError if it holds something else.
    """
    if not path.exists():
        return Tally()
    with path.open("r+b") as file:
        head = file.read(len(rows.head))
        if head != rows.head:
            if not rows.head.startswith(head):
                raise GenError(f"{path} is no output of ours; name another file, or give --fresh to replace it.")
            file.truncate(0)
            return Tally()
        end, records, errors = len(head), 0, 0
        for row in counted(rows.whole(file), f"reading {path}"):
            records += 1
            errors += _is_error(row, rows, f"Record {records:,} of {path}")
            end += len(row)
        if end < os.fstat(file.fileno()).st_size:
            file.truncate(end)
            os.fsync(file.fileno())
    return Tally(records, errors)


def _is_error(row: bytes, rows: Rows, where: str) -> bool:
    try:
        return bool(error_of(rows.decode(row)))
    except GenError:
        raise GenError(f"{where} is none of ours; restore the file, or move it away.") from None


@contextmanager
def kept_rows(path: Path, rows: Rows) -> Iterator[Iterator[bytes]]:
    """The records of a mended file, as bytes."""
    file: BinaryIO
    with path.open("rb") as file:
        file.seek(len(rows.head))
        yield rows.whole(file)
