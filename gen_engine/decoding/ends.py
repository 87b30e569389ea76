"""Several tokens that end a text, as one event: "the text ends here", with the probability of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.arithmetic import Array, logarithms, powers
from ..shapers.shaping import beside
from ..text import Vocabulary

if TYPE_CHECKING:
    from torch import Tensor


def fold_ends(logits: Array, vocabulary: Vocabulary) -> Array:
    """The float32 logits [rows, vocab], changed in place: the end has the whole probability of all ends, others none.

    Each row is folded by itself, in an arithmetic that is the same on every machine. With one end nothing is done.
    """
    if not vocabulary.ends:
        return logits
    first, *others = vocabulary.every_end
    own = logits[:, [first, *others]].astype(np.float64)
    largest = own.max(-1)
    is_finite = np.isfinite(largest)
    with np.errstate(invalid="ignore"):
        shares = powers(own - np.where(is_finite, largest, 0.0)[:, None])
        total = np.add.accumulate(shares, axis=-1)[:, -1]  # one after the other
        sums = largest + logarithms(np.where(is_finite, total, 1.0))
    logits[:, first] = np.where(is_finite, sums, largest)
    logits[:, others] = -np.inf
    return logits


def fold_ends_of_tensor(logits: Tensor, vocabulary: Vocabulary) -> Tensor:
    """The same of a tensor [rows, vocab] on any device, in its own arithmetic; the host does not wait for it."""
    if not vocabulary.ends:
        return logits
    ends = beside(logits, np.array(vocabulary.every_end))
    whole = logits.index_select(1, ends).float().logsumexp(-1, keepdim=True)
    return logits.index_fill_(1, ends, -float("inf")).index_copy_(1, ends[:1], whole.to(logits.dtype))


def unfold_ends_of_tensor(folded: Tensor, own: Tensor, vocabulary: Vocabulary, *, rows: Sequence[int]) -> Tensor:
    """A copy of `folded` [all rows, vocab] in which each end has its share of the end's probability in these `rows`.

    `own` are the logits before they were folded, by which the shares are told.
    """
    if not vocabulary.ends or not rows:
        return folded
    ends = list(vocabulary.every_end)
    at = [[row] for row in rows]
    each = own[at, ends].float()
    found = folded.clone()
    parts = each + (folded[at, ends[:1]] - each.logsumexp(-1, keepdim=True))  # they stay as they are without shapers
    found[at, ends] = parts.masked_fill(parts.isnan(), -float("inf")).to(found.dtype)
    return found
