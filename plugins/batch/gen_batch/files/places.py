"""Where files are: on this machine, behind a pipe, or at a URL that fsspec opens."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gen_engine.errors import GenError, reason_of
from gen_engine.system.bounds import open_file

PIPE = "-"
URL = re.compile(r"([a-z][a-z0-9+.-]*)(://|::)", re.IGNORECASE)
"""How a URL begins; `::` chains file systems."""


@dataclass(frozen=True)
class Place:
    """A file as it was named. `path` is set on this machine, `url` elsewhere; neither for a standard stream."""

    name: str
    path: Path | None = None
    url: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether it is, or will be, a file of this machine that can be read again and appended to."""
        return self.path is not None and (self.path.is_file() or not self.path.exists())

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be read again from its beginning."""
        return bool(self.url) or (self.path is not None and self.path.is_file())

    @property
    def size(self) -> int:
        """Its bytes; 0 if nobody knows."""
        try:
            return self.path.stat().st_size if self.path is not None and self.is_kept else 0
        except OSError:
            return 0


def place_of(name: str) -> Place:
    """The place that a user named: a path, a URL, or - for a standard stream."""
    if name == PIPE:
        return Place(name)
    found = URL.match(name)
    if found is None:
        return Place(name, Path(name))
    if found[1].lower() in ("file", "local") and found[2] == "://":
        return Place(name, Path(name[found.end() :]))
    return Place(name, url=name)


def are_same(one: Place, other: Place) -> bool:
    """Whether two names lead to one file."""
    if one.url or other.url:
        return one.url == other.url
    if one.path is None or other.path is None or not (one.is_kept and other.is_kept):
        return False
    try:
        return os.path.realpath(one.path) == os.path.realpath(other.path) or one.path.samefile(other.path)
    except (OSError, ValueError):
        return False


@contextmanager
def reading(place: Place) -> Iterator[BinaryIO]:
    """The bytes of a file from its beginning. Raises GenError if it cannot be opened."""
    if place.url:
        with _fetched(place, "rb") as file:
            yield file
    elif place.path is None:
        with _standard_input() as raw:
            yield raw
    else:
        try:
            opened = open_file(place.path)
        except (OSError, ValueError) as problem:
            raise GenError(_unreadable(place, problem)) from problem
        with opened:
            yield opened


def _standard_input() -> io.FileIO:
    """Standard input by a descriptor of its own, without a buffer.

    Python's own buffer is locked while a thread waits in it, and Python aborts if it cannot lock it at its end.
    """
    if sys.stdin is None:  # closed by the shell: <&-
        raise GenError("Standard input is closed; name a file instead.")
    return io.FileIO(os.dup(sys.stdin.fileno()))


def _unreadable(place: Place, problem: OSError | ValueError) -> str:
    number = problem.errno if isinstance(problem, OSError) else None
    if number == errno.ENOENT:
        return f"There is no file {place.name}. Check the path."
    if number == errno.EISDIR:
        return f"{place.name} is a folder. Name a file in it."
    return f"{place.name} cannot be read ({os.strerror(number) if number else problem}). Name another file."


@contextmanager
def writing(place: Place) -> Iterator[Any]:
    """A file at a URL, written from its beginning. Raises GenError if it cannot be."""
    with _fetched(place, "wb") as file:
        yield file


@contextmanager
def _fetched(place: Place, mode: str) -> Iterator[Any]:
    """A file that fsspec opens. What goes wrong with it is told by its name."""
    import fsspec

    try:
        opened = fsspec.open(place.url, mode).open()
    except ImportError as problem:
        raise GenError(f"{place.name} needs a package of its own ({reason_of(problem)}); install it.") from problem
    except (OSError, ValueError) as problem:
        verb = "read" if mode == "rb" else "written"
        raise GenError(f"{place.name} cannot be {verb} ({reason_of(problem)}); check the address.") from problem
    with opened:
        yield opened
