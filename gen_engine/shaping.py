"""What every built-in shaper is made of: the name it is spelled by, checked parameters, and row-wise arithmetic."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING

from .errors import GenError

if TYPE_CHECKING:
    from torch import Tensor

    from .types import Step


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
    changed = [f",{key}={plain(chosen)}" for key, (chosen, default) in options.items() if chosen != default]
    return f"{name}={plain(value)}" + "".join(changed)


def written(marks: Sequence[str]) -> str:
    """A list as `--with` takes it, with bars between."""
    return "|".join(re.sub(r'[\\,|"\']', r"\\\g<0>", mark).replace("\n", "\\n") for mark in marks)


def plain(value: object) -> str:
    """A value without the `.0` of a whole number."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


# -------------------------------------------------------------------------------------------------- arithmetic


def keep(logits: Tensor, kept: Tensor) -> Tensor:
    """The logits where `kept`, -inf elsewhere; both [rows, vocab]."""
    import torch

    return torch.where(kept, logits, -torch.inf)


def total(parts: Tensor) -> Tensor:
    """The sum of each row, [rows, 1], in which what is no number (0 times -inf) counts nothing.

    torch splits the sum over a lone row among threads, which changes its last bits: never are fewer than two summed.
    """
    return parts.expand(max(2, len(parts)), -1).nansum(-1, keepdim=True)[: len(parts)]


def entropy(logits: Tensor) -> Tensor:
    """The entropy of each row's distribution in nats, [rows, 1]."""
    surprise = logits.log_softmax(-1).neg_()
    return total(surprise * surprise.neg().exp_())
