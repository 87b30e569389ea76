"""The tensors of a BERT+FC's head; nothing here imports torch."""

from __future__ import annotations

from typing import Any

from gen_nextchar.shapes import HeadShape, Shapes, projection_tensors


def head_tensors(settings: Any, size: int) -> Shapes:
    """The names and shapes of the head's tensors, for an encoder `size` wide."""
    first: Shapes = {"first.weight": (settings.hidden, size), "first.bias": (settings.hidden,)}
    return first | projection_tensors(settings, settings.hidden, size)


SHAPE = HeadShape({"hidden": 256, "activation": "gelu"}, head_tensors)
"""BERT+FC, with the defaults of its configuration."""
