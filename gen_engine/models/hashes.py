"""A short hash of a model's files, so that results can say which weights wrote them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np

from ..text.array_files import kept

SUFFIXES = (".safetensors", ".json", ".txt", ".jinja")
"""The files that decide what a model writes: weights, settings and vocabularies."""

MOST = 256
"""How many hashes are kept, the most recently used ones."""


def weights_hash(*folders: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a model's weights and settings; "" without a folder.

    An adapter has two folders, its own and its base's. The hash is kept in the cache folder, and counts for the same
    paths, sizes and times of change. Raises OSError for files that cannot be read.
    """
    if not folders:
        return ""
    found = kept("hash", _key(folders), lambda: _digest(folders), names=("digest",), most=MOST)
    return found["digest"].tobytes().hex()


def _key(folders: tuple[Path, ...]) -> str:
    key = blake2b(digest_size=16)
    for file in _files(folders):
        told = file.stat()
        key.update(f"{os.path.realpath(file)}\0{told.st_size}\0{told.st_mtime_ns}\0".encode(errors="surrogatepass"))
    return key.hexdigest()


def _digest(folders: tuple[Path, ...]) -> Mapping[str, np.ndarray]:
    digest = sha256()
    for file in _files(folders):
        digest.update(file.name.encode(errors="surrogatepass"))
        with file.open("rb") as read:
            while part := read.read(1 << 20):
                digest.update(part)
    return {"digest": np.frombuffer(digest.digest()[:8], np.uint8)}


def _files(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        yield from (file for file in sorted(folder.glob("*")) if file.suffix in SUFFIXES and file.is_file())
