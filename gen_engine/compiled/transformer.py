"""The layers of a small transformer over int8 weights: in the compiled library, or the same in numpy."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import GenError
from .arithmetic import ACTIVATIONS, LANES, Array, F, exponential, folded_sum, normalise, quantise
from .library import (
    BlockPart,
    CallPart,
    NormPart,
    TransformerPart,
    address,
    library,
    linear_part,
    threads_for,
)
from .linear import Int8Linear
from .pages import PAGE, Pages

Norm = tuple[Array | None, Array | None]
"""Gains and shifts [size] of a layer normalisation; None is 1 or 0."""

PLAIN: Norm = (None, None)


@dataclass(frozen=True, eq=False)
class Int8Block:
    """One block. In a GPT-2 the gains and shifts before a layer are part of that layer."""

    attend: Int8Linear
    project: Int8Linear
    expand: Int8Linear
    contract: Int8Linear
    norm_1: Norm = PLAIN
    norm_2: Norm = PLAIN


@dataclass(frozen=True, eq=False)
class Int8Transformer:
    """A GPT-2 (`norm_first`) or a BERT; `left_only` says that no token sees those after it.

    `tokens` [vocab, size] and `places` [positions, size] are embeddings, float32. `scales` are those of the attention
    scores, by layer. Without a `head`, a call gives states instead of logits.
    """

    heads: int
    tokens: Array
    places: Array
    blocks: tuple[Int8Block, ...]
    scales: tuple[float, ...]
    epsilon: float
    activation: str
    norm_first: bool
    left_only: bool
    embedded: Norm = PLAIN
    last: Norm = PLAIN
    head: Int8Linear | None = None

    @property
    def size(self) -> int:
        return int(self.tokens.shape[1])

    @property
    def columns(self) -> int:
        """The numbers that a call gives for each wanted token."""
        return self.size if self.head is None else self.head.outputs

    @cached_property
    def products(self) -> int:
        """The products of the blocks for one token."""
        layers = [layer for b in self.blocks for layer in (b.attend, b.project, b.expand, b.contract)]
        return sum(layer.inputs * layer.outputs for layer in layers)

    @cached_property
    def pages(self) -> tuple[int, int, int]:
        """The layers, heads and width of the pages that it needs."""
        return len(self.blocks), self.heads, self.size // self.heads

    def step(self, call: Call) -> Array:
        """Logits [wanted, vocab] or states [wanted, size], float32, of the chosen tokens of a call.

        Raises GenError if there is no memory for it, or a token is none of the vocabulary.
        """
        if not len(call.chosen):
            return np.empty((0, self.columns), np.float32)
        if call.ids.min() < 0 or call.ids.max() >= len(self.tokens):  # the kernels would read beyond the table
            raise GenError(f"Tokens of this model are numbers from 0 to {len(self.tokens) - 1:,}; give no others.")
        chosen = library()
        if chosen is None:
            return reference_step(self, call)
        products = self.products * len(call.ids) + (self.head.inputs * self.columns if self.head else 0) * len(
            call.chosen
        )
        out = np.empty((len(call.chosen), self.columns), np.float32)
        part, held = call.part(out)
        failed = chosen.functions.gen_step(
            self._opened(chosen.functions), ctypes.byref(part), chosen.place, threads_for(products)
        )
        del held
        if failed:
            raise GenError(f"There is no memory for {len(call.ids):,} tokens at once; ask for fewer texts.")
        return out

    def _opened(self, functions: Any) -> int:
        """The model in the library, which is closed when this object goes."""
        if "_handle" not in self.__dict__:
            self.__dict__["_part"] = part = transformer_part(self)
            self.__dict__["_handle"] = handle = functions.gen_open(ctypes.byref(part))
            weakref.finalize(self, functions.gen_close, handle)
        handle = self.__dict__["_handle"]
        assert isinstance(handle, int)
        return handle


@dataclass(frozen=True, eq=False)
class Call:
    """New tokens of some rows; those of a row stand in order.

    `ids`, `places` (positions to embed), `rows` and `at` (keys of the row before the token) are [tokens].
    `lengths` are the keys of each row after the call, and `pages` their pages. `chosen` are the tokens whose results
    are wanted. Arrays are int32.
    """

    ids: Array
    places: Array
    rows: Array
    at: Array
    lengths: Array
    pages: Sequence[Sequence[int]]
    chosen: Array
    store: Pages

    def part(self, out: Array) -> tuple[CallPart, Any]:
        """The call for the library, which writes to `out`, and what must live as long as it."""
        most = max(map(len, self.pages))
        addresses, filler = self.store.addresses, [0] * most
        table = np.array(
            [[*map(addresses.__getitem__, pages), *filler[len(pages) :]] for pages in self.pages], np.uint64
        )
        arrays = (self.ids, self.places, self.rows, self.at, self.lengths, table, self.chosen, out)
        part = CallPart(len(self.ids), len(self.chosen), len(self.pages), most, *map(address, arrays))
        return part, arrays


def transformer_part(model: Int8Transformer) -> TransformerPart:
    """A model for the library; it keeps the model's arrays alive."""

    def norm(pair: Norm) -> NormPart:
        return NormPart(*map(address, pair))

    def block(one: Int8Block) -> BlockPart:
        layers = (one.attend, one.project, one.expand, one.contract)
        return BlockPart(norm(one.norm_1), norm(one.norm_2), *map(linear_part, layers))

    scales = np.array(model.scales, np.float32)
    part = TransformerPart(
        len(model.blocks),
        model.heads,
        model.size,
        model.blocks[0].expand.outputs if model.blocks else 1,
        len(model.tokens),
        len(model.places),
        model.norm_first,
        model.left_only,
        ACTIVATIONS[model.activation][0],
        model.epsilon,
        *map(address, (scales, model.tokens, model.places)),
        norm(model.embedded),
        norm(model.last),
        (BlockPart * max(1, len(model.blocks)))(*map(block, model.blocks)),
        linear_part(model.head),
    )
    part.held = scales, model
    return part


# ------------------------------------------------------------------------------------------------- the reference


def reference_step(model: Int8Transformer, call: Call) -> Array:
    """What the library computes, in numpy, to the last bit."""
    hidden = model.tokens[call.ids] + model.places[call.places]
    if not model.norm_first:
        hidden = normalise(hidden, model.epsilon, *model.embedded)
    for layer, block in enumerate(model.blocks):
        before = normalise(hidden, model.epsilon, *block.norm_1) if model.norm_first else hidden
        read = block.attend.reference(*quantise(before))
        attended = _attend(model, call, layer, read)
        hidden = block.project.reference(*quantise(attended), residual=hidden)
        if not model.norm_first:
            hidden = normalise(hidden, model.epsilon, *block.norm_1)
        before = normalise(hidden, model.epsilon, *block.norm_2) if model.norm_first else hidden
        inner = block.expand.reference(*quantise(before), activation=model.activation)
        hidden = block.contract.reference(*quantise(inner), residual=hidden)
        if not model.norm_first:
            hidden = normalise(hidden, model.epsilon, *block.norm_2)
    hidden = hidden[call.chosen]
    if model.norm_first:
        hidden = normalise(hidden, model.epsilon, *model.last)
    return hidden if model.head is None else model.head.reference(*quantise(hidden))


def _attend(model: Int8Transformer, call: Call, layer: int, read: Array) -> Array:
    """The attention of all new tokens, [tokens, size], from queries, keys and values [tokens, 3 * size]."""
    width = model.size // model.heads
    lanes = -(-width // LANES) * LANES
    queries, keys, values = read.reshape(len(read), 3, model.heads, width).transpose(1, 0, 2, 3)
    rows, at = call.rows.tolist(), call.at.tolist()
    for i, (row, place) in enumerate(zip(rows, at, strict=True)):
        page = call.store.array(call.pages[row][place // PAGE])[layer].reshape(model.heads, 2, PAGE * lanes)
        page[:, 0, : width * PAGE].reshape(model.heads, width, PAGE)[:, :, place % PAGE] = keys[i]
        page[:, 1].reshape(model.heads, PAGE, lanes)[:, place % PAGE, :width] = values[i]
    counts = call.at + 1 if model.left_only else call.lengths[call.rows]
    found = np.empty((len(read), model.heads, width), np.float32)
    for first in range(0, len(read), TOGETHER):
        some = slice(first, first + TOGETHER)
        most = -(-int(counts[some].max()) // PAGE)
        pages = [[*call.pages[row][:most], *[call.pages[row][0]] * most][:most] for row in rows[some]]
        stored = np.stack([call.store.array(page)[layer] for own in pages for page in own])
        stored = stored.reshape(-1, most, model.heads, 2, PAGE * lanes)
        known = stored[:, :, :, 0].reshape(-1, most, model.heads, lanes, PAGE)
        told = stored[:, :, :, 1].reshape(-1, most, model.heads, PAGE, lanes)[..., :width]
        found[some] = _mixed(queries[some], known, told, counts[some], F(model.scales[layer]))
    return found.reshape(len(read), -1)


TOGETHER = 64
"""How many tokens numpy attends for at once, as their keys are copied."""


def _mixed(queries: Array, keys: Array, values: Array, counts: Array, scale: Any) -> Array:
    """The attention of tokens, [tokens, heads, width], each over the first `counts` keys of its own.

    `keys` are [tokens, pages, heads, width, PAGE], `values` [tokens, pages, heads, PAGE, width].
    """
    tokens, pages, heads = keys.shape[:3]
    scores = np.zeros((tokens, pages, heads, PAGE), np.float32)
    for place in range(queries.shape[-1]):
        scores += queries[:, None, :, place, None] * keys[:, :, :, place]
    scores = (scores * scale).transpose(0, 2, 1, 3).reshape(tokens, heads, -1)
    scores = np.where(np.arange(pages * PAGE) < counts[:, None, None], scores, F(-np.inf))
    shares = exponential(scores - scores.max(-1, keepdims=True))
    by = F(1) / folded_sum(shares)
    mixed = np.zeros((tokens, heads, values.shape[-1]), np.float32)
    for place in range(int(counts.max())):  # the share of a key beyond the last is 0, which changes no bit
        mixed += shares[:, :, place, None] * values[:, place // PAGE, :, place % PAGE]
    return mixed * by[..., None]
