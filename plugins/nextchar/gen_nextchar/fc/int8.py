"""The head of BERT+FC in int8; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gen_engine.compiled.arithmetic import ACTIVATIONS, Array
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_nextchar.fc.shape import SHAPE
from gen_nextchar.int8_layers import Arrays, Int8Kind, Reading, Source, affine, linear


@dataclass(frozen=True, eq=False)
class Int8Fc:
    """Two linear layers on the state at the place of the prediction, or on the pooled state."""

    stages: Int8Stages
    reads_all: bool = False

    @property
    def columns(self) -> int:
        return self.stages.columns

    def read(self, reading: Reading) -> tuple[Array, Sequence[Any]]:
        """The logits [wanted places, vocab]; nothing is remembered."""
        pooled = reading.pooled_rows
        return self.stages(reading.states if pooled is None else pooled), [None] * len(reading.counts)


def make_head(settings: Any, source: Source, output: tuple[Stage, ...]) -> Int8Fc:
    """The two layers, and the output."""
    return Int8Fc(Int8Stages((Stage(linear(source, "first"), settings.activation), *output)))


def exact_head(settings: Any, found: Arrays, states: Array, pooled: Array | None, place: int) -> Array:
    """The two layers in float32."""
    return ACTIVATIONS[settings.activation][1](affine(states[:, place] if pooled is None else pooled, found, "first"))


KIND = Int8Kind(SHAPE, make_head, exact_head, before_sep=lambda settings: not settings.bare)
"""BERT+FC, computed in int8."""
