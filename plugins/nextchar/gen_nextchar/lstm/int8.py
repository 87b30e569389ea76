"""The head of BERT+LSTM in int8; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from gen_engine.compiled.arithmetic import Array, F, exponential, folded_sum, hyperbolic_tangent, normalise, sigmoid
from gen_engine.compiled.linear import Int8Linear
from gen_engine.compiled.recurrent import Int8Lstm, lanes_for, quantise_gates
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_engine.errors import GenError
from gen_nextchar.int8_layers import Arrays, Int8Kind, Reading, Source, affine, linear, norm, softmax
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


def make_head(settings: Any, source: Source, output: tuple[Stage, ...]) -> Int8LstmHead:
    """The LSTM, the attention over its outputs, and the output. GenError if it is to skip marks that are not there."""
    if settings.bare and settings.skip_special:
        raise GenError("A bare window has no [CLS] and [SEP] to skip. Set bare or skip_special to false.")
    attention = None
    if settings.attention:
        query, told = (
            Int8Stages((Stage(linear(source, *(f"attend.{name}" for name in names))),))
            for names in (("query",), ("key", "value"))
        )
        attention = Attention(query, told, norm(source, "attend.norm"))
    layers = tuple(_layer(source, layer) for layer in range(settings.layers))
    return Int8LstmHead(Int8Lstm(settings.hidden, layers), Int8Stages(output), attention, int(settings.skip_special))


def _layer(source: Source, layer: int) -> tuple[Int8Linear, Int8Linear]:
    """The layers for the input and for the last output."""
    weights, biases = ([f"lstm.{part}_{way}_l{layer}" for way in ("ih", "hh")] for part in ("weight", "bias"))
    hidden = source.shapes[weights[1]][1]
    wide = lanes_for(hidden)
    size = wide if layer else source.shapes[weights[0]][1]

    def read(found: Arrays) -> Int8Linear:
        return quantise_gates(found[weights[0]], size, found[biases[0]] + found[biases[1]])

    def told(found: Arrays) -> Int8Linear:
        return quantise_gates(found[weights[1]], wide)

    outputs = 4 * wide
    return (
        source.layer(weights[0], (outputs, size), read, bias=True),
        source.layer(weights[1], (outputs, wide), told, bias=False),
    )


def exact_head(settings: Any, found: Arrays, states: Array, pooled: Array | None, place: int) -> Array:
    """The LSTM and its attention in float32."""
    outputs = states[:, settings.skip_special : place + 1]
    for layer in range(settings.layers):
        ways = [[found[f"lstm.{part}_{way}_l{layer}"] for part in ("weight", "bias")] for way in ("ih", "hh")]
        gates = outputs @ ways[0][0].T + ways[0][1] + ways[1][1]
        hidden = cell = np.zeros((len(outputs), settings.hidden), np.float32)
        turns = []
        for turn in range(outputs.shape[1]):
            into, keep, candidate, give = np.split(gates[:, turn] + hidden @ ways[1][0].T, 4, 1)
            cell = sigmoid(keep) * cell + sigmoid(into) * hyperbolic_tangent(candidate)
            hidden = sigmoid(give) * hyperbolic_tangent(cell)
            turns.append(hidden)
        outputs = np.stack(turns, 1)
    last = outputs[:, -1]
    if settings.attention:
        query = affine(last, found, "attend.query")[:, :, None]
        scores = (affine(outputs, found, "attend.key") @ query)[..., 0] / F(sqrt(settings.hidden))
        mixed = (softmax(scores)[:, None] @ affine(outputs, found, "attend.value"))[:, 0]
        last = normalise(last + mixed, 1e-5, found["attend.norm.weight"], found["attend.norm.bias"])
    return last if pooled is None else np.concatenate([last, pooled], 1)


def reads_before_sep(settings: Any) -> bool:
    """Whether the LSTM's last output before [SEP] tells the next character."""
    return bool(settings.skip_special or settings.variable or settings.encoder.get("is_decoder"))


KIND = Int8Kind(SHAPE, make_head, exact_head, reads_before_sep)
"""BERT+LSTM, computed in int8."""
