"""Rows of a transformers model by its own caches, whatever these hold: they are joined to a batch and taken apart.

The first dimension of every tensor in a cache of transformers is the row: keys and values, the states of Mamba and
RWKV. Rows can be joined if all else in their caches is equal. Keys and values of rows of different lengths are padded
on the left where the model takes that (`pads`). A batch stays joined as long as the same rows go on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..compiled.arithmetic import as_tensor
from .window import WHOLE, Window

CACHES = ("past_key_values", "cache_params", "state")
"""The arguments by which models of transformers take a cache, and the fields in which they return it."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A cache of several rows. The first `pads[i]` keys of row i are padding."""

    cache: Any
    pads: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Kept:
    """A row: all its tokens, the window that is read, and its place in a batch (None: nothing is kept)."""

    tokens: list[int]
    window: Window
    batch: Batch | None = None
    place: int = 0


NONE = Kept([], WHOLE)
"""The row from which a fresh one continues."""


@dataclass(eq=False)
class Rows:
    """The rows of the last call."""

    rows: list[Kept] = field(default_factory=list)


@dataclass(eq=False)
class Reading:
    """What a new row still has to read, and the row on top of whose cache."""

    tokens: list[int]
    window: Window
    source: Kept | None
    kept: int
    wanted: int = 1

    @property
    def new(self) -> list[int]:
        return self.window.read(self.tokens)[self.kept :]


# ------------------------------------------------------------------------------------------------- any structure


def rebuilt(values: Sequence[Any], change: Callable[[Sequence[Tensor]], Tensor]) -> Any:
    """A copy of the first of several structures of one shape, with the tensors at each place made one by `change`."""
    first = values[0]
    if isinstance(first, Tensor):
        return change(values) if first.dim() else first
    if isinstance(first, dict):
        return type(first)((key, rebuilt([each[key] for each in values], change)) for key in first)
    if isinstance(first, (list, tuple)):
        return type(first)([rebuilt(each, change) for each in zip(*values, strict=True)])
    if not hasattr(first, "__dict__") or isinstance(first, type) or callable(first):
        return first
    made = copy.copy(first)
    for name, value in vars(first).items():
        setattr(made, name, rebuilt([getattr(each, name) for each in values], change)) if value is not None else None
    return made


def signature(value: Any, *, lengths: bool) -> Any:
    """All of a cache but the numbers in its tensors, without the number of rows; two that are equal can be joined.

    Without `lengths`, the number of keys of plain layers is left out, too.
    """
    if isinstance(value, Tensor):
        shape = list(value.shape[1:])
        if not lengths and value.dim() == 4:
            shape[1] = 0
        return tuple(shape), value.dtype
    if isinstance(value, dict):
        return tuple((key, signature(each, lengths=lengths)) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(signature(each, lengths=lengths) for each in value)
    if hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        return type(value), tuple((name, signature(each, lengths=lengths)) for name, each in vars(value).items())
    return repr(value)


def is_plain(cache: Any) -> bool:
    """Whether a cache keeps all keys and values of all layers, so that it can be cut back and padded."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)


# --------------------------------------------------------------------------------------------------- join, part


def join(sources: Sequence[Kept], kept: Sequence[int], *, alone: bool) -> Batch:
    """One batch of these rows, each cut to its first `kept[i]` tokens.

    If they are all of one batch, in order and uncut, and nobody else needs it (`alone`), it is that batch itself.
    """
    batch = sources[0].batch
    assert batch is not None
    whole = len(batch.pads) == len(sources) and all(
        each.batch is batch and each.place == place and _length(each) == count
        for place, (each, count) in enumerate(zip(sources, kept, strict=True))
    )
    if whole and alone:
        return batch
    cuts = is_plain(batch.cache)
    most = max(kept)
    pads = tuple(most - count for count in kept) if cuts else (0,) * len(sources)

    def taken(tensors: Sequence[Tensor]) -> Tensor:
        rows = []
        for tensor, source, count, pad in zip(tensors, sources, kept, pads, strict=True):
            row = tensor[source.place : source.place + 1]
            if cuts:
                assert source.batch is not None
                begin = source.batch.pads[source.place]
                row = row[:, :, begin : begin + count]
                row = torch.nn.functional.pad(row, (0, 0, pad, 0)) if pad else row
            rows.append(row)
        return torch.cat(rows)

    return Batch(rebuilt([source.batch.cache for source in sources if source.batch is not None], taken), pads)


def _length(row: Kept) -> int:
    return row.window.count(len(row.tokens))


def arguments(batch: Batch | None, kept: int, count: int, device: torch.device) -> dict[str, Tensor]:
    """The mask and positions of `count` new tokens after a padded batch; nothing where nothing is padded."""
    if batch is None or not any(batch.pads):
        return {}
    pads = as_tensor(batch.pads, device)[:, None]
    columns = torch.arange(kept + count, device=device)
    return {
        "attention_mask": (columns >= pads).long(),
        "position_ids": columns[kept:] - pads,
    }
