"""GPT-2 checkpoints: the configurations that the runner supports, and their tensors as layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gen_engine.errors import GenError, quoted
from gen_engine.models.checkpoint import check_tensors, read_config, read_weights
from gen_engine.models.kernels import ACTIVATIONS, Layer, Linear, make_linear

Norm = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Shape:
    """The sizes of a GPT-2, as its config.json gives them."""

    layers: int
    heads: int
    size: int
    inner: int
    positions: int
    epsilon: float
    activation: str
    scales: tuple[float, ...]

    @property
    def width(self) -> int:
        """The width of one head."""
        return self.size // self.heads

    def layers_with(self, vocabulary: int) -> list[Layer]:
        """The kinds of linear layers: those of a block, and the head."""
        size, inner = self.size, self.inner
        block = [Layer(3 * size, size), Layer(size, size), Layer(inner, size, self.activation), Layer(size, inner)]
        return [*block, Layer(vocabulary, size, bias=False)]


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


def read_shape(folder: Path) -> Shape:
    """The sizes in a folder's config.json. Raises GenError for variants that the runner does not support."""
    config = read_config(folder)
    size, heads, layers, positions = (_size(folder, name, config.get(name, default)) for name, default in _SIZES)
    activation = str(config.get("activation_function", "gelu_new"))
    problem = _problem(config, size, heads, activation)
    if problem:
        raise GenError(f"The GPT-2 runner cannot compute {folder}: {problem}; use a plain GPT-2, or the other loader.")
    scale = (size // heads) ** -0.5 if config.get("scale_attn_weights", True) else 1.0
    by_layer = config.get("scale_attn_by_inverse_layer_idx", False)
    return Shape(
        layers=layers,
        heads=heads,
        size=size,
        inner=_size(folder, "n_inner", config.get("n_inner") or 4 * size),
        positions=positions,
        epsilon=_epsilon(folder, config.get("layer_norm_epsilon", 1e-5)),
        activation=activation,
        scales=tuple(scale / (layer + 1) if by_layer else scale for layer in range(layers)),
    )


_SIZES = (("n_embd", 768), ("n_head", 12), ("n_layer", 12), ("n_positions", 1024))


def _size(folder: Path, name: str, value: object) -> int:
    if not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise GenError(f"{folder}/config.json has {quoted(value)} for {name}, which is a size; save the model again.")
    return value


def _epsilon(folder: Path, value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise GenError(f"{folder}/config.json has {quoted(value)} for layer_norm_epsilon; save the model again.")
    return float(value)


def _problem(config: Mapping[str, Any], size: int, heads: int, activation: str) -> str | None:
    if activation not in ACTIVATIONS or activation == "none":
        return f"its activation is {activation}"
    if config.get("reorder_and_upcast_attn") or config.get("add_cross_attention"):
        return "it upcasts or crosses its attention"
    return None if size % heads == 0 else f"{heads} heads do not divide {size}"


def read_tensors(folder: Path, shape: Shape) -> dict[str, Tensor]:
    """The tensors of a folder. Raises GenError if one is missing, unexpected or has a wrong shape."""
    found = {name.removeprefix("transformer."): tensor for name, tensor in read_weights(folder).items()}
    found = {name: tensor for name, tensor in found.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    if "wte.weight" in found:
        found.setdefault("lm_head.weight", found["wte.weight"])
    shapes = _shapes(shape, len(found["wte.weight"]) if "wte.weight" in found and found["wte.weight"].dim() else 0)
    check_tensors(found, shapes, str(folder))
    return found


def make_layers(found: Mapping[str, Tensor], shape: Shape, dtype: torch.dtype, *, fast: bool = False) -> Weights:
    """The layers of these tensors in `dtype`; with `fast` their rows need not be independent."""
    cast = {name: tensor.to(dtype).contiguous() for name, tensor in found.items()}
    blocks = tuple(_block(cast, f"h.{layer}.", shape.activation, fast) for layer in range(shape.layers))
    norm = cast["ln_f.weight"], cast["ln_f.bias"]
    head = make_linear(cast["lm_head.weight"], None, fast=fast)
    return Weights(cast["wte.weight"], cast["wpe.weight"], blocks, norm, head, len(cast["wte.weight"]))


def _shapes(shape: Shape, vocabulary: int) -> dict[str, tuple[int, ...]]:
    size, inner = shape.size, shape.inner
    block = {
        "ln_1.weight": (size,),
        "ln_1.bias": (size,),
        "attn.c_attn.weight": (size, 3 * size),
        "attn.c_attn.bias": (3 * size,),
        "attn.c_proj.weight": (size, size),
        "attn.c_proj.bias": (size,),
        "ln_2.weight": (size,),
        "ln_2.bias": (size,),
        "mlp.c_fc.weight": (size, inner),
        "mlp.c_fc.bias": (inner,),
        "mlp.c_proj.weight": (inner, size),
        "mlp.c_proj.bias": (size,),
    }
    shapes: dict[str, tuple[int, ...]] = {
        f"h.{layer}.{name}": sizes for layer in range(shape.layers) for name, sizes in block.items()
    }
    table = (vocabulary, size)
    ends = {"wte.weight": table, "lm_head.weight": table, "wpe.weight": (shape.positions, size)}
    return shapes | ends | {"ln_f.weight": (size,), "ln_f.bias": (size,)}


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
