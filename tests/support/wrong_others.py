"""Shapers, decoders and models that are wrong on purpose, each in one way, and the law that each of them breaks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import torch

from gen_engine.decoding.sample import sample
from gen_engine.testing import decoder_laws, model_laws, shaper_laws
from gen_engine.testing.models import LongestMatch, TableModel, tiny_vocabulary

# ----------------------------------------------------------------------------------------------------- shapers


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


# ---------------------------------------------------------------------------------------------------- decoders


def telling(change):
    """Sampling that tells its completions otherwise."""

    def decode(course):
        def send(piece):
            told = piece if piece.completion is None else replace(piece, completion=change(piece.completion))
            course.send(told)

        return sample(replace(course, send=send))

    return decode


def careless(done):
    """A text with its last token missing."""
    return replace(done, tokens=done.tokens[:-1])


def flattering(done):
    return replace(done, logprobs=tuple(0.0 for _ in done.logprobs), logprob=0.0)


def mumbling(course):
    """Streams every piece twice."""

    def send(piece):
        if course.in_pieces and piece.text:
            course.send(replace(piece, completion=None))
        course.send(piece)

    return sample(replace(course, send=send))


def silent(course):
    """Writes nothing."""
    return sample(replace(course, send=lambda piece: None))


def endless(course):
    """Asks the same for ever."""
    ask = next(sample(course), None)
    while ask is not None:
        yield ask


CALLS = itertools.count()


def capricious(course):
    """Another seed each time."""
    return sample(replace(course, seed=next(CALLS)))


def greedy_for_more(course):
    """A seed that depends on how many texts are wanted."""
    return sample(replace(course, seed=course.seed + 7919 * len(course.samples)))


UNDER_WAY = []


def sociable(course):
    """A seed that depends on how many others are under way."""
    UNDER_WAY.append(course)
    coroutine = sample(replace(course, seed=course.seed + 104729 * len(UNDER_WAY)))
    try:
        yield from coroutine
    finally:
        UNDER_WAY.remove(course)


DECODERS = {
    "careless": (telling(careless), decoder_laws.OBEYS),
    "flattering": (telling(flattering), decoder_laws.LOGPROBS),
    "mumbling": (mumbling, decoder_laws.STREAM),
    "silent": (silent, decoder_laws.ENDS),
    "endless": (endless, decoder_laws.ENDS),
    "capricious": (capricious, decoder_laws.DETERMINED),
    "greedy for more": (greedy_for_more, decoder_laws.NUM),
    "sociable": (sociable, decoder_laws.BATCH),
}


# ------------------------------------------------------------------------------------------------------ models


@dataclass
class Model(TableModel):
    """A tiny model with a longer memory, so that a wrong history shows."""

    order: int = 4

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, *self.mistake(cache, parents, keep, tokens), last)

    def mistake(self, cache, parents, keep, tokens):
        return parents, keep, tokens


class Unparented(Model):
    """Each row continues the one that stood in its place."""

    def mistake(self, cache, parents, keep, tokens):
        places = [min(i, len(cache) - 1) if parent >= 0 else -1 for i, parent in enumerate(parents)]
        return places, [min(k, len(cache[p])) if p >= 0 else 0 for k, p in zip(keep, places, strict=True)], tokens


class Unrewound(Model):
    """Never cuts a row."""

    def mistake(self, cache, parents, keep, tokens):
        return parents, [len(cache[p]) if p >= 0 else 0 for p in parents], tokens


class Scarred(Model):
    """The last bits of a row tell that it was cut back."""

    def feed(self, cache, parents, keep, tokens, last=None):
        cut = [parent >= 0 and kept < len(cache[parent]) for parent, kept in zip(parents, keep, strict=True)]
        parts = super().feed(cache, parents, keep, tokens, last).split(last or [1] * len(parents))
        return torch.cat([part * (1 + 1e-6 * scar) for part, scar in zip(parts, cut, strict=True)])


class Forgetful(Model):
    """Forgets all but what is new."""

    def mistake(self, cache, parents, keep, tokens):
        return [-1] * len(parents), [0] * len(parents), tokens


class Crowded(Model):
    """The last bits of a row depend on how many there are."""

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, parents, keep, tokens, last) * (1 + 1e-6 * (len(parents) - 1))


class Doubled(Model):
    """Logits of 64 bits."""

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, parents, keep, tokens, last).double()


class Backwards(Model):
    """Of several wanted logits the last come first."""

    def feed(self, cache, parents, keep, tokens, last=None):
        parts = super().feed(cache, parents, keep, tokens, last).split(last or [1] * len(parents))
        return torch.cat([part.flip(0) for part in parts])


class Noisy(Model):
    def feed(self, cache, parents, keep, tokens, last=None):
        found = super().feed(cache, parents, keep, tokens, last)
        return found + 0.01 * torch.rand(found.shape)


class Absolute(Model):
    """Reads nothing beyond its positions in one call, and everything in several."""

    def mistake(self, cache, parents, keep, tokens):
        return parents, keep, [new[: self.positions] for new in tokens]


@dataclass(frozen=True)
class Deaf(LongestMatch):
    """Reads prompts without their last character."""

    def encode(self, text):
        return replace(super().encode(text[:-1]), text=text)


def model_of(kind, positions=None, tokenizer=LongestMatch):
    return kind(tokenizer(tiny_vocabulary("", *"abcdef"), 0), positions=positions)


MODELS = {
    "unparented": (model_of(Unparented), model_laws.ROWS),
    "unrewound": (model_of(Unrewound), model_laws.REWIND),
    "scarred": (model_of(Scarred), model_laws.REWINDS),
    "forgetful": (model_of(Forgetful), model_laws.CACHE),
    "crowded": (model_of(Crowded), model_laws.BATCH),
    "doubled": (model_of(Doubled), model_laws.SHAPES),
    "backwards": (model_of(Backwards), model_laws.LAST),
    "noisy": (model_of(Noisy), model_laws.DETERMINED),
    "absolute": (model_of(Absolute, positions=60), model_laws.WINDOW),
    "deaf": (model_of(Model, tokenizer=Deaf), model_laws.TEXT),
}
