"""GPT-2 in plain torch over preallocated key/value slots; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from gen_engine.models.dtype import choose_dtype
from gen_engine.models.kernels import kernel_of
from gen_engine.models.tokenizer import FolderTokenizer, load_tokenizer
from gen_engine.models.window import in_last_window, leading_tokens, window, with_earlier_windows
from gen_gpt2.attention import FEW, Reading, plan_attention
from gen_gpt2.kv_cache import Move, Row, Slots, settle
from gen_gpt2.shape import Shape, read_shape
from gen_gpt2.weights import Weights, layers_with, make_layers, read_tensors


@dataclass(frozen=True, eq=False)
class GPT2:
    """A GPT-2 as a `LanguageModel`; `dtype_reason` says why it computes in `dtype`."""

    name: str
    dtype: str
    dtype_reason: str
    positions: int | None
    reproducible: bool
    tokenizer: FolderTokenizer
    shape: Shape
    weights: Weights

    @property
    def rewinds(self) -> bool:
        """Cutting a row back keeps the keys and values of its remaining tokens."""
        return True

    @property
    def verifies(self) -> int:
        """So few new tokens of a row attend one after the other, as if they were read one by one."""
        return FEW

    def open(self, capacity: int) -> Slots:
        """An empty cache; it grows by itself, so `capacity` is only a hint."""
        del capacity
        return Slots(self.shape.layers, self.shape.heads, self.shape.width)

    @torch.inference_mode()
    def feed(
        self,
        cache: Slots,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Tensor:
        """Logits [sum(last), vocab] after the last tokens of each row; see `LanguageModel.feed`."""
        if not parents:
            settle(cache, [])
            return torch.empty(0, self.weights.columns)
        sources = [cache.rows[parent] if parent >= 0 else None for parent in parents]
        rows = [
            [*(source.tokens[:kept] if source else ()), *new]
            for source, kept, new in zip(sources, keep, tokens, strict=True)
        ]
        leading = leading_tokens(self.tokenizer.vocabulary, rows, pinned)
        moves = [self._move(cache, *row) for row in zip(sources, keep, rows, leading, strict=True)]
        settle(cache, moves)
        last = last or [1] * len(moves)
        wanted = [self._in_last_window(*row) for row in zip(rows, last, leading, strict=True)]
        logits = self._logits(*_lay_out(moves, wanted))
        found: Tensor = with_earlier_windows(self, logits, rows, last, wanted, pinned)
        return found

    def _in_last_window(self, tokens: list[int], last: int, leading: int) -> int:
        return 1 if last == 1 else in_last_window(len(tokens), last, self.positions, leading)

    def _move(self, cache: Slots, source: Row | None, keep: int, tokens: list[int], leading: int) -> Move:
        """The new row of `tokens`, and how many of its parent's keys and values it can reuse."""
        view = window(len(tokens), self.positions, leading)
        kept = 0
        if source is not None and source.window == view and keep > view.start:
            kept = view.count(keep)
        row = Row(tokens, view, cache.pool_for(view.count(len(tokens))), -1)
        return Move(row, source, kept)

    def _logits(self, ids: list[int], places: list[int], readings: list[Reading], ends: list[int]) -> Tensor:
        """Run the blocks over the new tokens of all rows, and the head over those whose logits are wanted."""
        weights, epsilon = self.weights, self.shape.epsilon
        size = (self.shape.size,)
        attend = plan_attention(readings, self.shape.heads, self.shape.width)
        hidden = F.embedding(torch.tensor(ids), weights.tokens)
        hidden = hidden.add_(F.embedding(torch.tensor(places), weights.positions))  # [tokens, size]
        for layer, block in enumerate(weights.blocks):
            read = block.attend(torch.layer_norm(hidden, size, *block.norm_1, epsilon))
            attended = attend(read, layer, self.shape.scales[layer]).to(hidden.dtype)
            hidden = block.project(attended).add_(hidden)
            inner = block.expand(torch.layer_norm(hidden, size, *block.norm_2, epsilon))
            hidden = block.contract(inner).add_(hidden)
        if ends != list(range(len(hidden))):
            hidden = hidden.index_select(0, torch.tensor(ends))
        return weights.head(torch.layer_norm(hidden, size, *weights.norm, epsilon)).float()


def _lay_out(moves: Sequence[Move], wanted: Sequence[int]) -> tuple[list[int], list[int], list[Reading], list[int]]:
    """The new tokens of all rows in the order of their slots: ids, positions, their rows, and the wanted ones."""
    ids: list[int] = []
    places: list[int] = []
    readings: list[Reading] = []
    ends = [0] * len(moves)
    for i in sorted(range(len(moves)), key=lambda i: (moves[i].row.pool.capacity, moves[i].row.slot)):
        row, kept = moves[i].row, moves[i].kept
        new = row.window.read(row.tokens)[kept:]
        readings.append(Reading(row, len(ids), len(new), kept))
        ids += new
        places += range(kept, kept + len(new))
        ends[i] = len(ids)
    ends = [end - back for end, count in zip(ends, wanted, strict=True) for back in range(count, 0, -1)]
    return ids, places, readings, ends


def load(folder: Path, *, name: str, dtype: str = "auto", fast: bool = False, why: str = "") -> GPT2:
    """The GPT-2 in `folder`. `fast` computes all rows together, even where they then depend on each other. `why` says
    why it does not compute in int8.

    Raises GenError if files are missing, damaged or do not belong together, or the variant is not supported.
    """
    shape = read_shape(folder)
    tensors = read_tensors(folder, shape)
    layers = layers_with(shape, len(tensors["wte.weight"]))
    kind, reason = choose_dtype(dtype, layers)
    with torch.inference_mode():
        weights = make_layers(tensors, shape, kind, fast=fast)
    return GPT2(
        name=name,
        dtype=str(kind).removeprefix("torch."),
        dtype_reason=f"{reason}; {why}" if why else reason,
        positions=shape.positions,
        reproducible=not fast or all(kernel_of(layer, kind).any_rows for layer in layers),
        tokenizer=load_tokenizer(folder, weights.columns),
        shape=shape,
        weights=weights,
    )
