"""The head of BERT+FC for the runner; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gen_engine.models.kernels import make_linear
from gen_nextchar.fc.shape import SHAPE
from gen_nextchar.heads import Head, HeadKind, at_places, make_projection, read_places


def make_head(settings: Any, found: Mapping[str, Tensor]) -> Head:
    """Two linear layers on the state at the place of the prediction, or on the pooled state."""
    fused = settings.activation if settings.activation != "tanh" else "none"
    first = make_linear(found["first.weight"], found["first.bias"], fused)
    project = make_projection(found)

    def head(states: Tensor, seen: Tensor, pooled: Tensor | None) -> Tensor:
        read = at_places(states, read_places(seen, before_sep=not settings.bare)) if pooled is None else pooled
        hidden = first(read)
        return project(torch.tanh(hidden) if settings.activation == "tanh" else hidden)

    return head


KIND = HeadKind(SHAPE, make_head)
"""BERT+FC, computed by torch."""
