"""What a next-character checkpoint holds, by its configuration: sizes and tensors. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gen_engine.errors import GenError, quoted
from gen_engine.models.checkpoint import read_config
from gen_nextchar.framing import Framing, framing_of

Shapes = dict[str, tuple[int, ...]]

ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu")
"""The activations of an encoder that are computed here."""


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


@dataclass(frozen=True)
class HeadShape:
    """A kind of head: the values that its configuration may leave out, and the shapes of its tensors.

    `tensors` takes the model's configuration and the width of the encoder.
    """

    defaults: Mapping[str, Any]
    tensors: Callable[[Any, int], Shapes]


@dataclass(frozen=True)
class ModelShape:
    """What a folder's config.json says: all settings, the encoder's sizes, the frame, and the shapes of all tensors."""

    settings: Any
    encoder: EncoderShape
    framing: Framing
    tensors: Shapes


def read_model_shape(folder: Path, head: HeadShape) -> ModelShape:
    """The sizes of the model in `folder`, whose head is of this kind.

    Raises GenError if there is no configuration, or for variants that are not supported.
    """
    settings, where = SimpleNamespace(**{**DEFAULTS, **head.defaults, **read_config(folder)}), f"{folder}/config.json"
    if not isinstance(settings.encoder or {}, dict):
        raise GenError(f"{where} has {quoted(settings.encoder)} for the encoder; save the model again.")
    encoder = read_encoder_shape(settings.encoder or {}, where)
    for name in ("vocab_size", "hidden", *(["layers"] if "layers" in head.defaults else [])):
        checked_size(getattr(settings, name), name, where)
    if getattr(settings, "activation", "tanh") not in (*ACTIVATIONS, "tanh"):
        raise GenError(f"{where} has {quoted(settings.activation)} for the activation; take gelu, relu or tanh.")
    framing = framing_of(settings)
    tensors = {f"encoder.{key}": sizes for key, sizes in encoder_tensors(encoder, settings.pooler).items()}
    return ModelShape(settings, encoder, framing, tensors | head.tensors(settings, encoder.size))


DEFAULTS: Mapping[str, Any] = {
    "encoder": None,
    "vocab_size": 30522,
    "window": 32,
    "variable": False,
    "bare": False,
    "pooler": False,
    "tie": True,
    "cls_token_id": None,
    "sep_token_id": None,
    "mask_token_id": None,
    "pad_token_id": 0,
}
"""The values that a configuration may leave out, as in the model classes."""


def read_encoder_shape(config: Mapping[str, Any], where: str) -> EncoderShape:
    """The sizes in a BERT's configuration. Raises GenError for unsupported variants."""

    def size(name: str, default: int) -> int:
        return checked_size(config.get(name, default), name, where)

    activation = str(config.get("hidden_act", "gelu"))
    width, heads = size("hidden_size", 768), size("num_attention_heads", 12)
    if activation not in ACTIVATIONS or config.get("add_cross_attention") or width % heads:
        raise GenError(f"{where} has an encoder that is not computed here; take a plain BERT with gelu or relu.")
    return EncoderShape(
        layers=size("num_hidden_layers", 12),
        heads=heads,
        size=width,
        inner=size("intermediate_size", 3072),
        positions=size("max_position_embeddings", 512),
        types=size("type_vocab_size", 2),
        vocabulary=size("vocab_size", 30522),
        epsilon=_epsilon(config.get("layer_norm_eps", 1e-12), where),
        activation=activation,
        left_only=bool(config.get("is_decoder")),
    )


def checked_size(value: object, name: str, where: str) -> int:
    """A size in a configuration. Raises GenError if it is none."""
    if not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise GenError(f"{where} has {quoted(value)} for {name}, which is a size; save the model again.")
    return value


def _epsilon(value: object, where: str) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise GenError(f"{where} has {quoted(value)} for layer_norm_eps; save the model again.")
    return float(value)


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


def projection_tensors(settings: Any, width: int, size: int) -> Shapes:
    """The output tensors of a head `width` wide: a projection where the output matrix is tied, else that matrix."""
    if not settings.tie:
        return {"output.weight": (settings.vocab_size, width)}
    return {
        "project.0.weight": (size, width),
        "project.0.bias": (size,),
        "project.1.weight": (size,),
        "project.1.bias": (size,),
    }
