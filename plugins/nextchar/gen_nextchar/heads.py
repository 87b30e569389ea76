"""What heads of next-character models are made of, for training and the runner alike; no transformers here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gen_engine.models.kernels import Linear, make_linear
from gen_nextchar.encoder import Shapes

Head = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""`(states [rows, length, size], tokens seen [rows], pooled [rows, size] or None) -> hidden [rows, width]`."""


@dataclass(frozen=True)
class HeadKind:
    """How a kind of model makes of its encoder's states what predicts: its tensors' shapes, and the head of these.

    Both are given the model's configuration; `tensors` the width of the encoder, too. `defaults` are what a
    configuration means where it says nothing.
    """

    defaults: Mapping[str, Any]
    tensors: Callable[[Any, int], Shapes]
    make: Callable[[Any, Mapping[str, Tensor]], Head]


def read_places(seen: Tensor, before_sep: bool) -> Tensor:
    """Where in framed rows of which `seen` tokens [rows] are real the prediction is read: at [SEP], or before it.

    Before it stands the last character or the [MASK]; where a text is empty and there is no [MASK] either, [SEP] is
    read all the same.
    """
    return torch.where(seen > 2, seen - 1 - int(before_sep), seen - 1)


def at_places(states: Tensor, places: Tensor) -> Tensor:
    """The state of each row at its place: [rows, width] of [rows, length, width]."""
    return states[torch.arange(len(states), device=states.device), places]


def projection_tensors(settings: Any, width: int, size: int) -> Shapes:
    """What lies between a head `width` wide and the output matrix: a projection where that is tied, else the matrix."""
    if not settings.tie:
        return {"output.weight": (settings.vocab_size, width)}
    return {
        "project.0.weight": (size, width),
        "project.0.bias": (size,),
        "project.1.weight": (size,),
        "project.1.bias": (size,),
    }


def make_projection(found: Mapping[str, Tensor]) -> Linear:
    """The projection before a tied output matrix, or nothing where there is none."""
    if "project.0.weight" not in found:
        return lambda hidden: hidden
    project = make_linear(found["project.0.weight"], found["project.0.bias"])
    weight, bias = found["project.1.weight"], found["project.1.bias"]
    return lambda hidden: torch.layer_norm(project(hidden), (len(weight),), weight, bias, 1e-5)
