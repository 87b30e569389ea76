"""The parts of next-character heads, for both training and the runner; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gen_engine.models.kernels import Linear, make_linear
from gen_nextchar.shapes import HeadShape

Head = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""`(states [rows, length, size], tokens seen [rows], pooled [rows, size] or None) -> hidden [rows, width]`."""


@dataclass(frozen=True)
class HeadKind:
    """A kind of head, which turns the encoder's states into predictions: its tensors, and its maker.

    `make` takes the model's configuration and the tensors.
    """

    shape: HeadShape
    make: Callable[[Any, Mapping[str, Tensor]], Head]


def read_places(seen: Tensor, before_sep: bool) -> Tensor:
    """The places where predictions are read in framed rows with `seen` [rows] real tokens: at [SEP], or before it.

    Before [SEP] comes the last character or the [MASK]. If the text is empty and there is no [MASK], [SEP] is read
    after all.
    """
    return torch.where(seen > 2, seen - 1 - int(before_sep), seen - 1)


def at_places(states: Tensor, places: Tensor) -> Tensor:
    """The state of each row at its place: [rows, width] from [rows, length, width]."""
    return states[torch.arange(len(states), device=states.device), places]


def make_projection(found: Mapping[str, Tensor]) -> Linear:
    """The projection before a tied output matrix; without one, the identity."""
    if "project.0.weight" not in found:
        return lambda hidden: hidden
    project = make_linear(found["project.0.weight"], found["project.0.bias"])
    weight, bias = found["project.1.weight"], found["project.1.bias"]
    return lambda hidden: torch.layer_norm(project(hidden), (len(weight),), weight, bias, 1e-5)
