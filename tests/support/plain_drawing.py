"""The plain way to each step of drawing: what the fast ways of the engine must equal bit by bit."""

from math import inf, isfinite

import numpy as np
import torch

from gen_engine.decoding import packing
from gen_engine.decoding import sampling as scores
from gen_engine.shapers import shaping, truncation
from gen_engine.text.token_sets import Blocked


def keep(logits, kept):
    return torch.where(kept, logits, -inf)


def keep_largest(logits, k):
    return keep(logits, logits >= logits.topk(k).values[..., -1:])


def largest(values, size):
    best, columns = values.topk(size)
    return best, columns


def blocked(self):
    return torch.from_numpy(np.stack([~tokens.to_array() for tokens in self.allowed]))


def bar(self, logits):
    return logits.masked_fill(blocked(self), -inf)


def logprobs_of(logits, rows, tokens, temperature=1.0):
    logprobs = torch.log_softmax(logits[list(rows)] / temperature, dim=-1)
    return logprobs.gather(1, torch.tensor(tokens)[:, None]).flatten().tolist()


def pick(shaped, places):
    return [pick_one(row, place) for row, place in zip(shaped, places, strict=True)]


def pick_one(row, place):
    """The first token at which the running sum of all probabilities passes the place."""
    if place is None:
        return int(row.argmax()) if isfinite(row.max()) else None
    sums = torch.softmax(row, dim=-1).cumsum(dim=-1, dtype=torch.float64)
    if not isfinite(sums[-1]):
        return None
    wanted = min(place * float(sums[-1]), float(np.nextafter(float(sums[-1]), 0)))
    return int(torch.searchsorted(sums, wanted, right=True))


PLAIN = [
    (truncation, "keep", keep),
    (truncation, "keep_largest", keep_largest),
    (truncation, "largest", largest),
    (shaping, "keep", keep),
    (scores, "pick", pick),
    (scores, "logprobs_of", logprobs_of),
    (packing, "logprobs_of", logprobs_of),
    (Blocked, "tensor", property(blocked)),
    (Blocked, "bar", bar),
]


def make_plain(monkeypatch):
    """From here on all is drawn in the plain way."""
    for where, name, plain in PLAIN:
        monkeypatch.setattr(where, name, plain)
