"""Arrays that are slow to compute, kept in the user's cache folder and recomputed if a file is not intact.

The cache is optional. If the folder cannot be read or written, or a file is damaged, foreign or of another version,
the arrays are computed afresh.
"""

from __future__ import annotations

import json
import mmap
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

KINDS = frozenset(["|u1", "|i1", "<u2", "<u4", "<i4", "<i8", "<f4"])
"""The number types that a file may hold."""

Arrays = Mapping[str, np.ndarray]


def cache_folder() -> Path:
    """The folder for files that can be recomputed: `GEN_CACHE`, or the system's cache folder."""
    if folder := os.environ.get("GEN_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("gen-engine", appauthor=False)


def kept(
    name: str, key: str, make: Callable[[], Arrays], *, names: Collection[str] = (), most: int | None = None
) -> Arrays:
    """The arrays of this name stored under `key`, a hash of their inputs; if there are none, make and store them.

    Stored arrays are read-only, of one dimension, and mapped into memory. They must include the arrays in `names`. At
    most `most` files of this name are kept (None: any number): the most recently used ones.
    """
    path = cache_folder() / f"{name}-{VERSION}-{key}.arrays"
    found = _read(path, key)
    if found is None or not set(names) <= set(found):
        found = make()
        _write(path, key, found)
        if most is not None:
            _prune(path, f"{name}-*.arrays", most)
    elif most is not None:
        with suppress(OSError):
            os.utime(path)
    return found


def _prune(path: Path, pattern: str, most: int) -> None:
    """Remove the least recently used files beside `path`, down to `most`."""
    with suppress(OSError):
        files = sorted(path.parent.glob(pattern), key=lambda file: file.stat().st_mtime_ns)
        for file in files[: max(0, len(files) - most)]:
            file.unlink(missing_ok=True)


def _read(path: Path, key: str) -> Arrays | None:
    """The arrays of a file; None if it is missing, damaged or does not match the key."""
    try:
        if not path.is_file():  # a pipe in its place would be waited for
            return None
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        summed, start = len(MAGIC) + 4, len(MAGIC) + 12
        checksum, size = (int.from_bytes(data[a:b], "little") for a, b in ((len(MAGIC), summed), (summed, start)))
        if data[: len(MAGIC)] != MAGIC or start + size > len(data) or checksum != zlib.crc32(data[summed:]):
            return None
        head = json.loads(bytes(data[start : start + size]))
        body = data[_aligned(start + size) :]
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
    size = 0
    for name, array in arrays.items():
        where[name] = array.dtype.newbyteorder("<").str, size, array.size
        size = _aligned(size + array.nbytes)
    head = json.dumps({"key": key, "bytes": size, "arrays": where}).encode()
    head = len(head).to_bytes(8, "little") + head
    head += bytes(_aligned(len(MAGIC) + 4 + len(head)) - len(MAGIC) - 4 - len(head))
    with suppress(OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + bytes(4) + head)
                checksum = zlib.crc32(head)
                for array in arrays.values():  # one by one, since they may be as large as the memory allows
                    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
                    for part in (plain.data, bytes(_aligned(plain.size) - plain.size)):
                        file.write(part)
                        checksum = zlib.crc32(part, checksum)
                file.seek(len(MAGIC))
                file.write(checksum.to_bytes(4, "little"))
            os.replace(beside, path)
        except OSError:
            os.unlink(beside)
            raise


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
