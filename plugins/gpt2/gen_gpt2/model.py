"""GPT-2, run by plain torch over preallocated key/value slots; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from gen_engine.models.tokenizer import FolderTokenizer, load_tokenizer
from gen_engine.models.window import window
from gen_gpt2.attention import Reading, plan_attention
from gen_gpt2.kernels import choose_dtype, padded, padding
from gen_gpt2.slots import Move, Row, Slots, settle
from gen_gpt2.weights import Shape, Weights, read_layers, read_shape


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
    pad: tuple[int, int]

    def open(self, capacity: int) -> Slots:
        """An empty cache; it grows by itself, so `capacity` is only a hint."""
        del capacity
        return Slots(self.shape.layers, self.shape.heads, self.shape.width)

    @torch.inference_mode()
    def feed(
        self, cache: Slots, parents: Sequence[int], keep: Sequence[int], tokens: Sequence[Sequence[int]]
    ) -> Tensor:
        """Logits [rows, vocab] after the last token of each row; see `LanguageModel.feed`."""
        if not parents:
            settle(cache, [])
            return torch.empty(0, self.weights.columns)
        moves = [self._move(cache, *row) for row in zip(parents, keep, tokens, strict=True)]
        settle(cache, moves)
        order = sorted(range(len(moves)), key=lambda i: (moves[i].row.pool.capacity, moves[i].row.slot))
        ids: list[int] = []
        places: list[int] = []
        readings: list[Reading] = []
        last = [0] * len(moves)
        for i in order:
            row, kept = moves[i].row, moves[i].kept
            new = row.window.read(row.tokens)[kept:]
            readings.append(Reading(row, len(ids), len(new), kept))
            ids += new
            places += range(kept, kept + len(new))
            last[i] = len(ids) - 1
        return self._logits(ids, places, readings, last)

    def _move(self, cache: Slots, parent: int, keep: int, new: Sequence[int]) -> Move:
        """The new row, and how much of its parent's keys and values it can go on from."""
        source = cache.rows[parent] if parent >= 0 else None
        tokens = [*source.tokens[:keep], *new] if source is not None else list(new)
        view = window(len(tokens), self.positions, tokens[0] in self.tokenizer.vocabulary.specials)
        kept = 0
        if source is not None and source.window == view and keep > view.start:
            kept = view.count(keep)
        row = Row(tokens, view, cache.pool_for(view.count(len(tokens))), -1)
        return Move(row, source, kept)

    def _logits(self, ids: list[int], places: list[int], readings: list[Reading], last: list[int]) -> Tensor:
        """Run the blocks over the new tokens of all rows, and the head over the last of each."""
        count, weights, epsilon = len(ids), self.weights, self.shape.epsilon
        size = (self.shape.size,)
        extra = padded(count, self.pad) - count
        if extra:
            ids, places = ids + [0] * extra, places + [0] * extra
        attend = plan_attention(readings, self.shape.heads, self.shape.width)
        hidden = F.embedding(torch.tensor(ids), weights.tokens)
        hidden = hidden.add_(F.embedding(torch.tensor(places), weights.positions))  # [tokens, size]
        for layer, block in enumerate(weights.blocks):
            read = block.attend(torch.layer_norm(hidden, size, *block.norm_1, epsilon))
            attended = attend(read[:count] if extra else read, layer, self.shape.scales[layer]).to(hidden.dtype)
            if extra:
                attended = F.pad(attended, (0, 0, 0, extra))
            hidden = block.project(attended).add_(hidden)
            inner = block.expand(torch.layer_norm(hidden, size, *block.norm_2, epsilon))
            hidden = block.contract(inner).add_(hidden)
        ends = last + [0] * (padded(len(last), self.pad) - len(last))
        if ends != list(range(len(hidden))):
            hidden = hidden.index_select(0, torch.tensor(ends))
        return weights.head(torch.layer_norm(hidden, size, *weights.norm, epsilon))[: len(last)].float()


def load(folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> GPT2:
    """The GPT-2 in `folder`. `fast` gives up padding rows where that is what keeps them independent.

    Raises GenError if files are missing, damaged or do not belong together, or the variant is not computed here.
    """
    shape = read_shape(folder)
    kind, reason = choose_dtype(dtype)
    with torch.inference_mode():
        weights = read_layers(folder, shape, kind)
        pad = padding([*shape.linears, (weights.columns, shape.size)], kind)
    tokenizer = load_tokenizer(folder, weights.columns)
    return GPT2(
        name=name,
        dtype=str(kind).removeprefix("torch."),
        dtype_reason=reason,
        positions=shape.positions,
        reproducible=pad is not None and (not fast or pad == (1, 1)),
        tokenizer=tokenizer,
        shape=shape,
        weights=weights,
        pad=(1, 1) if fast or pad is None else pad,
    )
