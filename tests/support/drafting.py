"""Drafts that guess anything, requests long enough for them, and models that tell in which parts they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import torch
from hypothesis import strategies as st
from tiny import TinyTokenizer, chars, engine_of, vocabulary

from gen_engine.decoding.drafts import Lookup, ModelDraft, Ngram
from gen_engine.engine import Engine
from gen_engine.testing.models import TableModel
from gen_engine.types import Request


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
    """A draft that knows the model, and is right except in `wrong` of 10 guesses."""

    model: object
    wrong: int = 0
    tokens: int = 4

    def begin(self, generation):
        noise, guess = Random(self.wrong), ModelDraft(self.tokens, "twin", self.model).begin(generation)

        def guesses(draws, level):
            pairs = zip(draws, guess(draws, level), strict=True)
            return [noise.choice(d.allowed.members()) if noise.random() * 10 < self.wrong else t for d, t in pairs]

        return guesses


def drafts(make_engine):
    """Any draft for the engines that `make_engine` makes."""
    model = make_engine().model
    seeds, counts = st.integers(0, 99), st.integers(1, 6)
    return st.one_of(
        st.builds(junk, seeds, st.just(len(model.tokenizer.vocabulary))),
        st.builds(allowed_junk, seeds),
        st.builds(Twin, st.just(model), st.sampled_from([0, 0, 2, 5]), counts),
        st.builds(Lookup, counts, st.integers(1, 3)),
        st.builds(Ngram, counts, st.integers(1, 3)),
    )


def drafted(requests, draft):
    """The requests with a draft."""
    return [replace(request, draft=draft) for request in requests]


@st.composite
def long_batches(draw, make=engine_of):
    """Requests for texts of up to 16 tokens, with forced runs, stop strings and shapers; and how to make an engine."""
    vocab = draw(
        st.sampled_from([chars("abcd"), chars("春夏秋冬，"), vocabulary("", *"abc", "ab", b"\xc3", b"\xa9", end=0)])
    )
    letters = [text for text in vocab.texts if text]
    letter, length = st.sampled_from(letters), draw(st.integers(3, 14))
    run = st.dictionaries(st.integers(2, length), letter, min_size=1, max_size=9)
    some = st.one_of(
        st.sampled_from([f"length={length}", f"length={length // 2}..{length}", "no_repeat_ngram=2", "top_k=2"]),
        st.sampled_from(
            ["top_p=0.8", "temperature=0.6", "min_p=0.2", "repetition_penalty=1.4", "xtc", "regex='[a-c]*'"]
        ),
        st.tuples(letter, letter).map(lambda pair: f"stop={''.join(pair)}"),
        letter.map(lambda char: f"ban={char}"),
        run.map(lambda places: "force=" + "|".join(f"{place}:{char}" for place, char in places.items())),
    )
    chain = tuple(draw(st.lists(some, max_size=4, unique_by=lambda spec: spec.partition("=")[0])))
    prompt, seed, decoder = "".join(draw(st.lists(letter, max_size=5))), draw(st.integers(0, 2**40)), "sample"
    asked = Request(prompt, chain, draw(st.integers(1, 3)), seed, draw(st.integers(length, length + 6)), decoder)
    shape, salt = draw(st.sampled_from(["normal", "ties", "holes"])), draw(st.integers(0, 5))
    others = [replace(asked, decoder="greedy", num=1)] if draw(st.booleans()) else []
    return [asked, *others], lambda: make(vocab, shape, salt)


@dataclass
class Parted(TableModel):
    """A model whose last bits tell in which parts a row was read, unless these have at most `most` tokens."""

    most: int = 3

    @property
    def verifies(self):
        return self.most

    def feed(self, cache, parents, keep, tokens, last=None, pinned=None):
        marks = [row[1] for row in cache]
        plain = [row[0] for row in cache]
        found = super().feed(plain, parents, keep, tokens, last)
        for row, (parent, kept, new) in enumerate(zip(parents, keep, tokens, strict=True)):
            long = parent >= 0 and len(new) > self.most
            own = [1 + place + 20 * len(new) if long else 0 for place in range(len(new))]
            cache[row : row + 1] = [(plain[row], [*(marks[parent][:kept] if parent >= 0 else ()), *own])]
        del cache[len(parents) :]
        ends = [
            row[: len(row) - back]
            for (_, row), n in zip(cache, last or [1] * len(cache), strict=True)
            for back in range(n)[::-1]
        ]
        return found * torch.tensor([[1 + 1e-3 * sum((i + 1) * mark for i, mark in enumerate(row))] for row in ends])


def parted_engine(vocab, shape, salt):
    """An engine around such a model."""
    return Engine(Parted(TinyTokenizer(vocab), shape=shape, salt=salt))
