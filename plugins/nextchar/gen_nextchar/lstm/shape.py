"""The tensors of a BERT+LSTM's head; nothing here imports torch."""

from __future__ import annotations

from typing import Any

from gen_nextchar.shapes import HeadShape, Shapes, projection_tensors


def head_tensors(settings: Any, size: int) -> Shapes:
    """The names and shapes of the head's tensors, for an encoder `size` wide."""
    hidden = settings.hidden
    found: Shapes = {}
    for layer in range(settings.layers):
        found |= {
            f"lstm.weight_ih_l{layer}": (4 * hidden, hidden if layer else size),
            f"lstm.weight_hh_l{layer}": (4 * hidden, hidden),
            f"lstm.bias_ih_l{layer}": (4 * hidden,),
            f"lstm.bias_hh_l{layer}": (4 * hidden,),
        }
    for name in ("query", "key", "value") if settings.attention else ():
        found |= {f"attend.{name}.weight": (hidden, hidden), f"attend.{name}.bias": (hidden,)}
    if settings.attention:
        found |= {"attend.norm.weight": (hidden,), "attend.norm.bias": (hidden,)}
    return found | projection_tensors(settings, hidden + (size if settings.pooler else 0), size)


SHAPE = HeadShape({"hidden": 256, "layers": 1, "attention": False, "skip_special": False}, head_tensors)
"""BERT+LSTM, with the defaults of its configuration."""
