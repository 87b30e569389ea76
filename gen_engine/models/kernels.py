"""Linear layers whose rows do not depend on their neighbours, bit for bit, on every processor.

A matrix product may round a row differently if the number of rows, or the row's place among them, changes. So the
layers compute rows together only in certain numbers. At load, on this very machine, these numbers were found to round a
row alike at any place. Other numbers of rows are padded with zeros, or split. If no such numbers are found, each row is
computed by itself, which is right on every processor.

They are found with weights and rows that cancel. The results are pure rounding errors, so any other order of summation
shows. Observed with torch 2.13, one and two threads, 1 to 130 rows, layers of 8 to 3072 inputs, and each instruction
set from SSE4.1 to AVX-512 with fp16:
- oneDNN with packed weights rounds a row alike at 2 to 130 rows. One row alone differs if a layer has many inputs (1600
  under AVX-512, 256 under SSE4.1). In bf16 it differs always if the processor lacks bf16. AVX2 cannot pack bf16.
- `F.linear` rounds 1 to 15 rows differently in fp32. In bf16 it does so with one row, or with 3 to 21 rows in a layer
  of 8 inputs.
- `F.gelu` in fp32 rounds the last numbers of a tensor differently, since they are not computed as vectors.
- `F.scaled_dot_product_attention`, with one query, fp32 and two threads, differs with the number of rows, since the
  alignment of its per-thread buffers does. In bf16 it is equal, but 8 times slower than `bmm` in fp32 at 64 rows.
- `bmm` - `softmax` - `bmm` in fp32 with one query per row is equal at any number of rows. It is also equal if padded
  with masked keys to any multiple of 32. With several queries it may differ at one row, so such rows are attended one
  by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

Linear = Callable[[Tensor], Tensor]
"""`x [rows, in] -> [rows, out]`."""

ACTIVATIONS: dict[str, tuple[str, str]] = {
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "gelu": ("gelu", "none"),
    "relu": ("relu", ""),
    "none": ("none", ""),
}
"""oneDNN's names for the activations of GPT-2's configurations."""

SIZES = (*range(1, 17), 20, 24, 32, 48, 64, 128)
"""Numbers of rows to compute together, if they are found to round alike. All small numbers are here, since padding a
few rows to many is costly. Beyond the largest, more rows at once are hardly faster.
"""

SMALL = 16
"""Some number of rows up to this one must round as many rows do. Otherwise one by one is cheaper for few rows."""


@dataclass(frozen=True)
class Layer:
    """The key for choosing a kernel: `out` x `inner` weights, the activation that follows, whether there is a bias."""

    out: int
    inner: int
    activation: str = "none"
    bias: bool = True


@dataclass(frozen=True)
class Kernel:
    """How a layer is computed: with weights packed by oneDNN or not, and in which numbers of rows."""

    packed: bool
    sizes: tuple[int, ...]

    @property
    def one_by_one(self) -> bool:
        """Whether each row is computed by itself."""
        return self.sizes == (1,)

    @property
    def any_rows(self) -> bool:
        """Whether all numbers of rows that were tried may be computed together. Then `fast` gives nothing up."""
        return self.sizes == SIZES

    def __str__(self) -> str:
        weights = "packed weights" if self.packed else "plain weights"
        if self.one_by_one:
            return f"{weights}, each row by itself"
        if self.any_rows:
            return f"{weights}, any number of rows together"
        if self.sizes == SIZES[-len(self.sizes) :]:
            return f"{weights}, at least {self.sizes[0]} rows together"
        return f"{weights}, only {', '.join(map(str, self.sizes))} rows together"


def make_linear(weight: Tensor, bias: Tensor | None, activation: str = "none", *, fast: bool = False) -> Linear:
    """`x -> activation(x @ weight.T + bias)` for x [rows, in] and weight [out, in].

    The result of a row depends on that row alone. With `fast` it may not: all rows are computed together.
    """
    kernel = kernel_of(Layer(len(weight), weight.shape[1], activation, bias is not None), weight.dtype)
    compute = _computed(weight, bias, activation, packed=kernel.packed)
    assert compute is not None
    return compute if fast else partial(apart, compute, kernel.sizes)


def kernel_of(layer: Layer, dtype: torch.dtype) -> Kernel:
    """The cheapest way to compute such layers on this machine so that a row's result depends on that row alone."""
    return _kernel_of(layer, dtype, torch.get_num_threads())


def _computed(weight: Tensor, bias: Tensor | None, activation: str, *, packed: bool) -> Linear | None:
    """All rows together, by oneDNN with packed weights or by torch; None if this torch cannot pack them."""
    kind, algorithm = ACTIVATIONS[activation]
    if not packed:
        after = PLAIN[kind + algorithm]
        return lambda x: after(F.linear(x, weight, bias))
    held = _pack(weight)
    if held is None:
        return None
    apply = torch.ops.mkldnn._linear_pointwise
    return lambda x: apply(x, held, bias, kind, [], algorithm)


def _pack(weight: Tensor) -> Tensor | None:
    """`weight` in oneDNN's own layout; None if this torch cannot do it (the functions have private names)."""
    try:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, 16)
        torch.ops.mkldnn._linear_pointwise(weight[:1], packed, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return None
    return packed


def _gelu(x: Tensor) -> Tensor:
    found = x.float()
    return (found * 0.5 * (1 + torch.erf(found * 0.5**0.5))).to(x.dtype)


def _gelu_tanh(x: Tensor) -> Tensor:
    found = x.float()
    return (found * 0.5 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (found + 0.044715 * found**3)))).to(x.dtype)


def _relu(x: Tensor) -> Tensor:
    return F.relu(x)


def _unchanged(x: Tensor) -> Tensor:
    return x


PLAIN: dict[str, Linear] = {"gelutanh": _gelu_tanh, "gelunone": _gelu, "relu": _relu, "none": _unchanged}
"""The activations, built from steps that round a number alike wherever it stands. `F.gelu` does not."""


def apart(compute: Linear, sizes: tuple[int, ...], x: Tensor) -> Tensor:
    """`compute` for x [rows, ...], called only with numbers of rows in `sizes`. Padding is zeros."""
    rows = len(x)
    if rows in sizes:
        return compute(x)
    most = sizes[-1]
    if rows > most:
        # Kernels may depend on the alignment of their input, so fewer than 64 rows are copied.
        parts = torch.split(x, most) if most >= 64 else [part.clone() for part in torch.split(x, most)]
        return torch.cat([apart(compute, sizes, part) for part in parts])
    filled = next(size for size in sizes if size > rows)
    return compute(F.pad(x, (*[0, 0] * (x.dim() - 1), 0, filled - rows)))[:rows]


def multiply(left: Tensor, right: Tensor, added: Tensor | None = None, scale: float = 1.0) -> Tensor:
    """`added + scale * left @ right` of matrices [count, ...]. Each result is independent of their number.

    A single matrix would use another function than several, which splits its sums among threads.
    """
    if len(left) == 1:
        return multiply(left.expand(2, -1, -1), right.expand(2, -1, -1), added, scale)[:1]
    return torch.bmm(left, right) if added is None else torch.baddbmm(added, left, right, alpha=scale)


@cache  # at most one for each layer shape, dtype and number of threads
@torch.inference_mode()
def _kernel_of(layer: Layer, dtype: torch.dtype, threads: int) -> Kernel:
    del threads  # part of the key: kernels split their work by it
    weight, rows = _cancelling(layer, dtype)
    bias = torch.zeros(layer.out, dtype=dtype) if layer.bias else None
    ways = {packed: _computed(weight, bias, layer.activation, packed=packed) for packed in (True, False)}
    for packed, compute in ways.items():
        sizes = alike(compute, rows) if compute is not None else ()
        if sizes:
            return Kernel(packed, sizes)
    return Kernel(ways[True] is not None, (1,))


def alike(compute: Callable[[Tensor], Tensor], rows: Tensor) -> tuple[int, ...]:
    """The SIZES in which `compute` gives each of `rows` the same bits at any place; none if they are of no use.

    The largest is all of `rows`, 64 or 16. The smallest is at most 16, since few rows are padded to it.
    """
    found = (_alike(compute, rows[:most]) for most in (len(rows), 64, SMALL) if most <= len(rows))
    return next((sizes for sizes in found if sizes and sizes[0] <= SMALL), ())


def _alike(compute: Callable[[Tensor], Tensor], rows: Tensor) -> tuple[int, ...]:
    """The sizes in which each of `rows` comes out as it does among all of them.

    First all rows are rotated by one, which compares neighbouring places. Then each smaller number of the last rows, at
    its own places, is compared with all of them.
    """
    whole = compute(rows)
    if not torch.equal(compute(rows.roll(1, 0)), whole.roll(1, 0)):
        return ()
    smaller = [size for size in SIZES if size < len(rows) and torch.equal(compute(rows[-size:]), whole[-size:])]
    return (*smaller, len(rows))


def _cancelling(layer: Layer, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Weights [out, in] and 128 rows whose products sum to zero, so the layer's outputs are pure rounding errors."""
    generator = torch.Generator().manual_seed(0)
    half = (layer.inner + 1) // 2
    left = torch.randn(min(layer.out, 64), half, generator=generator).to(dtype)
    rows = torch.randn(SIZES[-1], half, generator=generator).to(dtype)
    weight = torch.cat([left, left.flip(1)], 1).repeat(-(-layer.out // len(left)), 1)[: layer.out, : layer.inner]
    return weight.contiguous(), torch.cat([rows, -rows.flip(1)], 1)[:, : layer.inner].contiguous()
