"""A running mean of the weights (exponential moving average), swapped in for measuring and saving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def start_average(model: nn.Module) -> list[Tensor]:
    """A copy of every parameter, in the order of `model.parameters()`."""
    return [parameter.detach().clone() for parameter in model.parameters()]


@torch.no_grad()
def update_average(average: list[Tensor], model: nn.Module, decay: float) -> None:
    """Move every mean by (1 - `decay`) towards the current weights."""
    for mean, parameter in zip(average, model.parameters(), strict=True):
        mean.lerp_(parameter, 1 - decay)


@contextmanager
def averaged_weights(model: nn.Module, average: list[Tensor]) -> Iterator[None]:
    """Inside, `model` holds the means (without any, its own weights). Afterwards its weights are restored, bit for
    bit."""
    kept = start_average(model) if average else []
    _overwrite(model, average)
    try:
        yield
    finally:
        _overwrite(model, kept)


@torch.no_grad()
def _overwrite(model: nn.Module, values: list[Tensor]) -> None:
    for parameter, value in zip(model.parameters() if values else [], values, strict=True):
        parameter.copy_(value)
