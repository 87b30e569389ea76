"""Linear layers of int8 weights one after the other: what stands on a transformer's states."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import GenError
from .arithmetic import ACTIVATIONS, Array, normalise, quantise
from .library import LinearPart, NormPart, Pointer, address, library, linear_part, threads_for
from .linear import Int8Linear


class StagePart(ctypes.Structure):
    """`Stage` of `source/types.h`."""

    _fields_ = [
        ("linear", LinearPart),
        ("norm", NormPart),
        *((name, ctypes.c_int32) for name in ("activation", "normalised")),
        ("epsilon", ctypes.c_float),
    ]


class StagesPart(ctypes.Structure):
    """`StagesCall` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("stages", "rows")),
        *((name, Pointer) for name in ("stage", "into", "out")),
    ]


@dataclass(frozen=True, eq=False)
class Stage:
    """A linear layer, the activation after it, and the gains and shifts of a normalisation after that, or None."""

    linear: Int8Linear
    activation: str = "none"
    norm: tuple[Array, Array] | None = None
    epsilon: float = 1e-5


@dataclass(frozen=True, eq=False)
class Int8Stages:
    """Stages that each read what the one before gives."""

    stages: tuple[Stage, ...]

    @property
    def columns(self) -> int:
        """The numbers that the last stage gives for a row."""
        return self.stages[-1].linear.outputs

    def __call__(self, rows: Array) -> Array:
        """The results [rows, columns], float32, for float32 rows [rows, inputs]. A row's depends on that row alone.

        Raises GenError if there is no memory for it.
        """
        chosen = library()
        if not len(rows):
            return np.empty((0, self.columns), np.float32)
        if chosen is None:
            return self.reference(rows)
        rows = np.ascontiguousarray(rows, np.float32)
        out = np.empty((len(rows), self.columns), np.float32)
        part = StagesPart(len(self.stages), len(rows), ctypes.addressof(self._parts), address(rows), address(out))
        products = len(rows) * sum(stage.linear.inputs * stage.linear.outputs for stage in self.stages)
        if chosen.functions.gen_stages(ctypes.byref(part), chosen.place, threads_for(products)):
            raise GenError(f"There is no memory for {len(rows):,} rows at once; ask for fewer texts.")
        return out

    @cached_property
    def _parts(self) -> ctypes.Array[StagePart]:
        """The stages for the library."""
        return (StagePart * len(self.stages))(*map(_part, self.stages))

    def reference(self, rows: Array) -> Array:
        """What the library computes, in numpy, to the last bit."""
        for stage in self.stages:
            rows = stage.linear.reference(*quantise(rows), activation=stage.activation)
            if stage.norm is not None:
                rows = normalise(rows, stage.epsilon, *stage.norm)
        return rows


def _part(stage: Stage) -> StagePart:
    norm = NormPart(*map(address, stage.norm or (None, None)))
    activation = ACTIVATIONS[stage.activation][0]
    return StagePart(linear_part(stage.linear), norm, activation, stage.norm is not None, stage.epsilon)
