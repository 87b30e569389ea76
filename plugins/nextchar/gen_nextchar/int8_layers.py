"""The parts of a next-character model in int8, from its float32 tensors; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from gen_engine.compiled.arithmetic import Array
from gen_engine.compiled.linear import Int8Linear, quantise_linear
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_engine.compiled.storing import Packed, linear_arrays
from gen_engine.compiled.transformer import Int8Transformer
from gen_engine.models.int8_bert import BertSizes, int8_bert
from gen_nextchar.shapes import EncoderShape, HeadShape, Shapes

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
    """A kind of head: its tensors, its maker, and what it is in float32.

    `make` takes the configuration, where its parts come from, and the last layers. `exact(settings, tensors, states
    [windows, tokens, size], pooled [windows, size] or None, place)` gives what goes into the last layers, [windows,
    width], in float32. `before_sep` says, for a configuration, whether a prediction is read before [SEP] (see
    `read_place`).
    """

    shape: HeadShape
    make: Callable[[Any, Source, tuple[Stage, ...]], Int8Head]
    exact: Callable[[Any, Arrays, Array, Array | None, int], Array]
    before_sep: Callable[[Any], bool]


def read_place(seen: int, before_sep: bool) -> int:
    """The place where the prediction is read in a framed window of `seen` tokens, as `heads.read_places` says."""
    return seen - 1 - before_sep if seen > 2 else seen - 1


class Source(Protocol):
    """Where the arrays and layers of a model come from; `shapes` are those of its tensors."""

    @property
    def shapes(self) -> Shapes: ...

    def array(self, name: str) -> Array:
        """A tensor, in float32."""
        ...

    def layer(
        self, name: str, sizes: tuple[int, int], make: Callable[[Arrays], Int8Linear], *, bias: bool
    ) -> Int8Linear:
        """A layer of these outputs and inputs; `make` makes it of the tensors."""
        ...


@dataclass(frozen=True, eq=False)
class Fresh:
    """The tensors of a checkpoint. What is made of them is put into `stored`."""

    shapes: Shapes
    tensors: Arrays
    stored: dict[str, Array]

    def array(self, name: str) -> Array:
        self.stored[name] = self.tensors[name]
        return self.tensors[name]

    def layer(
        self, name: str, sizes: tuple[int, int], make: Callable[[Arrays], Int8Linear], *, bias: bool
    ) -> Int8Linear:
        del sizes, bias
        made = make(self.tensors)
        self.stored.update(linear_arrays(name, made))
        return made


@dataclass(frozen=True, eq=False)
class Stored:
    """What was made of a checkpoint earlier."""

    shapes: Shapes
    packed: Packed

    def array(self, name: str) -> Array:
        return self.packed.arrays[name].reshape(self.shapes[name])

    def layer(
        self, name: str, sizes: tuple[int, int], make: Callable[[Arrays], Int8Linear], *, bias: bool
    ) -> Int8Linear:
        del make
        return self.packed.linear(name, *sizes, bias=bias)


def linear(source: Source, *names: str, bias: bool = True) -> Int8Linear:
    """The layers of these names as one, with their biases."""
    sizes = [source.shapes[f"{name}.weight"] for name in names]

    def make(found: Arrays) -> Int8Linear:
        weight = np.concatenate([found[f"{name}.weight"] for name in names])
        return quantise_linear(weight, np.concatenate([found[f"{name}.bias"] for name in names]) if bias else None)

    return source.layer("+".join(names), (sum(size[0] for size in sizes), sizes[0][1]), make, bias=bias)


def norm(source: Source, name: str) -> tuple[Array, Array]:
    """Gains and shifts of a normalisation."""
    return source.array(f"{name}.weight"), source.array(f"{name}.bias")


def make_encoder(shape: EncoderShape, source: Source) -> Int8Transformer:
    """The BERT of a model's tensors, whose names and shapes `encoder_tensors` of `shapes` gives."""
    sizes = BertSizes(shape.layers, shape.heads, shape.epsilon, shape.activation, shape.left_only)
    return int8_bert("encoder.", sizes, source.array, partial(linear, source))


EMBEDDINGS = "encoder.embeddings.word_embeddings.weight"


def make_pooler(settings: Any, source: Source) -> Int8Stages | None:
    """The encoder's last layer, if it has one."""
    return Int8Stages((Stage(linear(source, "encoder.pooler.dense"), "tanh"),)) if settings.pooler else None


def make_output(settings: Any, source: Source) -> tuple[Stage, ...]:
    """The projection, if the output matrix is tied, and that matrix."""
    if not settings.tie:
        return (Stage(linear(source, "output", bias=False)),)
    output = Stage(linear(source, EMBEDDINGS.removesuffix(".weight"), bias=False))
    return Stage(linear(source, "project.0"), "none", norm(source, "project.1")), output


def affine(rows: Array, found: Arrays, name: str) -> Array:
    """A layer in float32."""
    return np.asarray(rows @ found[f"{name}.weight"].T + found[f"{name}.bias"])


def softmax(scores: Array) -> Array:
    """The shares of scores along the last axis."""
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))
