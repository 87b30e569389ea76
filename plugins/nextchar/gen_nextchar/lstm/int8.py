"""The head of BERT+LSTM in int8; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from gen_engine.compiled.arithmetic import Array, F, exponential, folded_sum, normalise
from gen_engine.compiled.recurrent import Int8Lstm, quantise_lstm
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_engine.errors import GenError
from gen_nextchar.int8_layers import Arrays, Int8Kind, Reading, linear, norm
from gen_nextchar.lstm.shape import SHAPE


@dataclass(frozen=True, eq=False)
class Memory:
    """What is kept of a window: the LSTM's states [layers, 2, units], and for the attention the keys and values of its
    outputs [tokens, 2, hidden]."""

    states: Array
    told: Array | None


@dataclass(frozen=True, eq=False)
class Attention:
    """The computation of `OutputAttention`: the last output of an LSTM, plus its attention over all outputs."""

    query: Int8Stages
    told: Int8Stages  # keys and values
    norm: tuple[Array, Array]

    def mix(self, output: Array, query: Array, told: Array) -> Array:
        """The sum [hidden] for an output, its query, and the keys and values of all outputs up to it, in one fixed
        order."""
        scores = folded_sum(told[:, 0] * query) * F(1 / sqrt(len(query)))
        shares = exponential(scores - scores.max())
        mixed = folded_sum(told[:, 1].T * shares) * (F(1) / folded_sum(shares))
        return normalise(output + mixed, 1e-5, *self.norm)


@dataclass(frozen=True, eq=False)
class Int8LstmHead:
    """An LSTM over the states, from states of zero; the first `skipped` tokens of a window are not read."""

    lstm: Int8Lstm
    stages: Int8Stages
    attention: Attention | None
    skipped: int
    reads_all: bool = True

    @property
    def columns(self) -> int:
        return self.stages.columns

    def read(self, reading: Reading) -> tuple[Array, Sequence[Memory]]:
        """The logits [wanted places, vocab], and what is remembered of each window."""
        unread = [max(0, self.skipped - kept) for kept in reading.kept]
        counts = [count - skip for count, skip in zip(reading.counts, unread, strict=True)]
        firsts = np.cumsum([0, *reading.counts])[:-1]
        states = reading.states
        if any(unread):
            states = np.delete(
                states, [at + i for at, skip in zip(firsts, unread, strict=True) for i in range(skip)], 0
            )
        fresh = self.lstm.fresh(1)[0]
        memory = np.stack([fresh if known is None else known.states for known in reading.memories])
        outputs = self.lstm.read(states, counts, memory)
        told: Sequence[Array | None] = [None] * len(counts)
        starts = np.cumsum([0, *counts])[:-1]
        places = [
            start + place - max(kept, self.skipped)
            for start, kept, wanted in zip(starts, reading.kept, reading.wanted, strict=True)
            for place in wanted
        ]
        hidden = outputs[places]
        if self.attention is not None:
            told = self._tell(self.attention, reading, outputs, starts)
            hidden = self._attended(self.attention, reading, hidden, told)
        pooled = reading.pooled_rows
        logits = self.stages(hidden if pooled is None else np.concatenate([hidden, pooled], 1))
        return logits, [Memory(*each) for each in zip(memory, told, strict=True)]

    def _tell(self, attention: Attention, reading: Reading, outputs: Array, starts: Array) -> list[Array]:
        """The keys and values of all outputs of each window."""
        told = attention.told(outputs).reshape(len(outputs), 2, -1)
        return [
            part if known is None else np.concatenate([known.told, part])
            for known, part in zip(reading.memories, np.split(told, starts[1:]), strict=True)
        ]

    def _attended(self, attention: Attention, reading: Reading, hidden: Array, told: Sequence[Array | None]) -> Array:
        """The outputs at the wanted places, each with its attention over all up to it."""
        known = [
            each[: place + 1 - self.skipped]
            for each, wanted in zip(told, reading.wanted, strict=True)
            for place in wanted
            if each is not None
        ]
        parts = zip(hidden, attention.query(hidden), known, strict=True)
        return np.stack([attention.mix(*part) for part in parts])


def make_head(settings: Any, found: Arrays, output: tuple[Stage, ...]) -> Int8LstmHead:
    """The LSTM, the attention over its outputs, and the output. GenError if it is to skip marks that are not there."""
    if settings.bare and settings.skip_special:
        raise GenError("A bare window has no [CLS] and [SEP] to skip. Set bare or skip_special to false.")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layers = [[found[f"lstm.{name}_l{layer}"] for name in names] for layer in range(settings.layers)]
    attention = None
    if settings.attention:
        query, told = (
            Int8Stages((Stage(linear(found, *(f"attend.{name}" for name in names))),))
            for names in (("query",), ("key", "value"))
        )
        attention = Attention(query, told, norm(found, "attend.norm"))
    return Int8LstmHead(quantise_lstm(layers), Int8Stages(output), attention, int(settings.skip_special))


def reads_before_sep(settings: Any) -> bool:
    """Whether the LSTM's last output before [SEP] tells the next character."""
    return bool(settings.skip_special or settings.variable or settings.encoder.get("is_decoder"))


KIND = Int8Kind(SHAPE, make_head, reads_before_sep)
"""BERT+LSTM, computed in int8."""
