"""The head of BERT+FC in int8; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gen_engine.compiled.arithmetic import Array
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_nextchar.fc.shape import SHAPE
from gen_nextchar.int8_layers import Arrays, Int8Kind, Reading, linear


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


def make_head(settings: Any, found: Arrays, output: tuple[Stage, ...]) -> Int8Fc:
    """The two layers, and the output."""
    return Int8Fc(Int8Stages((Stage(linear(found, "first"), settings.activation), *output)))


KIND = Int8Kind(SHAPE, make_head, before_sep=lambda settings: not settings.bare)
"""BERT+FC, computed in int8."""
