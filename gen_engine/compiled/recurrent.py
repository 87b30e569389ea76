"""An LSTM of int8 weights: in the compiled library, or the same in numpy.

Hochreiter and Schmidhuber (1997), "Long short-term memory". Gates and states are float32.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import GenError
from .arithmetic import LANES, Array, hyperbolic_tangent, quantise, sigmoid
from .library import LinearPart, Pointer, address, as_int32, library, linear_part, threads_for
from .linear import Int8Linear, quantise_linear

GATES = 4


class LstmLayerPart(ctypes.Structure):
    """`LstmLayer` of `source/types.h`."""

    _fields_ = [("input", LinearPart), ("hidden", LinearPart)]


class LstmPart(ctypes.Structure):
    """`LstmCall` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("layers", "inputs", "units", "tokens", "rows", "turns")),
        *((name, Pointer) for name in ("layer", "into", "starts", "order", "active", "states", "out")),
    ]


@dataclass(frozen=True, eq=False)
class Int8Lstm:
    """An LSTM `hidden` wide of (input, hidden) layers, whose outputs are padded to `units`, and stand as `interleaved`
    says.
    """

    hidden: int
    layers: tuple[tuple[Int8Linear, Int8Linear], ...]

    @property
    def units(self) -> int:
        return lanes_for(self.hidden)

    def fresh(self, rows: int) -> Array:
        """The states of rows that read nothing yet: outputs and cells, [rows, layers, 2, units] float32."""
        return np.zeros((rows, len(self.layers), 2, self.units), np.float32)

    def read(self, inputs: Array, counts: Sequence[int], states: Array) -> Array:
        """The last layer's outputs [tokens, hidden] for `inputs` [tokens, size], of which row i has the next
        `counts[i]`.

        `states` are those before the tokens, and become those after them. A row's results depend on that row alone.
        Raises GenError if there is no memory for it.
        """
        if not len(inputs):
            return np.empty((0, self.hidden), np.float32)
        out = np.empty((len(inputs), self.units), np.float32)
        chosen = library()
        if chosen is None:
            self._reference(inputs, counts, states, out)
        else:
            inputs = np.ascontiguousarray(inputs, np.float32)
            starts = as_int32([0, *np.cumsum(counts).tolist()])
            order = as_int32(sorted(range(len(counts)), key=lambda row: -counts[row]))
            turns = max(counts)
            active = as_int32([sum(count > turn for count in counts) for turn in range(turns)])
            arrays = (inputs, starts, order, active, states, out)
            sizes = (len(self.layers), inputs.shape[1], self.units, len(inputs), len(counts), turns)
            part = LstmPart(*sizes, ctypes.addressof(self._parts), *map(address, arrays))
            products = len(inputs) * sum(layer.inputs * layer.outputs for pair in self.layers for layer in pair)
            if chosen.functions.gen_lstm(ctypes.byref(part), chosen.place, threads_for(products)):
                raise GenError(f"There is no memory for {len(inputs):,} tokens at once; ask for fewer texts.")
        return out[:, : self.hidden]

    @cached_property
    def _parts(self) -> ctypes.Array[LstmLayerPart]:
        """The layers for the library."""
        return (LstmLayerPart * len(self.layers))(*(LstmLayerPart(*map(linear_part, pair)) for pair in self.layers))

    def _reference(self, inputs: Array, counts: Sequence[int], states: Array, out: Array) -> None:
        """What the library computes, in numpy, to the last bit."""
        starts = np.cumsum([0, *counts])[:-1]
        for number, (layer, hidden) in enumerate(self.layers):
            gates = layer.reference(*quantise(out if number else inputs))
            for turn in range(max(counts)):
                rows = [row for row, count in enumerate(counts) if count > turn]
                tokens = starts[rows] + turn
                outputs, cells = states[rows, number, 0], states[rows, number, 1]
                sums = gates[tokens] + hidden.reference(*quantise(outputs))
                into, keep, candidate, give = sums.reshape(len(rows), -1, GATES, LANES).transpose(2, 0, 1, 3)
                cells = sigmoid(keep) * cells.reshape(into.shape) + sigmoid(into) * hyperbolic_tangent(candidate)
                outputs = sigmoid(give) * hyperbolic_tangent(cells)
                states[rows, number, 0] = out[tokens] = outputs.reshape(len(rows), -1)
                states[rows, number, 1] = cells.reshape(len(rows), -1)


def quantise_lstm(layers: Sequence[Sequence[Array]]) -> Int8Lstm:
    """The int8 LSTM of float32 weights as torch has them: for each layer those of the input [4 * hidden, inputs] and of
    the last output [4 * hidden, hidden], and a bias for each."""
    hidden = layers[0][1].shape[1]
    wide = lanes_for(hidden)
    return Int8Lstm(
        hidden,
        tuple(
            (quantise_gates(read, wide if number else read.shape[1], bias + more), quantise_gates(told, wide))
            for number, (read, told, bias, more) in enumerate(layers)
        ),
    )


def quantise_gates(weight: Array, inputs: int, bias: Array | None = None) -> Int8Linear:
    """The layer of float32 weights [4 * hidden, ...] of the gates, whose inputs are filled up to `inputs`."""
    missing = np.zeros((len(weight), inputs - weight.shape[1]), weight.dtype)
    filled = np.concatenate([weight, missing], 1)
    return quantise_linear(interleaved(filled), None if bias is None else interleaved(bias))


def lanes_for(hidden: int) -> int:
    """`hidden` numbers padded to whole lanes."""
    return -(-hidden // LANES) * LANES


def interleaved(rows: Array) -> Array:
    """Rows [4 * hidden, ...] of the four gates as the kernels want them: 16 of each in turn, padded with zeros."""
    hidden = len(rows) // GATES
    gates = rows.reshape(GATES, hidden, -1)
    filled = np.concatenate([gates, np.zeros((GATES, -hidden % LANES, gates.shape[2]), rows.dtype)], 1)
    return filled.reshape(GATES, -1, LANES, gates.shape[2]).swapaxes(0, 1).reshape(-1, *rows.shape[1:])
