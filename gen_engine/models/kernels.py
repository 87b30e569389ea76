"""Linear layers whose rows do not depend on their neighbours, bit for bit, and the padding that sees to it.

Found with torch 2.13 on AVX-512 (bf16, VNNI), 1 and 2 threads, with weights and rows that cancel, so that the result is
nothing but rounding and any other order of summation shows:
- oneDNN with packed weights: equal at 2 to 100 rows in bf16 and fp32; one row alone differs where a layer has 1600
  inputs or more. 1.4 to 2 times faster than `F.linear` at one row.
- `F.linear`: in fp32 rows 1-3 differ (one thread), 1-3, 5-7 and 9 (two threads): multiples of 8 are safe. In bf16 one
  row alone differs at 1600 inputs or more, and at 32 or fewer.
- `F.scaled_dot_product_attention`, one query, fp32, two threads: differs with the number of rows, since the alignment
  of its per-thread buffers does; bf16 is equal, but 8 times slower than `bmm` in fp32 at 64 rows.
- `bmm` - `softmax` - `bmm` in fp32 with one query a row: equal at any number of rows, and under padding with masked
  keys to any multiple of 32. With several queries it may differ at one row: such rows are attended one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

Linear = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, tuple[str, str]] = {
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "gelu": ("gelu", "none"),
    "relu": ("relu", ""),
    "none": ("none", ""),
}
"""How oneDNN calls the activations of GPT-2's configurations."""

PROBED_OUTPUTS = 512
"""Outputs of a layer that are probed: more of them are more of the same."""

PADDINGS = ((1, 1), (2, 1), (8, 8), (16, 16))
"""Ways to pad rows, cheapest first: to at least so many, to a multiple of so many."""


def make_linear(weight: Tensor, bias: Tensor | None, activation: str = "none") -> Linear:
    """`x -> activation(x @ weight.T + bias)` for x [rows, in] and weight [out, in], packed where torch can do that."""
    kind, algorithm = ACTIVATIONS[activation]
    packed = _pack(weight)
    if packed is not None:
        apply = torch.ops.mkldnn._linear_pointwise
        return lambda x: apply(x, packed, bias, kind, [], algorithm)
    if kind == "gelu":
        return lambda x: F.gelu(F.linear(x, weight, bias), approximate=algorithm)
    if kind == "relu":
        return lambda x: F.relu(F.linear(x, weight, bias))
    return lambda x: F.linear(x, weight, bias)


def _pack(weight: Tensor) -> Tensor | None:
    """`weight` in oneDNN's own layout, or None where this torch cannot (the functions have private names)."""
    try:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, 16)
        torch.ops.mkldnn._linear_pointwise(weight[:1], packed, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return None
    return packed


def padding(shapes: Iterable[tuple[int, int]], dtype: torch.dtype) -> tuple[int, int] | None:
    """The cheapest padding under which layers of these (out, in) shapes treat every row alike; None if none does."""
    found = [_padding(min(out, PROBED_OUTPUTS), inner, dtype, torch.get_num_threads()) for out, inner in set(shapes)]
    return None if None in found else max((pad for pad in found if pad is not None), default=PADDINGS[0])


@lru_cache
def _padding(out: int, inner: int, dtype: torch.dtype, threads: int) -> tuple[int, int] | None:
    del threads  # a part of the key: kernels split their work by it
    linear, rows = _cancelling(out, inner, dtype)
    expected = linear(rows)
    for pad in PADDINGS:
        counts = (1, 2, 3, 5, 9, 33)
        if all(torch.equal(linear(rows[: padded(count, pad)])[:count], expected[:count]) for count in counts):
            return pad
    return None


def padded(count: int, pad: tuple[int, int]) -> int:
    """`count` rows rounded up by a padding."""
    least, multiple = pad
    return max(least, -(-count // multiple) * multiple)


def _cancelling(out: int, inner: int, dtype: torch.dtype) -> tuple[Linear, Tensor]:
    """A layer and 64 rows whose products sum to zero, so that its outputs are rounding errors only."""
    generator = torch.Generator().manual_seed(0)
    half = (inner + 1) // 2
    left = torch.randn(min(out, 64), half, generator=generator).to(dtype)
    rows = torch.randn(64, half, generator=generator).to(dtype)
    weight = torch.cat([left, left.flip(1)], 1).repeat(-(-out // len(left)), 1)[:out, :inner].contiguous()
    return make_linear(weight, None), torch.cat([rows, -rows.flip(1)], 1)[:, :inner].contiguous()
