"""A BERT in plain torch, for windows of one length; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from gen_engine.errors import GenError, quoted
from gen_engine.models.kernels import ACTIVATIONS, Layer, Linear, make_linear, multiply

Norm = tuple[Tensor, Tensor]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of a BERT, as its configuration gives them."""

    layers: int
    heads: int
    size: int
    inner: int
    positions: int
    types: int
    vocabulary: int
    epsilon: float
    activation: str
    left_only: bool = False  # no token sees those after it

    @property
    def linears(self) -> list[Layer]:
        """The kinds of linear layers of a block."""
        size, inner = self.size, self.inner
        return [Layer(3 * size, size), Layer(size, size), Layer(inner, size, self.activation), Layer(size, inner)]


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


def read_encoder_shape(config: Mapping[str, Any], where: str) -> EncoderShape:
    """The sizes in a BERT's configuration. Raises GenError for unsupported variants."""

    def size(name: str, default: int) -> int:
        value = config.get(name, default)
        if not isinstance(value, int) or not 1 <= value <= 1_000_000:
            raise GenError(f"{where} has {quoted(value)} for {name}, which is a size; save the model again.")
        return value

    activation = str(config.get("hidden_act", "gelu"))
    width, heads = size("hidden_size", 768), size("num_attention_heads", 12)
    if activation not in ACTIVATIONS or activation == "none" or config.get("add_cross_attention") or width % heads:
        raise GenError(f"{where} has an encoder that is not computed here; take a plain BERT with gelu or relu.")
    return EncoderShape(
        layers=size("num_hidden_layers", 12),
        heads=heads,
        size=width,
        inner=size("intermediate_size", 3072),
        positions=size("max_position_embeddings", 512),
        types=size("type_vocab_size", 2),
        vocabulary=size("vocab_size", 30522),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        activation=activation,
        left_only=bool(config.get("is_decoder")),
    )


def encoder_tensors(shape: EncoderShape, pooler: bool) -> Shapes:
    """The names and shapes of a BERT's tensors."""
    size, inner = shape.size, shape.inner
    layers = {
        "attention.self.query": (size, size),
        "attention.self.key": (size, size),
        "attention.self.value": (size, size),
        "attention.output.dense": (size, size),
        "intermediate.dense": (inner, size),
        "output.dense": (size, inner),
    }
    linears = {f"encoder.layer.{i}.{name}": sizes for i in range(shape.layers) for name, sizes in layers.items()}
    linears |= {"pooler.dense": (size, size)} if pooler else {}
    after = [f"encoder.layer.{i}.{name}" for i in range(shape.layers) for name in ("attention.output", "output")]
    norms = ["embeddings.LayerNorm", *(f"{name}.LayerNorm" for name in after)]
    found: Shapes = {
        "embeddings.word_embeddings.weight": (shape.vocabulary, size),
        "embeddings.position_embeddings.weight": (shape.positions, size),
        "embeddings.token_type_embeddings.weight": (shape.types, size),
    }
    for name, sizes in linears.items():
        found |= {f"{name}.weight": sizes, f"{name}.bias": sizes[:1]}
    for name in norms:
        found |= {f"{name}.weight": (size,), f"{name}.bias": (size,)}
    return found


def make_encoder(shape: EncoderShape, found: Mapping[str, Tensor]) -> Encoder:
    """The BERT of these tensors, with the names and shapes that `encoder_tensors` gives."""

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
