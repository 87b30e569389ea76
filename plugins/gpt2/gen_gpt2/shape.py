"""The sizes of GPT-2 checkpoints, and the tensors that belong to them; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, TypeVar

from gen_engine.compiled.arithmetic import ACTIVATIONS
from gen_engine.errors import GenError, quoted
from gen_engine.models.checkpoint import check_tensors, read_config

Kind = TypeVar("Kind")


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


def read_shape(folder: Path) -> Shape:
    """The sizes in a folder's config.json. Raises GenError for variants that the runner does not support."""
    config = read_config(folder)
    size, heads, layers, positions = (_size(folder, name, config.get(name, default)) for name, default in _SIZES)
    activation = str(config.get("activation_function", "gelu_new"))
    problem = _problem(config, size, heads, activation)
    if problem:
        raise GenError(f"The GPT-2 runner cannot compute {folder}: {problem}; use a plain GPT-2, or the other loader.")
    scale = 1 / sqrt(size // heads) if config.get("scale_attn_weights", True) else 1.0
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
    if activation not in ACTIVATIONS or activation in ("none", "tanh"):
        return f"its activation is {activation}"
    if config.get("reorder_and_upcast_attn") or config.get("add_cross_attention"):
        return "it upcasts or crosses its attention"
    return None if size % heads == 0 else f"{heads} heads do not divide {size}"


def own_tensors(found: Mapping[str, Kind], shape: Shape, where: str) -> dict[str, Kind]:
    """Tensors or arrays under the runner's names. Raises GenError if one is missing, unexpected, of a wrong shape, or
    holds NaN or infinite numbers."""
    named = {name.removeprefix("transformer."): tensor for name, tensor in found.items()}
    named = {name: tensor for name, tensor in named.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    table: Any = named.get("wte.weight")
    if table is not None:
        if table.shape and not len(table):
            raise GenError(f"{where} has no token in wte.weight; train or fetch it again.")
        named.setdefault("lm_head.weight", table)
    check_tensors(named, _shapes(shape, len(table) if table is not None and table.shape else 0), where)
    return named


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
