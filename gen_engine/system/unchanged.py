"""Files that a long-running process reads again and again: what was made of one is kept until it changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import time_ns
from typing import TypeVar

from ..memory import Memory

Value = TypeVar("Value")

YOUNG = 2_000_000_000
"""Nanoseconds. Two writings within the clock of a file system look alike, so what was just written is not kept."""


def until_changed(read: Callable[[Path], Value]) -> Callable[[Path], Value]:
    """The same function of a file, which reads the file again only if it has changed; the eight last ones are kept.

    Errors are not kept. Whoever calls it must leave alone what it returns.
    """
    kept: Memory[tuple[object, ...], Value] = Memory(8)

    @wraps(read)
    def reading(path: Path) -> Value:
        stamp = _stamp(path)
        found = None if stamp is None else kept.get(stamp)
        if found is not None:
            return found
        value = read(path)
        if stamp is not None and stamp == _stamp(path):
            kept.put(stamp, value)
        return value

    return reading


def _stamp(path: Path) -> tuple[object, ...] | None:
    """What changes with a file; None if it is none, or was written just now."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode) or abs(time_ns() - max(found.st_mtime_ns, found.st_ctime_ns)) < YOUNG:
        return None
    return os.fspath(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
