"""The plain way to each step of drawing: what the fast ways of the engine must equal bit by bit."""

from math import inf

import numpy as np
import torch

from gen_engine.compiled.library import NUMPY, VARIABLE
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


PLAIN = [
    (truncation, "keep", keep),
    (truncation, "keep_largest", keep_largest),
    (truncation, "largest", largest),
    (shaping, "keep", keep),
    (Blocked, "tensor", property(blocked)),
    (Blocked, "bar", bar),
]


def make_plain(monkeypatch):
    """From here on all is drawn in the plain way, without the compiled library."""
    monkeypatch.setenv(VARIABLE, NUMPY)
    for where, name, plain in PLAIN:
        monkeypatch.setattr(where, name, plain)
