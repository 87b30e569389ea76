"""What all built-in shapers share: their names in a chain, checked parameters, and row-wise arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled.arithmetic import as_tensor
from ..compiled.drawing import Operation
from ..errors import GenError
from ..types import Pieces, Spec

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..types import Step

FEW = 1 << 14
"""Below this number of logits torch's own functions are faster."""


@dataclass(frozen=True)
class NamedShaper:
    """A shaper that prints as it is spelled in a chain (`top_k=50`); equal names mean equal effects.

    `truncates` says whether it removes tokens (sets them to -inf) rather than only reweighting them.
    `revives_nothing` promises that logits of -inf stay so. `temperature` is the divisor if the shaper does nothing but
    divide the logits; else it is 1. `fused` says the same as `shape` for the rows of a step, as an operation of the
    draw in one pass (`compiled.drawing`). A chain of nothing but such shapers is drawn without torch.
    """

    name: str
    truncates: bool
    shape: Callable[[Step, Tensor], Tensor] = field(compare=False)
    revives_nothing: bool = True
    temperature: float = 1.0
    fused: Callable[[Step], Operation] | None = field(default=None, compare=False)

    def __call__(self, step: Step, logits: Tensor) -> Tensor:
        return self.shape(step, logits)

    def __repr__(self) -> str:
        return self.name


def always(operation: Operation) -> Callable[[Step], Operation]:
    """The same operation in every step."""
    return lambda step: operation


# -------------------------------------------------------------------------------------------------- parameters


def whole(name: str, value: int, *, least: int, why: str) -> int:
    """`value` as an integer of at least `least`; GenError otherwise, with `why` as the reason if it is too small."""
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
    """`value` as a number above 0 and up to 1, or GenError."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value <= 1:
        raise GenError(f"{name}={value} is no share of the whole; give a number above 0, up to 1.")
    return float(value)


def spell(name: str, value: object, **options: tuple[object, object]) -> str:
    """The processor in the notation of `--with`: NAME=VALUE and the options that differ from their defaults."""
    changed = {key: pieces(chosen) for key, (chosen, default) in options.items() if chosen != default}
    return str(Spec(name, pieces(value), changed))


def pieces(value: object) -> Pieces:
    """A value as `Spec` stores it: lists in pieces, whole numbers without `.0`."""
    if isinstance(value, tuple | list):
        return tuple(map(str, value))
    return (str(value).removesuffix(".0") if isinstance(value, float) else str(value),)


# -------------------------------------------------------------------------------------------------- arithmetic


MINUS_INF = -(1 << 23)
"""The bits of a float32 -inf, as an integer."""

BLOCK = 1 << 16
"""How many logits are processed at a time, so that intermediate results stay in the processor's cache."""

LOWEST = np.float32(-3e38)
"""All logits are above this value; values below it only distinguish tokens of -inf."""

LAST = 0xFFFFFFFF
"""Larger than any column number."""


def keep(logits: Tensor, kept: Tensor) -> Tensor:
    """The logits where `kept`, -inf elsewhere; both [rows, vocab]. Bit operations avoid a branch per token."""
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


def is_afar(values: Tensor) -> bool:
    """Whether values lie on an accelerator, so that looking at one of them would make the host wait for it."""
    return values.device.type != "cpu"


def wide(values: Tensor) -> torch.dtype:
    """The widest floating dtype that the device of these values has: float64, but float32 on mps."""
    import torch

    return torch.float32 if values.device.type == "mps" else torch.float64


def beside(values: Tensor, numbers: Any, dtype: torch.dtype | None = None) -> Tensor:
    """An array or list of numbers on the device of `values`. The host does not wait until the device is there."""
    if dtype is not None:
        numbers = np.asarray(numbers, str(dtype).removeprefix("torch."))
    found: Tensor = as_tensor(numbers, values.device)
    return found


def places(tokens: Sequence[Collection[int]], logits: Tensor) -> tuple[Tensor, Tensor]:
    """The row and the column of each token of each row, on the device of the logits."""
    rows = np.repeat(np.arange(len(tokens)), [len(own) for own in tokens])
    columns = np.array([token for own in tokens for token in own], np.int64)  # several times faster than torch.tensor
    return beside(logits, rows), beside(logits, columns)


def is_plain(values: Tensor) -> bool:
    """Whether numpy can work in place on these [rows, size] values."""
    import torch

    return (
        not is_afar(values)
        and values.dtype == torch.float32
        and values.is_contiguous()
        and values.dim() == 2
        and not values.requires_grad
    )


@dataclass(frozen=True)
class Shortlist:
    """A superset of the `k` largest elements of each row, only slightly larger; made by `shortlist`.

    `values` are the numbers, `flat` their indices in the flattened rows, in order; `counts` is their number per row.
    `table` [rows, width] holds each row's values side by side, padded with numbers below `LOWEST`. `places` are the
    indices of the values in the flattened table. Elements of -inf may be left out.
    """

    values: np.ndarray
    flat: np.ndarray
    counts: np.ndarray
    table: np.ndarray
    places: np.ndarray


def shortlist(values: Tensor, k: int) -> Shortlist | None:
    """The largest elements of each row, found without sorting; None if torch is as fast, or if a value is NaN.

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
    """How to pack some elements of `rows` rows of `size` side by side into a narrower table.

    `flat` are their indices in the flattened rows, in order. Returns the number of elements in each row, the width of
    the table (`least` or more), and their indices in the flattened table.
    """
    starts = np.searchsorted(flat, np.arange(rows + 1) * size)
    counts = np.diff(starts)
    width = max(least, int(counts.max(initial=0)))
    places = np.arange(len(flat)) + np.repeat(np.arange(rows) * width - starts[:-1], counts)
    return counts, width, places


@lru_cache(64)
def _ramp(size: int) -> np.ndarray:
    """Distinct numbers below all logits; finding the largest of many equal numbers is slow."""
    found: np.ndarray = (np.float32(-3.2e38) - np.arange(size) * (0.2e38 / size)).astype(np.float32)
    found.setflags(write=False)
    return found


def keep_largest(logits: Tensor, k: int) -> Tensor:
    """The `k` largest logits of each row, and those that tie with the last of them; -inf elsewhere."""
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
    """The `size` largest elements of each row in descending order, and their columns, [rows, size] each.

    Where a value is -inf, its column means nothing.
    """
    import torch

    found = shortlist(values, size)
    if found is None:
        best, ids = values.topk(size)
        return best, ids
    ranks = _in_order(found.table.view(np.int32)).astype(np.int64) << 32
    # Among equal values the lowest id comes first.
    ranks.reshape(-1)[found.places] |= LAST - found.flat % values.shape[-1]
    ranks.sort(axis=-1)
    ranks = ranks[:, : -size - 1 : -1]
    sorted_values = _in_order((ranks >> 32).astype(np.int32)).view(np.float32)
    columns = LAST - (ranks & LAST)
    nothing = sorted_values < LOWEST
    sorted_values[nothing], columns[nothing] = -np.inf, 0
    return torch.from_numpy(sorted_values), torch.from_numpy(columns)


def _in_order(bits: np.ndarray) -> np.ndarray:
    """Map the bits of floats to integers in the same order; the mapping is its own inverse."""
    found: np.ndarray = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return found


def total(parts: Tensor) -> Tensor:
    """The sum of each row, [rows, 1]; NaN (0 times -inf) counts as 0.

    torch splits the sum over a lone row among threads, which changes its last bits. So it always sums at least two.
    """
    return parts.expand(max(2, len(parts)), -1).nansum(-1, keepdim=True)[: len(parts)]


def entropy(logits: Tensor) -> Tensor:
    """The entropy of each row's distribution in nats, [rows, 1]."""
    surprise = logits.log_softmax(-1).neg_()
    return total(surprise * surprise.neg().exp_())
