"""A BERT as an int8 transformer; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from ..compiled.arithmetic import Array
from ..compiled.linear import Int8Linear
from ..compiled.transformer import Int8Block, Int8Transformer


@dataclass(frozen=True)
class BertSizes:
    """What the tensors of a BERT do not tell."""

    layers: int
    heads: int
    epsilon: float
    activation: str
    left_only: bool = False  # no token sees those after it


def int8_bert(
    prefix: str, sizes: BertSizes, array: Callable[[str], Array], linear: Callable[..., Int8Linear]
) -> Int8Transformer:
    """The BERT of the tensors whose names begin with `prefix`. `array(name)` gives one of them in float32.

    `linear(*names)` gives the layers of these names as one. Only tokens of type 0 are known. Devlin et al. (2019),
    "BERT: pre-training of deep bidirectional transformers for language understanding".
    """

    def norm(name: str) -> tuple[Array, Array]:
        return array(f"{name}.weight"), array(f"{name}.bias")

    def block(name: str) -> Int8Block:
        return Int8Block(
            attend=linear(*(f"{name}.attention.self.{part}" for part in ("query", "key", "value"))),
            project=linear(f"{name}.attention.output.dense"),
            expand=linear(f"{name}.intermediate.dense"),
            contract=linear(f"{name}.output.dense"),
            norm_1=norm(f"{name}.attention.output.LayerNorm"),
            norm_2=norm(f"{name}.output.LayerNorm"),
        )

    tokens = array(f"{prefix}embeddings.word_embeddings.weight")
    types = array(f"{prefix}embeddings.token_type_embeddings.weight")
    return Int8Transformer(
        heads=sizes.heads,
        tokens=tokens,
        places=array(f"{prefix}embeddings.position_embeddings.weight") + types[0],
        blocks=tuple(block(f"{prefix}encoder.layer.{i}") for i in range(sizes.layers)),
        scales=(1 / sqrt(tokens.shape[1] // sizes.heads),) * sizes.layers,
        epsilon=sizes.epsilon,
        activation=sizes.activation,
        norm_first=False,
        left_only=sizes.left_only,
        embedded=norm(f"{prefix}embeddings.LayerNorm"),
    )
