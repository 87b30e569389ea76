"""The head of BERT+LSTM for the runner; nothing here imports transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gen_engine.models.kernels import make_linear, multiply
from gen_nextchar.heads import Head, HeadKind, at_places, make_projection, read_places
from gen_nextchar.lstm.shape import SHAPE

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`(last outputs [rows, hidden], all outputs [rows, length, hidden], where the last are [rows]) -> [rows, hidden]`."""


def make_head(settings: Any, found: Mapping[str, Tensor]) -> Head:
    """The LSTM, the attention over its outputs, and the projection."""
    lstm = make_lstm(settings, found)
    attend = make_attention(found) if settings.attention else None
    project = make_projection(found)
    skipped = int(settings.skip_special)
    before_sep = settings.skip_special or settings.variable or bool(settings.encoder.get("is_decoder"))

    def head(states: Tensor, seen: Tensor, pooled: Tensor | None) -> Tensor:
        places = read_places(seen, before_sep) - skipped
        outputs, _ = lstm(states[:, skipped:].contiguous())
        hidden = at_places(outputs, places)
        if attend is not None:
            hidden = attend(hidden, outputs, places)
        return project(hidden if pooled is None else torch.cat([hidden, pooled], -1))

    return head


def make_lstm(settings: Any, found: Mapping[str, Tensor]) -> nn.LSTM:
    """torch's own LSTM, with zeros as initial states."""
    weights = {name.removeprefix("lstm."): tensor for name, tensor in found.items() if name.startswith("lstm.")}
    first = weights["weight_ih_l0"]
    with torch.device("meta"):
        lstm = nn.LSTM(first.shape[1], settings.hidden, settings.layers, batch_first=True, dtype=first.dtype)
    lstm.load_state_dict(weights, assign=True)
    return lstm.requires_grad_(False).eval()


def make_attention(found: Mapping[str, Tensor]) -> Attend:
    """The computation of `OutputAttention`, in fp32 between its linear layers."""
    query, key, value = (
        make_linear(found[f"attend.{name}.weight"], found[f"attend.{name}.bias"]) for name in ("query", "key", "value")
    )
    norm = found["attend.norm.weight"], found["attend.norm.bias"]

    def attend(hidden: Tensor, outputs: Tensor, places: Tensor) -> Tensor:
        rows, length, size = outputs.shape
        flat = outputs.reshape(-1, size)
        keys, values = (part(flat).float().view(rows, length, size) for part in (key, value))
        scores = multiply(query(hidden).float().unsqueeze(1), keys.transpose(1, 2)) * size**-0.5  # [rows, 1, length]
        later = torch.arange(length) > places.view(-1, 1, 1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)
        added = hidden + multiply(shares, values).squeeze(1).to(hidden.dtype)
        return torch.layer_norm(added, (size,), *norm, 1e-5)

    return attend


KIND = HeadKind(SHAPE, make_head)
"""BERT+LSTM, computed by torch."""
