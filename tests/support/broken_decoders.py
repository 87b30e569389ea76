"""Decoders that are wrong on purpose, each in one way, and the law that each of them breaks."""

from __future__ import annotations

import itertools
from dataclasses import replace

from gen_engine.decoding.sample import sample
from gen_engine.testing import decoder_laws


def telling(change):
    """Sampling that tells its completions otherwise."""

    def decode(generation):
        def send(piece):
            told = piece if piece.completion is None else replace(piece, completion=change(piece.completion))
            generation.send(told)

        return sample(replace(generation, send=send))

    return decode


def careless(done):
    """A text with its last token missing."""
    return replace(done, tokens=done.tokens[:-1])


def flattering(done):
    return replace(done, logprobs=tuple(0.0 for _ in done.logprobs), logprob=0.0)


def mumbling(generation):
    """Streams every piece twice."""

    def send(piece):
        if generation.in_pieces and piece.text:
            generation.send(replace(piece, completion=None))
        generation.send(piece)

    return sample(replace(generation, send=send))


def silent(generation):
    """Writes nothing."""
    return sample(replace(generation, send=lambda piece: None))


def endless(generation):
    """Asks the same for ever."""
    ask = next(sample(generation), None)
    while ask is not None:
        yield ask


CALLS = itertools.count()


def capricious(generation):
    """Another seed each time."""
    return sample(replace(generation, seed=next(CALLS)))


def greedy_for_more(generation):
    """A seed that depends on how many texts are wanted."""
    return sample(replace(generation, seed=generation.seed + 7919 * len(generation.samples)))


UNDER_WAY = []


def sociable(generation):
    """A seed that depends on how many others are under way."""
    UNDER_WAY.append(generation)
    coroutine = sample(replace(generation, seed=generation.seed + 104729 * len(UNDER_WAY)))
    try:
        yield from coroutine
    finally:
        UNDER_WAY.remove(generation)


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
