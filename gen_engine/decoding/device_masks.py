"""What may follow, on an accelerator: masks are copied there once, and rows gather them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..memory import Memory
from ..shapers.shaping import beside
from ..text.token_sets import Blocked, Mask, TokenSet

ROOM = 1 << 28
"""The most bytes of masks that a chain keeps on a device, one for each token of each mask."""

MASKS = 4096
"""The most masks that it keeps there."""


@dataclass(frozen=True, eq=False)
class Barred:
    """The tokens that may not follow: `tensor` [rows, vocab] is True for them."""

    tensor: Tensor

    def bar(self, logits: Tensor) -> Tensor:
        """A copy of `logits` [rows, vocab] with -inf where a token may not follow."""
        return logits.masked_fill(self.tensor, -inf)


def barred(sets: Sequence[TokenSet], like: Tensor, known: Memory[Any, Tensor]) -> Barred:
    """The tokens that are not in the set of a row, for each row of the logits `like`; `known` are masks on devices."""
    rows, size = like.shape
    masks: dict[Mask, int] = {}
    numbers = [masks.setdefault(tokens.mask, len(masks)) for tokens in sets]
    known.size = max(1, min(MASKS, ROOM // size))
    found = torch.stack([_on_device(mask, like, known) for mask in masks])
    found = found.repeat(rows, 1) if len(masks) == 1 else found.index_select(0, beside(like, np.array(numbers)))
    odd, flat = Blocked(sets, size), found.view(-1)
    for places, value in ((odd.minus, True), (odd.plus, False)):
        if len(places):
            flat.index_fill_(0, beside(like, places), value)
    return Barred(found)


def _on_device(mask: Mask, like: Tensor, known: Memory[Any, Tensor]) -> Tensor:
    """The tokens outside a mask, bool [vocab]."""
    found = known.get((mask, like.device))
    return known.put((mask, like.device), beside(like, ~mask.array)) if found is None else found
