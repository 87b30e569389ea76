"""Linear layers of int8 weights: one scale for each output, packed in the tiles that the kernels read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import GenError
from .arithmetic import ACTIVATIONS, Array, F

TILE = 64
"""Inputs of a tile; it has 16 outputs."""

EXACT = 1024
"""So many products of bytes add up exactly in float32: 127 * 127 * 1024 < 2**24."""


MOST_INPUTS = 1 << 17
"""So many products of bytes add up in int32: 127 * 127 * 2**17 < 2**31."""


@dataclass(frozen=True, eq=False)
class Int8Linear:
    """`y = (x @ weight.T) * scales * (scale of x) + biases` for bytes x and weights [outputs, inputs].

    `tiles` int8 [blocks, tiles, 16, 16, 4] hold the weight of input 64 * t + 4 * r + j for output 16 * b + n at
    [b, t, r, n, j]. `scales`, `biases` (or None) and `corrections` are padded to whole blocks of 16.
    """

    outputs: int
    inputs: int
    tiles: Array
    scales: Array
    biases: Array | None
    corrections: Array

    @cached_property
    def _weights(self) -> Array:
        """The weights as float32 [inputs, outputs], for numpy's products."""
        weights = self.tiles.transpose(1, 2, 4, 0, 3).reshape(-1, len(self.tiles) * 16)
        return np.ascontiguousarray(weights[: self.inputs, : self.outputs], dtype=np.float32)

    def reference(self, rows: Array, scales: Array, activation: str = "none", residual: Array | None = None) -> Array:
        """What the kernels compute, [rows, outputs] float32, from bytes [rows, inputs] and their scales [rows]."""
        sums = np.zeros((len(rows), self.outputs), np.int32)
        for first in range(0, self.inputs, EXACT):
            part = slice(first, first + EXACT)
            sums += (rows[:, part].astype(np.float32) @ self._weights[part]).astype(np.int32)
        found = (sums.astype(np.float32) * self.scales[: self.outputs]) * scales[:, None]
        if self.biases is not None:
            found = found + self.biases[: self.outputs]
        found = ACTIVATIONS[activation][1](found)
        return found if residual is None else found + residual

    @property
    def arrays(self) -> Mapping[str, Array]:
        """Its arrays by name, to be stored."""
        return {"tiles": self.tiles, "scales": self.scales, "corrections": self.corrections} | (
            {} if self.biases is None else {"biases": self.biases}
        )


def quantise_linear(
    weight: Array, bias: Array | None = None, gains: Array | None = None, shifts: Array | None = None
) -> Int8Linear:
    """The int8 layer of float32 weights [outputs, inputs] and a bias [outputs].

    `gains` and `shifts` [inputs] are those of a layer normalisation before it. They become part of the weights and the
    bias, so that the layer's inputs are of one size and lose less when they are rounded.

    Raises GenError for more inputs than int32 can sum.
    """
    if weight.shape[1] > MOST_INPUTS:
        raise GenError(f"A layer of {weight.shape[1]:,} inputs cannot be computed in int8; choose another dtype.")
    bias = None if bias is None else bias.astype(np.float32)
    if shifts is not None:
        moved = np.zeros(len(weight))
        for column, shift in zip(weight.T, shifts.tolist(), strict=True):  # one after the other: the same everywhere
            moved += column.astype(np.float64) * shift
        bias = (moved if bias is None else moved + bias).astype(np.float32)
    if gains is not None:
        weight = weight * gains
    outputs, inputs = weight.shape
    largest = np.abs(weight).max(1)
    scales = np.where(largest > 1e-30, largest / F(127), F(1)).astype(np.float32)
    whole = np.zeros((-(-outputs // 16) * 16, -(-inputs // TILE) * TILE), np.int8)
    whole[:outputs, :inputs] = np.rint(weight / scales[:, None])
    tiles = whole.reshape(-1, 16, whole.shape[1] // TILE, 16, 4).transpose(0, 2, 3, 1, 4)
    return Int8Linear(
        outputs,
        inputs,
        np.ascontiguousarray(tiles),
        _padded(scales, len(whole)),
        None if bias is None else _padded(bias, len(whole)),
        whole.sum(1, dtype=np.int32) * np.int32(128),
    )


def _padded(values: Array, size: int) -> Array:
    return np.concatenate([values, np.zeros(size - len(values), values.dtype)])
