"""Write files that must not be lost: beside their place, renamed when complete. Disk errors become one sentence."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from gen_engine.errors import GenError

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


@contextmanager
def stored(path: Path) -> Iterator[None]:
    """Inside, `path` is written; raises GenError with the remedy if the disk is full or refuses."""
    try:
        yield
    except OSError as error:
        raise _refusal(path, error.errno, error.strerror or str(error)) from error
    except SafetensorError as error:  # it gives the system's error in words only
        number = re.search(r"os error (\d+)", str(error))
        raise _refusal(path, int(number[1]) if number else None, str(error)) from error


def _refusal(path: Path, number: int | None, words: str) -> GenError:
    if number in FULL:
        return GenError(
            f"There is no room to write {path} ({os.strerror(number or 0)}); the last checkpoint is whole."
            " Make room, then go on with --resume."
        )
    return GenError(f"{path} cannot be written ({words}). Make it writable, or give another --out.")


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Inside, no other training may write into `folder`; raises GenError if one does.

    The system releases the lock when the process ends, however it ends. Where there are no such locks, there is no
    protection.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with stored(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GenError(f"Another training writes into {folder}. Wait for it, or give another --out.") from error
        yield


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` on success, else removed."""
    aside = path.with_name(f".writing-{path.name}")
    try:
        with stored(path):
            yield aside
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """An empty folder beside `final` to fill; flushed to disk and renamed to `final` on success, else removed.

    An existing folder `final` is replaced.
    """
    aside, old = (final.with_name(f".{state}-{final.name}") for state in ("writing", "old"))
    for leftover in (aside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        with stored(final):
            aside.mkdir(parents=True)
            yield aside
            _flush(aside)
            if final.exists():
                final.rename(old)
            aside.rename(final)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _flush(folder: Path) -> None:
    for path in [*folder.iterdir(), folder] if os.name == "posix" else ():  # elsewhere a folder cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
