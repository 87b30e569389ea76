"""Arrays that are slow to compute, kept in the user's cache folder and recomputed if a file is not intact.

The cache is optional. If the folder cannot be read or written, or a file is damaged, foreign or of another version,
the arrays are computed afresh.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

VERSION = 2
"""The version of the file format and of the contents; it is part of the file names."""

MAGIC = b"gen-engine arrays\n"
"""The first bytes of a file; then come a checksum of the rest, the size of the head, the head and the arrays."""

ALIGNED = 64
"""Arrays begin at multiples of this many bytes."""

KINDS = frozenset(["|u1", "<u2", "<u4", "<i4", "<i8"])
"""The number types that a file may hold."""

Arrays = Mapping[str, np.ndarray]


def cache_folder() -> Path:
    """The folder for files that can be recomputed: `GEN_CACHE`, or the system's cache folder."""
    if folder := os.environ.get("GEN_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("gen-engine", appauthor=False)


def kept(name: str, key: str, make: Callable[[], Arrays], *, names: Collection[str] = ()) -> Arrays:
    """The arrays of this name stored under `key`, a hash of their inputs; if there are none, make and store them.

    Stored arrays are read-only. They must include the arrays in `names`.
    """
    path = cache_folder() / f"{name}-{VERSION}-{key}.arrays"
    found = _read(path, key)
    if found is None or not set(names) <= set(found):
        found = make()
        _write(path, key, found)
    return found


def _read(path: Path, key: str) -> Arrays | None:
    """The arrays of a file; None if it is missing, damaged or does not match the key."""
    try:
        data = path.read_bytes()
        summed, start = len(MAGIC) + 4, len(MAGIC) + 12
        checksum, size = (int.from_bytes(data[a:b], "little") for a, b in ((len(MAGIC), summed), (summed, start)))
        if not data.startswith(MAGIC) or start + size > len(data) or checksum != zlib.crc32(memoryview(data)[summed:]):
            return None
        head = json.loads(data[start : start + size])
        body = memoryview(data)[_aligned(start + size) :]
        if head["key"] != key or head["bytes"] != len(body):
            return None
        return {name: _array(body, *where) for name, where in head["arrays"].items()}
    except (OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError):
        return None  # the file is not as it was written


def _array(body: memoryview, kind: str, first: int, count: int) -> np.ndarray:
    if kind not in KINDS or first < 0 or count < 0:
        raise ValueError(kind)
    return np.frombuffer(body, dtype=kind, count=count, offset=first)


def _write(path: Path, key: str, arrays: Arrays) -> None:
    """Write a temporary file and rename it, so that no reader ever sees half a file. If that fails, write nothing."""
    where: dict[str, tuple[str, int, int]] = {}
    body = bytearray()
    for name, array in arrays.items():
        where[name] = array.dtype.newbyteorder("<").str, len(body), len(array)
        body += array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        body += bytes(_aligned(len(body)) - len(body))
    head = json.dumps({"key": key, "bytes": len(body), "arrays": where}).encode()
    rest = len(head).to_bytes(8, "little") + head
    rest += bytes(_aligned(len(MAGIC) + 4 + len(rest)) - len(MAGIC) - 4 - len(rest)) + body
    with suppress(OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + zlib.crc32(rest).to_bytes(4, "little") + rest)
            os.replace(beside, path)
        except OSError:
            os.unlink(beside)
            raise


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
