"""Linear layers of float32 rows by the compiled library: an output is one chain of fused multiply-adds, which begins
with the bias and takes the inputs in order. So a row has the same bits among any others, on any number of threads.

Weights that are bfloat16 in truth, as those of most checkpoints are, are kept as such. A step of few rows takes as long
as reading the weights, so it takes half the time then.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .arithmetic import Array
from .library import MOST_THREADS, Library, Pointer, address, library

BLOCK = 32
"""Weights are padded to whole blocks of so many outputs at most."""

ALIGNED = 64
"""Bytes of a line of the caches."""

PRODUCTS = 1 << 16
"""A thread more is worth it for so many products."""


class FloatPart(ctypes.Structure):
    """`FloatLinear` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("outputs", "inputs", "halved")),
        *((name, Pointer) for name in ("weights", "biases")),
    ]


@dataclass(frozen=True, eq=False)
class FloatLinear:
    """`y = x @ weight.T + biases` for weights [outputs, inputs], packed for one kernel of the library.

    `halved`: they are kept as bfloat16. `weights` are their bytes; `biases` are padded to whole blocks, or None.
    """

    outputs: int
    inputs: int
    halved: bool
    weights: Array
    biases: Array | None
    library: Library

    def multiply(self, rows: int, source: int, target: int, threads: int) -> None:
        """Compute `rows` rows of float32 inputs at the address `source` to outputs at `target`, without gaps."""
        members = min(threads, MOST_THREADS, 1 + rows * self.outputs * self.inputs // PRODUCTS)
        self.library.functions.gen_floats(self._address, rows, source, target, self.library.place, members)

    @cached_property
    def _part(self) -> FloatPart:
        return FloatPart(self.outputs, self.inputs, self.halved, address(self.weights), address(self.biases))

    @cached_property
    def _address(self) -> int:
        return ctypes.addressof(self._part)


def computes_floats() -> bool:
    """Whether the kernel to use computes layers of floats. One without fused products does not, nor does numpy."""
    chosen = library()
    return chosen is not None and bool(chosen.functions.gen_has_floats(chosen.place))


def pack_floats(weight: Array, bias: Array | None, threads: int) -> FloatLinear | None:
    """The layer of float32 weights [outputs, inputs] and a bias [outputs], packed on so many threads.

    None if there is no kernel for it.
    """
    chosen = library()
    if chosen is None or not computes_floats():
        return None
    weight = np.ascontiguousarray(weight, np.float32)
    outputs, inputs = weight.shape
    whole = -(-outputs // BLOCK) * BLOCK
    halved = is_bfloat16(weight)
    packed = _aligned(whole * inputs * (2 if halved else 4))
    padded = None if bias is None else np.concatenate([bias, np.zeros(whole - outputs, np.float32)], dtype=np.float32)
    layer = FloatLinear(outputs, inputs, halved, packed, padded, chosen)
    chosen.functions.gen_pack_floats(layer._address, address(weight), address(packed), chosen.place, threads)
    return layer


def is_bfloat16(weight: Array) -> bool:
    """Whether all of these float32 numbers are bfloat16: the lower halves of their bits are zero."""
    return not np.ascontiguousarray(weight, "<f4").reshape(-1).view("<u2")[::2].any()


def _aligned(size: int) -> Array:
    """So many bytes, which begin a line of the caches."""
    found = np.empty(size + ALIGNED, np.uint8)
    skipped = -found.ctypes.data % ALIGNED
    return found[skipped : skipped + size]
