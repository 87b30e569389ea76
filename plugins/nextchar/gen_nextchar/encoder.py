"""A BERT in plain torch, for windows of one length; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from gen_engine.models.kernels import Linear, make_linear, multiply
from gen_nextchar.shapes import EncoderShape

Norm = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Block:
    """One layer of a BERT."""

    attend: Linear
    project: Linear
    norm_1: Norm
    expand: Linear
    contract: Linear
    norm_2: Norm


@dataclass(frozen=True, eq=False)
class Encoder:
    """A BERT: `places` are its position embeddings [positions, size], `pooler` is its last layer or None."""

    shape: EncoderShape
    tokens: Tensor  # [vocab, size]
    places: Tensor
    norm: Norm
    blocks: tuple[Block, ...]
    pooler: Linear | None

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The states [rows, length, size] of windows [rows, length] whose first `lengths` tokens are seen."""
        rows, length = ids.shape
        shape, size = self.shape, (self.shape.size,)
        place = torch.arange(length).clamp(max=len(self.places) - 1)  # padding may stand beyond the last position
        hidden = F.embedding(ids, self.tokens) + self.places[place]
        hidden = torch.layer_norm(hidden, size, *self.norm, shape.epsilon).view(rows * length, -1)
        unseen = torch.zeros(rows, 1, 1, length).masked_fill_(
            torch.arange(length) >= lengths.view(-1, 1, 1, 1), float("-inf")
        )
        if shape.left_only:
            unseen = unseen + torch.full((length, length), float("-inf")).triu(1)
        mask = unseen.expand(-1, shape.heads, length, -1).reshape(rows * shape.heads, length, length)
        for block in self.blocks:
            attended = attend(block.attend(hidden), mask, rows, shape.heads)
            hidden = torch.layer_norm(block.project(attended).add_(hidden), size, *block.norm_1, shape.epsilon)
            inner = block.contract(block.expand(hidden)).add_(hidden)
            hidden = torch.layer_norm(inner, size, *block.norm_2, shape.epsilon)
        return hidden.view(rows, length, -1)


def attend(read: Tensor, mask: Tensor, rows: int, heads: int) -> Tensor:
    """Attention in fp32, whatever the layers' dtype: [rows * length, size] from `read` [rows * length, 3 * size]."""
    length = mask.shape[1]
    parts = read.float().view(rows, length, 3, heads, -1).permute(2, 0, 3, 1, 4).contiguous().flatten(1, 2)
    queries, keys, values = parts.unbind(0)  # [rows * heads, length, width]
    scores = multiply(queries, keys.transpose(1, 2), mask, queries.shape[-1] ** -0.5)
    found = multiply(torch.softmax(scores, -1), values).view(rows, heads, length, -1)
    return found.transpose(1, 2).reshape(rows * length, -1).to(read.dtype)


def make_encoder(shape: EncoderShape, found: Mapping[str, Tensor]) -> Encoder:
    """The BERT of these tensors, with the names and shapes that `encoder_tensors` of `shapes` gives."""

    def linear(*names: str, activation: str = "none") -> Linear:
        weight = torch.cat([found[f"{name}.weight"] for name in names])
        return make_linear(weight, torch.cat([found[f"{name}.bias"] for name in names]), activation)

    def norm(name: str) -> Norm:
        return found[f"{name}.weight"], found[f"{name}.bias"]

    def block(name: str) -> Block:
        return Block(
            attend=linear(*(f"{name}.attention.self.{part}" for part in ("query", "key", "value"))),
            project=linear(f"{name}.attention.output.dense"),
            norm_1=norm(f"{name}.attention.output.LayerNorm"),
            expand=linear(f"{name}.intermediate.dense", activation=shape.activation),
            contract=linear(f"{name}.output.dense"),
            norm_2=norm(f"{name}.output.LayerNorm"),
        )

    places = found["embeddings.position_embeddings.weight"] + found["embeddings.token_type_embeddings.weight"][0]
    return Encoder(
        shape=shape,
        tokens=found["embeddings.word_embeddings.weight"],
        places=places,
        norm=norm("embeddings.LayerNorm"),
        blocks=tuple(block(f"encoder.layer.{i}") for i in range(shape.layers)),
        pooler=linear("pooler.dense") if "pooler.dense.weight" in found else None,
    )
