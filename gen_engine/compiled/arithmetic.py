"""Arithmetic in one fixed order: what `source/lanes.h` computes in float32, in numpy, bit by bit; and some in float64.

Only +, -, *, /, square roots, comparisons and moves of bits are used. IEEE 754 rounds each of them in one way, so every
processor gives the same bits. A sum over a row is 16 running sums (lane j sums the elements j, j + 16, ...), which are
folded in halves at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

LANES = 16

Array = np.ndarray[Any, np.dtype[Any]]

F = np.float32


def lanes_of(values: Array, filler: float = 0.0) -> Array:
    """[..., size] as [..., steps, 16], padded with `filler`."""
    size = values.shape[-1]
    missing = -size % LANES
    if missing:
        values = np.concatenate([values, np.full((*values.shape[:-1], missing), filler, values.dtype)], -1)
    return values.reshape(*values.shape[:-1], -1, LANES)


def folded_sum(values: Array) -> Array:
    """The sums over the last axis, [...]; in float32 or float64, as the values are."""
    sums = np.add.accumulate(lanes_of(values), axis=-2)[..., -1, :]  # one after the other
    half = LANES // 2
    while half:
        sums = sums[..., :half] + sums[..., half : 2 * half]
        half //= 2
    found: Array = sums[..., 0]
    return found


def nearest(values: Array) -> Array:
    """The nearest whole numbers, ties to even, for float32 below 2**22."""
    magic = F(12582912.0)
    return (values + magic) - magic


def exponential(values: Array) -> Array:
    """e to the power of float32 values; 0 below -87; above 88 they count as 88. Cephes' polynomial (S. Moshier)."""
    v = np.where(values > F(88), F(88), values)
    tiny = v < F(-87)
    v = np.where(tiny, F(0), v)
    n = nearest(v * F(1.44269504088896341))
    r = (v - n * F(0.693359375)) - n * F(-2.12194440e-4)
    p = r * F(1.9875691500e-4) + F(1.3981999507e-3)
    for term in (8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = p * r + F(term)
    p = (p * (r * r) + r) + F(1)
    with np.errstate(invalid="ignore"):
        power = ((n.astype(np.int32) + 127) << 23).view(np.float32)
    return np.where(tiny, F(0), p * power)


def logarithms(values: Array) -> Array:
    """The natural logarithms of positive, finite float64 values; NaN stays NaN. Last bits differ from math.log."""
    mantissas, exponents = np.frexp(values)
    small = mantissas < SQRT_HALF
    found: Array = _log(np.where(small, mantissas + mantissas, mantissas), exponents.astype(np.float64) - small)
    return found


def logarithm(value: float) -> float:
    """The same of one number, faster."""
    mantissa, exponent = math.frexp(value)
    small = mantissa < SQRT_HALF
    found: float = _log(mantissa + mantissa if small else mantissa, float(exponent - small))
    return found


SQRT_HALF = 0.7071067811865476


def _log(mantissas: Any, exponents: Any) -> Any:
    """By the series of the area tangent: log m = 2 * artanh((m - 1) / (m + 1))."""
    s = (mantissas - 1.0) / (mantissas + 1.0)
    z = s * s
    p = z * (1 / 23) + 1 / 21
    for odd in range(19, 0, -2):
        p = p * z + 1 / odd
    return exponents * 0.6931471803691238 + ((s + s) * p + exponents * 1.9082149292705877e-10)


def powers(values: Array) -> Array:
    """e to the power of float64 values up to 700; 0 for -inf and below -700. By the series, after a reduction."""
    v = np.maximum(values, -701.0)
    n = np.rint(v * 1.4426950408889634)
    r = (v - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    p = np.full_like(r, 1 / math.factorial(13))
    for term in range(12, -1, -1):
        p = p * r + 1 / math.factorial(term)
    found: Array = np.where(values < -700.0, 0.0, np.ldexp(p, n.astype(np.int32)))
    return found


def hyperbolic_tangent(values: Array) -> Array:
    """tanh of float32 values."""
    return F(1) - F(2) / (exponential(values + values) + F(1))


def sigmoid(values: Array) -> Array:
    """1 / (1 + exp(-x)) of float32 values."""
    return F(1) / (exponential(F(0) - values) + F(1))


def gelu_tanh(x: Array) -> Array:
    """GELU by the hyperbolic tangent. Hendrycks and Gimpel (2016), "Gaussian error linear units"."""
    inner = F(0.7978845608) * (x + F(0.044715) * (x * x * x))
    return (F(0.5) * x) * (F(1) + hyperbolic_tangent(inner))


def gelu_erf(x: Array) -> Array:
    """GELU by the error function; formula 7.1.26 of Abramowitz and Stegun, whose error is at most 1.5e-7."""
    z = np.abs(x) * F(0.70710678118)
    t = F(1) / (F(1) + F(0.3275911) * z)
    p = t * F(1.061405429) + F(-1.453152027)
    for term in (1.421413741, -0.284496736, 0.254829592):
        p = p * t + F(term)
    erf = F(1) - (p * t) * exponential(F(0) - z * z)
    erf = np.where(x < 0, -erf, erf)
    return (F(0.5) * x) * (F(1) + erf)


ACTIVATIONS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "none": (0, lambda x: x),
    "gelu_new": (1, gelu_tanh),
    "gelu_pytorch_tanh": (1, gelu_tanh),
    "gelu": (2, gelu_erf),
    "relu": (3, lambda x: np.where(x > 0, x, F(0))),
    "tanh": (4, hyperbolic_tangent),
}
"""The activations by their names in configurations: the number in `source/lanes.h`, and the function."""


def normalise(rows: Array, epsilon: float, gains: Array | None = None, shifts: Array | None = None) -> Array:
    """Layer normalisation of float32 rows [..., size]. Ba, Kiros and Hinton (2016), "Layer normalization"."""
    size = F(rows.shape[-1])
    away = rows - (folded_sum(rows) / size)[..., None]
    by = F(1) / np.sqrt(folded_sum(away * away) / size + F(epsilon))
    found = away * by[..., None]
    found = found if gains is None else found * gains
    return found if shifts is None else found + shifts


def quantise(rows: Array) -> tuple[Array, Array]:
    """Float32 rows [..., size] as bytes from -127 to 127, and the scale of each row: value = byte * scale."""
    largest = np.abs(rows).max(-1)
    nothing = ~(largest > F(1e-30))
    scales = np.where(nothing, F(0), largest / F(127))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        by = np.where(nothing, F(0), F(127) / largest)
        found = nearest(rows * by[..., None]).astype(np.int8)
    return found, scales.astype(np.float32)


def as_array(logits: Any) -> Array:
    """Logits as float32 in numpy, [rows, vocab]; float32 on the CPU is not copied."""
    if not isinstance(logits, np.ndarray):
        logits = logits.detach().cpu().float().numpy()
    found = np.ascontiguousarray(logits, np.float32)
    return found if found.flags.writeable else found.copy()


def as_tensor(numbers: Any, device: Any) -> Any:
    """An array or list of numbers as a tensor on a device of torch. The host does not wait until it is there."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(numbers))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def power(base: float, exponent: float) -> float:
    """`base` above 0 to the power of `exponent`; to the power of 1 it is itself."""
    return base if exponent == 1 else float(powers(np.array(exponent * logarithm(base))))
