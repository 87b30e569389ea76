"""Drafts that guess anything, and what is said of completions with a draft and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import strategies as some
from completions import facts
from hypothesis import strategies as st

from gen_engine.decoding.drafts import lookup, ngram


@dataclass(frozen=True)
class Guessing:
    """A draft that guesses what a function of a draw says."""

    says: Callable[[object], int | None]
    tokens: int = 4

    def begin(self, generation):
        return lambda draws, level: [self.says(draw) for draw in draws]


def junk(seed, size):
    """A draft that guesses any token of a vocabulary of `size`, allowed or not, or none."""
    noise = Random(seed)
    return Guessing(lambda draw: noise.choice([None, *range(size)]), noise.randint(1, 6))


def allowed_junk(seed):
    """A draft that guesses any allowed token."""
    noise = Random(seed)
    return Guessing(lambda draw: noise.choice(draw.allowed.members()), noise.randint(1, 6))


@dataclass(frozen=True)
class Twin:
    """A draft that is mostly right: it guesses by the target's own logits, and is `wrong` now and then."""

    model: object
    wrong: int = 0
    tokens: int = 4

    def begin(self, generation):
        from gen_engine.decoding.drafts import ModelDraft

        noise, guess = Random(self.wrong), ModelDraft(self.tokens, "twin", self.model).begin(generation)

        def guesses(draws, level):
            found = guess(draws, level)
            return [None if self.wrong and noise.random() < 0.2 else token for token in found]

        return guesses


def drafts(make_engine, size):
    """Any draft for the engines that `make_engine` makes, over a vocabulary of `size` tokens."""
    seeds, counts = st.integers(0, 9), st.integers(1, 6)
    return st.one_of(
        st.builds(junk, seeds, st.just(size)),
        st.builds(allowed_junk, seeds),
        st.builds(Twin, st.builds(lambda: make_engine().model), seeds, counts),
        st.builds(lookup, counts, st.integers(1, 3)),
        st.builds(ngram, counts, st.integers(1, 3)),
    )


def drafted(requests, draft):
    """The requests with a draft."""
    return [replace(request, draft=draft) for request in requests]


def all_facts(engine, requests):
    """All that is told of the completions of requests, one request after the other."""
    return facts([engine.generate_batch([request])[0] for request in requests])


__all__ = ["Guessing", "Twin", "all_facts", "allowed_junk", "drafted", "drafts", "junk", "some"]
