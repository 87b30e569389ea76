"""Tiny vocabularies, a tokenizer and a model whose logits are a hash of the last tokens: exact, and quick to make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import torch

from gen_engine.engine import Engine
from gen_engine.text import Vocabulary
from gen_engine.types import Prompt

SHAPES = ("normal", "ties", "holes", "extreme", "void")


def vocabulary(*surfaces, end=None, unk=None, specials=(), unused=()):
    """Surfaces are given as text or bytes; "" prints nothing."""
    data = tuple(s.encode() if isinstance(s, str) else s for s in surfaces)
    names = tuple(f"{i}:{s!r}" for i, s in enumerate(data))
    return Vocabulary(data, names, frozenset(specials), unk, end, frozenset(unused))


def chars(text, **options):
    """A vocabulary of single characters whose token 0 is the end."""
    return vocabulary("", *text, end=0, specials=(0,), **options)


@dataclass(frozen=True)
class TinyTokenizer:
    """One token for each character; those without a token of their own are fed as the unknown token, or token 0."""

    vocabulary: Vocabulary

    def encode(self, text: str) -> Prompt:
        unk = self.vocabulary.unk or 0
        tokens = (0, *(self.vocabulary.singles.get(char, (unk,))[0] for char in text))
        spans = ((0, 0), *((i, i + 1) for i in range(len(text))))
        return Prompt(text, tokens, spans)


@dataclass
class HashModel:
    """Logits that depend on the last two tokens alone; `shape` says what kind of numbers they are."""

    tokenizer: TinyTokenizer
    shape: str = "normal"
    salt: int = 0
    name: str = "hash"
    dtype: str = "float32"
    positions: int | None = None
    reproducible: bool = True
    fed: int = 0
    _known: dict[Any, torch.Tensor] = field(default_factory=dict)

    def open(self, capacity):
        return {"rows": []}

    def feed(self, cache, parents, keep, tokens, last=None):
        before = cache["rows"]
        rows = [(*(before[p][:k] if p >= 0 else ()), *new) for p, k, new in zip(parents, keep, tokens, strict=True)]
        assert all(tokens)
        assert all(count <= len(new) for count, new in zip(last or (), tokens, strict=False))
        cache["rows"] = rows
        self.fed += 1
        counts = last or [1] * len(rows)
        ends = [row[: len(row) - back] for row, count in zip(rows, counts, strict=True) for back in range(count)[::-1]]
        return torch.stack([self.logits(row) for row in ends])

    def logits(self, history):
        """Logits [vocab] after these tokens."""
        key = tuple(history[-2:])
        if key not in self._known:
            digest = hashlib.blake2b(repr((self.salt, key)).encode(), digest_size=7).digest()
            noise = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
            self._known[key] = shaped(torch.randn(len(self.tokenizer.vocabulary), generator=noise), self.shape)
        return self._known[key]


def shaped(noise, shape):
    """Noise as logits of one of the SHAPES."""
    if shape == "ties":
        return noise.round()
    if shape == "holes":
        return torch.where(noise > 0.3, noise, -torch.inf)
    if shape == "extreme":
        return noise * 3e37
    if shape == "void":
        return torch.full_like(noise, -torch.inf)
    return noise * 1.5


def engine_of(vocab, shape="normal", salt=0):
    return Engine(HashModel(TinyTokenizer(vocab), shape, salt))
