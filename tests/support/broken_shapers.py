"""Shapers that are wrong on purpose, each in one way, and the law that each of them breaks."""

from __future__ import annotations

import torch

from gen_engine.testing import shaper_laws


def reviving(step, logits):
    """Gives every token a little."""
    return logits.clamp(min=-1e4)


def in_place(step, logits):
    """Halves the logits where they lie."""
    return logits.mul_(0.5)


def neighbourly(step, logits):
    """Takes away the mean of all rows."""
    return logits - logits.where(logits.isfinite(), 0).mean()


def flat(step, logits):
    """Drops the rows' dimension."""
    return logits[0]


def double(step, logits):
    return logits.double()


def dividing(step, logits):
    """Divides by the distance to the best, which is 0 for the best."""
    return logits / (logits - logits.amax(-1, keepdim=True))


def emptying(step, logits):
    """Keeps what is above the best."""
    best = logits.amax(-1, keepdim=True)
    return logits.masked_fill(logits <= best, -torch.inf)


def drawing(step, logits):
    """Draws from torch's own generator."""
    return logits + torch.rand(logits.shape)


class Remembering:
    """Remembers in itself how often it was asked."""

    def __init__(self):
        self.times = 0

    def __call__(self, step, logits):
        self.times += 1
        return logits - self.times * (logits > 0)


class Listing:
    """A memory that is a list, and grows."""

    def start(self):
        return []

    def next(self, state, token, logprob):
        state.append(token)
        return state

    def __call__(self, step, logits):
        return logits


SHAPERS = {
    "reviving": (reviving, shaper_laws.MASK),
    "in place": (in_place, shaper_laws.INPUTS),
    "neighbourly": (neighbourly, shaper_laws.ROWS),
    "flat": (flat, shaper_laws.SHAPE),
    "double": (double, shaper_laws.SHAPE),
    "dividing": (dividing, shaper_laws.NUMBERS),
    "emptying": (emptying, shaper_laws.LEFT),
    "drawing": (drawing, shaper_laws.DETERMINED),
    "remembering": (Remembering, shaper_laws.DETERMINED),
    "listing": (Listing, shaper_laws.MEMORY),
}
