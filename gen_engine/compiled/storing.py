"""Packed layers kept in the user's cache folder and mapped into memory, so that a model is packed once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ..text.array_files import kept
from .arithmetic import Array
from .linear import TILE, Int8Linear

FORMAT = 1
"""The version of what is packed: layers of another version are packed anew."""

MOST = 16
"""How many packed models are kept, the most recently used ones."""

FILES = ("*.json", "*.safetensors")
"""The files of a model folder that a packed model depends on."""


@dataclass(frozen=True, eq=False)
class Packed:
    """The arrays of a packed model by name."""

    arrays: Mapping[str, Array]

    def linear(self, name: str, outputs: int, inputs: int, *, bias: bool = True) -> Int8Linear:
        """A layer of these sizes, stored by `linear_arrays`."""
        tiles = self.arrays[f"{name}.tiles"].reshape(-(-outputs // 16), -(-inputs // TILE), 16, 16, 4)
        parts = [self.arrays[f"{name}.{part}"] for part in ("scales", "corrections")]
        return Int8Linear(outputs, inputs, tiles, parts[0], self.arrays[f"{name}.biases"] if bias else None, parts[1])

    def table(self, name: str, size: int) -> Array:
        """A table [rows, size]."""
        return self.arrays[name].reshape(-1, size)


def linear_arrays(name: str, layer: Int8Linear) -> dict[str, Array]:
    """A layer's arrays under names that begin with `name`."""
    return {f"{name}.{part}": array for part, array in layer.arrays.items()}


def packed_once(folder: Path, kind: str, make: Callable[[], Mapping[str, Array]]) -> Packed:
    """The packed model of a folder: from the cache, or made now and kept there.

    It is made again if a file of the folder changes: its name, size or times.
    """
    found = blake2b(f"{FORMAT} {kind} {folder.resolve()}".encode(), digest_size=16)
    for path in sorted(path for pattern in FILES for path in folder.glob(pattern) if path.exists()):
        told = os.stat(path)
        found.update(f"{path.name} {told.st_ino} {told.st_size} {told.st_mtime_ns} {told.st_ctime_ns}\n".encode())
    arrays = kept("weights", found.hexdigest(), lambda: {k: np.ravel(v) for k, v in make().items()}, most=MOST)
    return Packed(arrays)
