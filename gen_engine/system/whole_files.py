"""Small files that are written whole or not at all, and edited by one process at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import GenError


def write_whole(path: Path, text: str, remedy: str) -> None:
    """Write a file whole or not at all, with the permissions that it has; a link stays, and its file is written.

    Raises GenError, which ends in `remedy`, if it cannot be written.
    """
    import tempfile

    real = Path(os.path.realpath(path))
    with _refusing(path, remedy):
        real.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name[:40]}", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.chmod(beside, real.stat().st_mode & 0o7777 if real.exists() else 0o644)
            os.replace(beside, real)
        except BaseException:
            os.unlink(beside)
            raise


@contextmanager
def edited_alone(path: Path, remedy: str) -> Iterator[None]:
    """Inside, no other process that asks for the same is editing the file; others wait. A killed one leaves no lock.

    Raises GenError, which ends in `remedy`, if there can be no lock beside the file.
    """
    real = Path(os.path.realpath(path))
    lock = real.with_name(f".{real.name[:40]}.lock")
    with _refusing(path, remedy):
        real.parent.mkdir(parents=True, exist_ok=True)
        number = held(lock, waits=True)
    try:
        yield
    finally:
        with suppress(OSError):  # a Windows does not delete what is open
            lock.unlink(missing_ok=True)
        os.close(number)


@contextmanager
def _refusing(path: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise GenError(f"{path} cannot be written ({problem.strerror}); {remedy}.") from problem


def held(path: Path, *, waits: bool) -> int:
    """A descriptor of the lock file, locked. It is that of the file of this name: an old one may just be deleted.

    Raises BlockingIOError if another process has it, unless this `waits`.
    """
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(number, waits)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(number), path.stat()):
                    return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def _lock(number: int, waits: bool) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        way = msvcrt.LK_LOCK if waits else msvcrt.LK_NBLCK  # type: ignore[attr-defined, unused-ignore]
        try:
            msvcrt.locking(number, way, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError as problem:
            raise BlockingIOError from problem
        return
    fcntl.flock(number, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
