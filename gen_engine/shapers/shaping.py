"""What every built-in shaper is made of: the name it is spelled by, checked parameters, and row-wise arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from ..errors import GenError
from ..types import Pieces, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from ..types import Step

FEW = 1 << 14
"""Of fewer logits than these torch's own way is the faster one."""


@dataclass(frozen=True)
class NamedShaper:
    """A shaper that prints as it is spelled in a chain (`top_k=50`); equal names mean equal effects.

    `truncates` says whether it removes tokens (sets them to -inf) rather than only weighing them; `revives_nothing`
    promises that what is -inf stays so; `temperature` is not 1 if all it does is to divide the logits by it.
    """

    name: str
    truncates: bool
    shape: Callable[[Step, Tensor], Tensor] = field(compare=False)
    revives_nothing: bool = True
    temperature: float = 1.0

    def __call__(self, step: Step, logits: Tensor) -> Tensor:
        return self.shape(step, logits)

    def __repr__(self) -> str:
        return self.name


# -------------------------------------------------------------------------------------------------- parameters


def whole(name: str, value: int, *, least: int, why: str) -> int:
    """`value` as an integer of at least `least`, or GenError, which says why less makes no sense."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise GenError(f"{name}={value} is no whole number; give an integer from {least}.")
    if value < least:
        raise GenError(f"{name}={value} {why}; give an integer from {least}.")
    return int(value)


def number(name: str, value: float, *, least: float, most: float) -> float:
    """`value` as a number from `least` to `most`, or GenError."""
    if not isinstance(value, Real) or isinstance(value, bool) or not least <= value <= most:
        raise GenError(f"{name}={value} is out of range; give a number from {least} to {most}.")
    return float(value)


def fraction(name: str, value: float) -> float:
    """`value` as a number above 0, up to 1, or GenError."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value <= 1:
        raise GenError(f"{name}={value} is no share of the whole; give a number above 0, up to 1.")
    return float(value)


def spell(name: str, value: object, **options: tuple[object, object]) -> str:
    """The processor as `--with` takes it: NAME=VALUE and the options that differ from their defaults."""
    changed = {key: pieces(chosen) for key, (chosen, default) in options.items() if chosen != default}
    return str(Spec(name, pieces(value), changed))


def pieces(value: object) -> Pieces:
    """A value as a `Spec` has it: lists in pieces, whole numbers without `.0`."""
    if isinstance(value, tuple | list):
        return tuple(map(str, value))
    return (str(value).removesuffix(".0") if isinstance(value, float) else str(value),)


# -------------------------------------------------------------------------------------------------- arithmetic


MINUS_INF = -(1 << 23)
"""The bits of a float32 -inf, as an integer."""

BLOCK = 1 << 16
"""How many logits are worked on at a time, so that what is in between stays in the processor's cache."""

LOWEST = np.float32(-3e38)
"""Below this stand no logits, only what tells tokens of -inf apart."""

LAST = 0xFFFFFFFF
"""No column stands behind this one."""


def keep(logits: Tensor, kept: Tensor) -> Tensor:
    """The logits where `kept`, -inf elsewhere; both [rows, vocab]. By their bits, which takes no branch for a token."""
    import torch

    if not is_plain(logits) or logits.numel() < FEW or kept.shape != logits.shape:
        return torch.where(kept, logits, -torch.inf)
    shaped = torch.empty_like(logits)
    bits, given = shaped.numpy().reshape(-1).view(np.int32), logits.numpy().reshape(-1).view(np.int32)
    chosen = kept.numpy().reshape(-1).view(np.int8)
    for first in range(0, len(bits), BLOCK):
        part = slice(first, first + BLOCK)
        mask = np.negative(chosen[part], dtype=np.int32)
        np.bitwise_xor(given[part], MINUS_INF, out=bits[part])
        bits[part] &= mask
        bits[part] ^= MINUS_INF
    return shaped


def is_plain(values: Tensor) -> bool:
    """Whether numpy can work on these [rows, size] where they lie."""
    import torch

    return (
        values.dtype == torch.float32
        and values.device.type == "cpu"
        and values.is_contiguous()
        and values.dim() == 2
        and not values.requires_grad
    )


@dataclass(frozen=True)
class Shortlist:
    """All that are among the `k` largest of each row, and a few more; made by `shortlist`.

    `values` are the numbers, `flat` their places in the flattened rows, in order, `counts` how many are of each row.
    `table` [rows, width] holds those of a row side by side, filled up with numbers below `LOWEST`; in it, flattened,
    they stand at `places`. Those of -inf may be left out.
    """

    values: np.ndarray
    flat: np.ndarray
    counts: np.ndarray
    table: np.ndarray
    places: np.ndarray


def shortlist(values: Tensor, k: int) -> Shortlist | None:
    """The largest of each row, found without sorting; None where torch's own way is as fast, or a value no number.

    The k-th largest of the maxima of groups of tokens is a lower bound of the k-th largest token.
    """
    if not is_plain(values) or values.numel() < FEW or values.shape[-1] < 4 * k:
        return None
    array = values.numpy()
    rows, size = array.shape
    width = min(16, size // (2 * k))
    count = size // width
    groups = values[:, : count * width].reshape(rows, width, count).amax(1).numpy()
    np.maximum(groups[:, : size % width], array[:, count * width :], out=groups[:, : size % width])
    if np.isnan(groups).any():
        return None
    np.maximum(groups, _ramp(count), out=groups)
    groups.partition(count - k, axis=-1)
    bound = groups[:, count - k, None]
    bound[bound < LOWEST] = np.finfo(np.float32).min
    flat = np.flatnonzero(array >= bound)
    counts, width, places = side_by_side(flat, rows, size, k)
    table = np.tile(_ramp(width), (rows, 1))
    chosen = table.reshape(-1)[places] = array.reshape(-1)[flat]
    if chosen.min(initial=0) < LOWEST:
        return None
    return Shortlist(chosen, flat, counts, table, places)


def side_by_side(flat: np.ndarray, rows: int, size: int, least: int) -> tuple[np.ndarray, int, np.ndarray]:
    """How to lay some elements of `rows` rows of `size`, told by their places in all, in order, into a narrower table.

    How many are of each row, how wide a table holds them (`least` or more), and where they stand in it, flattened.
    """
    starts = np.searchsorted(flat, np.arange(rows + 1) * size)
    counts = np.diff(starts)
    width = max(least, int(counts.max(initial=0)))
    places = np.arange(len(flat)) + np.repeat(np.arange(rows) * width - starts[:-1], counts)
    return counts, width, places


@lru_cache(64)
def _ramp(size: int) -> np.ndarray:
    """Numbers below all logits, each another: of many that are equal the largest are found slowly."""
    found: np.ndarray = (np.float32(-3.2e38) - np.arange(size) * (0.2e38 / size)).astype(np.float32)
    found.setflags(write=False)
    return found


def keep_largest(logits: Tensor, k: int) -> Tensor:
    """The `k` largest logits of each row, and those equal to the last of them; -inf elsewhere."""
    import torch

    found = shortlist(logits, k)
    if found is None:
        return keep(logits, logits >= logits.topk(k).values[..., -1:])
    table = np.partition(found.table, -k, axis=-1)
    edges = table[:, -k]
    edges[edges < LOWEST] = -np.inf
    kept = found.values >= np.repeat(edges, found.counts)
    shaped = torch.full_like(logits, -torch.inf)
    shaped.numpy().reshape(-1)[found.flat[kept]] = found.values[kept]
    return shaped


def largest(values: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The `size` largest of each row, the largest first, and their columns, [rows, size] each.

    Where they are -inf, the columns mean nothing.
    """
    import torch

    found = shortlist(values, size)
    if found is None:
        best, ids = values.topk(size)
        return best, ids
    ranks = _in_order(found.table.view(np.int32)).astype(np.int64) << 32
    # Of equal ones the lowest id comes first.
    ranks.reshape(-1)[found.places] |= LAST - found.flat % values.shape[-1]
    ranks.sort(axis=-1)
    ranks = ranks[:, : -size - 1 : -1]
    sorted_values = _in_order((ranks >> 32).astype(np.int32)).view(np.float32)
    columns = LAST - (ranks & LAST)
    nothing = sorted_values < LOWEST
    sorted_values[nothing], columns[nothing] = -np.inf, 0
    return torch.from_numpy(sorted_values), torch.from_numpy(columns)


def _in_order(bits: np.ndarray) -> np.ndarray:
    """The bits of floats as integers that are ordered as the floats are; and back."""
    found: np.ndarray = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return found


def total(parts: Tensor) -> Tensor:
    """The sum of each row, [rows, 1], in which what is no number (0 times -inf) counts nothing.

    torch splits the sum over a lone row among threads, which changes its last bits: never are fewer than two summed.
    """
    return parts.expand(max(2, len(parts)), -1).nansum(-1, keepdim=True)[: len(parts)]


def entropy(logits: Tensor) -> Tensor:
    """The entropy of each row's distribution in nats, [rows, 1]."""
    surprise = logits.log_softmax(-1).neg_()
    return total(surprise * surprise.neg().exp_())
