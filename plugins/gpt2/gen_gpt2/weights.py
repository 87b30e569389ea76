"""The tensors of GPT-2 checkpoints as layers in plain torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gen_engine.models.checkpoint import read_weights
from gen_engine.models.kernels import Layer, Linear, make_linear
from gen_gpt2.shape import Shape, own_tensors

Norm = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Block:
    """One transformer block."""

    norm_1: Norm
    attend: Linear
    project: Linear
    norm_2: Norm
    expand: Linear
    contract: Linear


@dataclass(frozen=True)
class Weights:
    """All layers of a GPT-2: embeddings [vocab, size] and [positions, size], blocks, the last norm, the head."""

    tokens: Tensor
    positions: Tensor
    blocks: tuple[Block, ...]
    norm: Norm
    head: Linear
    columns: int


def layers_with(shape: Shape, vocabulary: int) -> list[Layer]:
    """The kinds of linear layers: those of a block, and the head."""
    size, inner = shape.size, shape.inner
    block = [Layer(3 * size, size), Layer(size, size), Layer(inner, size, shape.activation), Layer(size, inner)]
    return [*block, Layer(vocabulary, size, bias=False)]


def read_tensors(folder: Path, shape: Shape) -> dict[str, Tensor]:
    """The tensors of a folder. Raises GenError if one is missing, unexpected or has a wrong shape."""
    return own_tensors(read_weights(folder), shape, str(folder))


def make_layers(found: Mapping[str, Tensor], shape: Shape, dtype: torch.dtype, *, fast: bool = False) -> Weights:
    """The layers of these tensors in `dtype`; with `fast` their rows need not be independent."""
    cast = {name: tensor.to(dtype).contiguous() for name, tensor in found.items()}
    blocks = tuple(_block(cast, f"h.{layer}.", shape.activation, fast) for layer in range(shape.layers))
    norm = cast["ln_f.weight"], cast["ln_f.bias"]
    head = make_linear(cast["lm_head.weight"], None, fast=fast)
    return Weights(cast["wte.weight"], cast["wpe.weight"], blocks, norm, head, len(cast["wte.weight"]))


def _block(found: Mapping[str, Tensor], prefix: str, activation: str, fast: bool) -> Block:
    def linear(name: str, activation: str = "none") -> Linear:
        # GPT-2's layers are kept as [in, out].
        weight = found[f"{prefix}{name}.weight"].t().contiguous()
        return make_linear(weight, found[f"{prefix}{name}.bias"], activation, fast=fast)

    def norm(name: str) -> Norm:
        return found[f"{prefix}{name}.weight"], found[f"{prefix}{name}.bias"]

    return Block(
        norm_1=norm("ln_1"),
        attend=linear("attn.c_attn"),
        project=linear("attn.c_proj"),
        norm_2=norm("ln_2"),
        expand=linear("mlp.c_fc", activation),
        contract=linear("mlp.c_proj"),
    )
