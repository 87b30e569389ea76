"""The parts of a next-character model in int8, from its float32 tensors; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gen_engine.compiled.arithmetic import Array
from gen_engine.compiled.linear import Int8Linear, quantise_linear
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_engine.compiled.transformer import Int8Block, Int8Transformer
from gen_nextchar.shapes import EncoderShape, HeadShape

Arrays = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Reading:
    """What a head reads of some windows.

    `counts[i]` tokens of window i are new, after `kept[i]` that were read before; `memories[i]` is what the head said
    of those, or None. `wanted[i]` are the places of the window after which a prediction is wanted. `states` are those
    of all new tokens [tokens, size] or, for heads that need no others, those at the wanted places. `pooled` [windows,
    size] are the pooler's outputs, if there is one.
    """

    states: Array
    counts: Sequence[int]
    kept: Sequence[int]
    wanted: Sequence[Sequence[int]]
    memories: Sequence[Any]
    pooled: Array | None

    @property
    def pooled_rows(self) -> Array | None:
        """The pooler's output for each wanted place."""
        return None if self.pooled is None else np.repeat(self.pooled, [len(places) for places in self.wanted], 0)


class Int8Head(Protocol):
    """Turns an encoder's states into logits. `reads_all`: it needs the states of all tokens."""

    @property
    def reads_all(self) -> bool: ...

    @property
    def columns(self) -> int: ...

    def read(self, reading: Reading) -> tuple[Array, Sequence[Any]]:
        """The logits [wanted places, vocab], and what the head remembers of each window."""
        ...


@dataclass(frozen=True)
class Int8Kind:
    """A kind of head: its tensors, and its maker, which takes the configuration, the tensors and the last layers.

    `before_sep` says, for a configuration, whether a prediction is read before [SEP] (see `read_place`).
    """

    shape: HeadShape
    make: Callable[[Any, Arrays, tuple[Stage, ...]], Int8Head]
    before_sep: Callable[[Any], bool]


def read_place(seen: int, before_sep: bool) -> int:
    """The place where the prediction is read in a framed window of `seen` tokens, as `heads.read_places` says."""
    return seen - 1 - before_sep if seen > 2 else seen - 1


def linear(found: Arrays, *names: str) -> Int8Linear:
    """The layers of these names as one, with their biases."""
    weight = np.concatenate([found[f"{name}.weight"] for name in names])
    return quantise_linear(weight, np.concatenate([found[f"{name}.bias"] for name in names]))


def norm(found: Arrays, name: str) -> tuple[Array, Array]:
    """Gains and shifts of a normalisation."""
    return found[f"{name}.weight"], found[f"{name}.bias"]


def make_encoder(shape: EncoderShape, found: Arrays) -> Int8Transformer:
    """The BERT of these tensors, with the names and shapes that `encoder_tensors` of `shapes` gives."""

    def block(name: str) -> Int8Block:
        return Int8Block(
            attend=linear(found, *(f"{name}.attention.self.{part}" for part in ("query", "key", "value"))),
            project=linear(found, f"{name}.attention.output.dense"),
            expand=linear(found, f"{name}.intermediate.dense"),
            contract=linear(found, f"{name}.output.dense"),
            norm_1=norm(found, f"{name}.attention.output.LayerNorm"),
            norm_2=norm(found, f"{name}.output.LayerNorm"),
        )

    places = found["embeddings.position_embeddings.weight"] + found["embeddings.token_type_embeddings.weight"][0]
    return Int8Transformer(
        heads=shape.heads,
        tokens=found["embeddings.word_embeddings.weight"],
        places=places,
        blocks=tuple(block(f"encoder.layer.{i}") for i in range(shape.layers)),
        scales=((shape.size // shape.heads) ** -0.5,) * shape.layers,
        epsilon=shape.epsilon,
        activation=shape.activation,
        norm_first=False,
        left_only=shape.left_only,
        embedded=norm(found, "embeddings.LayerNorm"),
    )


def make_pooler(found: Arrays) -> Int8Stages | None:
    """The encoder's last layer, if it has one."""
    return Int8Stages((Stage(linear(found, "pooler.dense"), "tanh"),)) if "pooler.dense.weight" in found else None


def make_output(settings: Any, found: Arrays) -> tuple[Stage, ...]:
    """The projection, if the output matrix is tied, and that matrix."""
    if not settings.tie:
        return (Stage(quantise_linear(found["output.weight"])),)
    output = Stage(quantise_linear(found["encoder.embeddings.word_embeddings.weight"]))
    return Stage(linear(found, "project.0"), "none", norm(found, "project.1")), output
