"""Arithmetic of draws on an accelerator, and the one copy of its results for the host.

The semantics are those of `compiled/drawing.py`, whose arithmetic is fixed to the last bit. Here sums run in the order
that the device likes, so that a draw may differ where a random number lies on the very edge between two tokens. A token
that may not follow has no probability, and is never drawn, however sums are rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compiled.arithmetic import Array
from ..shapers.shaping import beside, wide
from .logits import Leaning

ROOM = 1 << 24
"""How many logits are summed up at a time: running sums take twice their memory."""


def to_host(tensor: Tensor) -> Array:
    """A copy of a tensor for the host, which waits for it. All copies go through here."""
    found: Array = tensor.cpu().numpy()
    return found


@dataclass(eq=False)
class Transfer:
    """Copies many tensors to the host at once, when the first of them is read."""

    waiting: list[tuple[Tensor, list[Array]]] = field(default_factory=list)

    def add(self, tensor: Tensor) -> Callable[[], Array]:
        """A function that returns the tensor as an array."""
        found: list[Array] = []
        self.waiting.append((tensor, found))

        def read() -> Array:
            if not found:
                self.fetch()
            return found[0]

        return read

    def fetch(self) -> None:
        """Copy all that waits."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        parts = [tensor.contiguous().view(-1).view(torch.uint8) for tensor, _ in waiting]
        whole, first = to_host(torch.cat(parts)), 0
        for part, (tensor, found) in zip(parts, waiting, strict=True):
            kind = np.dtype(str(tensor.dtype).removeprefix("torch."))
            own = whole[first : first + len(part)].copy()  # of its own, so that numbers lie where they should
            found.append(own.view(kind).reshape(tensor.shape))
            first += len(part)


TOKEN, LOGPROB, TEMPERED, LARGEST, LOG_SUM, VALUE, NORM, COUNT = range(8)
"""The numbers of a row that the host gets: the token (-1: none); the model's own log-probability of it, and that at the
temperature wanted; the model's largest logit, and the log of the sum of e^(logit - largest); the logit that was drawn
from, and the log of the sum of e^logit of these; how many tokens the shapers left."""


def numbers_of(own: Tensor, shaped: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """These numbers [8, rows], in the widest dtype of the device: a float32 counts up to 16 million exactly."""
    at = tokens.clamp(min=0)
    largest, log_sum = norms(own)
    told = (_at(own, at).to(largest.dtype) - largest) - log_sum
    cooler = told if temperature == 1 else logprobs_at(own / temperature, at)
    most, log_norm = norms(shaped)
    count = (shaped > -inf).sum(-1)
    parts = (tokens, told, cooler, largest, log_sum, _at(shaped, at), most + log_norm, count)
    return torch.stack([part.to(largest.dtype) for part in parts])


def _at(logits: Tensor, tokens: Tensor) -> Tensor:
    """One logit of each row, [rows]."""
    return logits.gather(-1, tokens[:, None]).squeeze(-1)


def logprobs_at(logits: Tensor, tokens: Tensor) -> Tensor:
    """The log-probability of one token of each row in nats, [rows]."""
    largest, log_sum = norms(logits)
    return (_at(logits, tokens).to(largest.dtype) - largest) - log_sum


def norms(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The largest logit of each row and the log of the sum of e^(logit - largest), [rows] each; NaN where none is."""
    largest = logits.amax(-1, keepdim=True)
    sums = (logits - largest).exp_().sum(-1, dtype=wide(logits))
    return largest.squeeze(-1).to(sums.dtype), sums.log()


def indices(numbers: Any, like: Tensor) -> Tensor:
    """Whole numbers as indices beside a tensor."""
    return beside(like, np.fromiter(numbers, np.int64, len(numbers)))


def packed(left: Tensor) -> Tensor:
    """Eight tokens to a byte, the first in its highest bit, [rows, bytes] (`np.unpackbits`)."""
    rows, size = left.shape
    padded = torch.nn.functional.pad(left.to(torch.uint8), (0, -size % 8)).view(rows, -1, 8)
    weights = beside(left, np.array([128, 64, 32, 16, 8, 4, 2, 1], np.uint8))
    return padded.mul_(weights).sum(-1, dtype=torch.uint8)


# ------------------------------------------------------------------------------------------------------ the draw


def draw_tokens(shaped: Tensor, places: Sequence[float | None]) -> Tensor:
    """The token of each row of logits [rows, vocab] at its place in [0, 1), int64 [rows]; -1 without a finite maximum.

    None takes the likeliest, the lowest id of ties. NaN among the logits leaves no maximum.
    """
    greedy = np.array([place is None for place in places])
    found = shaped.argmax(-1)
    if not greedy.all():
        at = beside(shaped, np.array([place or 0.0 for place in places]), wide(shaped))
        many = max(1, ROOM // shaped.shape[-1])
        parts = zip(torch.split(shaped, many), torch.split(at, many), strict=True)
        drawn = torch.cat([_invert(part, own) for part, own in parts])
        found = torch.where(beside(shaped, greedy), found, drawn) if greedy.any() else drawn
    return torch.where(shaped.amax(-1).isfinite(), found, -1)


def _invert(shaped: Tensor, places: Tensor) -> Tensor:
    """The first token of each row at which the running sum of probabilities passes the row's place of the whole.

    A device adds in an order of its own, so that a running sum may grow at a token without any probability: it is not
    drawn. Where rounding leaves no token, the last one with a probability is drawn.
    """
    size = shaped.shape[-1]
    shares = (shaped - shaped.amax(-1, keepdim=True)).exp_()
    running = shares.cumsum(-1, dtype=places.dtype)
    ids = torch.arange(size, dtype=torch.int32, device=shaped.device)
    likely = shares > 0
    passed = (running > (places * running[:, -1])[:, None]).logical_and_(likely)
    first, last = ids.where(passed, size).amin(-1), ids.where(likely, -1).amax(-1)
    return torch.where(first < size, first, last).long()


def all_logprobs(own: Tensor) -> Tensor:
    """The log-probabilities of all tokens [rows, vocab] in nats; -inf instead of NaN."""
    largest, log_sum = norms(own)
    found = (own.to(largest.dtype) - largest[:, None]).sub_(log_sum[:, None])
    return found.masked_fill_(found.isnan(), -inf)


def ranks_of(
    logprobs: Tensor,
    left: Tensor,
    totals: Sequence[float],
    leanings: Sequence[Sequence[Leaning]],
    less: Mapping[int, float],
) -> Tensor:
    """The ranks of all tokens, [rows, vocab]; -inf where a token is not left."""
    rows, size = logprobs.shape
    stands = [total + sum(each for each, _ in shapers) for total, shapers in zip(totals, leanings, strict=True)]
    found = logprobs + beside(logprobs, np.array(stands), logprobs.dtype)[:, None]
    gains: dict[int, float] = {}
    for row, shapers in enumerate(leanings):
        for _, own in shapers:
            for token, gain in own.items():
                gains[row * size + token] = gains.get(row * size + token, 0.0) + gain
    for token, amount in less.items():
        for row in range(rows):
            gains[row * size + token] = gains.get(row * size + token, 0.0) - amount
    if gains:
        amounts = beside(found, np.fromiter(gains.values(), np.float64, len(gains)), found.dtype)
        found.view(-1).index_add_(0, indices(gains, found), amounts)
    return found.masked_fill_(~left, -inf)
