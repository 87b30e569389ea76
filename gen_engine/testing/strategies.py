"""Hypothesis strategies: tiny vocabularies of every kind, prompts, logits, random chains, tiny exact models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ..engine import Engine
from ..text.vocabulary import Vocabulary
from .models import SHAPES, LongestMatch, TableModel, tiny_vocabulary

if TYPE_CHECKING:
    from torch import Tensor

ALPHABETS = ("春夏", "春夏秋，", "abc", "ab,.", "aé，", "春夏秋冬", "春夏，。")
KINDS = ("chars", "chars", "twins", "merged", "bytes", "merged bytes")
"""The kinds: single characters, several tokens for one, several characters in one token, parts of characters, and
both.
"""

UNKNOWN = "鬱"
"""A character that no tiny vocabulary has."""

SPECS = (
    "length=1..3", "length=2", "ban=punctuation", "only=han", "no_repeat=1", "no_repeat=2", "no_repeat_ngram=2",
    "no_double_punctuation", "no_special", "no_unk", "force=1:{0}", "force=2:{1}", "ban={0}", "stop={1}",
    "only={0}|{1}",
)  # fmt: skip
"""Constraints of the core, as written; {0} and {1} are characters of the vocabulary."""

SHAPERS = ("temperature=0.5", "top_k=1", "top_k=2", "top_p=0.7", "min_p=0.2", "typical=0.5", "repetition_penalty=1.5")


@st.composite
def vocabularies(draw: st.DrawFn, alphabet: str | None = None, kinds: Sequence[str] = KINDS) -> Vocabulary:
    """Tiny vocabularies over an alphabet, with or without an end, an unknown token and others that print nothing."""
    alphabet = draw(st.sampled_from(ALPHABETS)) if alphabet is None else alphabet
    kind = draw(st.sampled_from(kinds))
    surfaces = draw(_printed(alphabet, kind))
    special = ["end", *draw(st.lists(st.sampled_from(["unk", "pad"]), unique=True))] if draw(st.booleans()) else []
    count = len(special)
    unused = draw(st.sets(st.integers(count, count + len(surfaces) - 1), max_size=1)) if kind == "twins" else ()
    return tiny_vocabulary(
        *[b""] * count,
        *surfaces,
        end=0 if special else None,
        unk=special.index("unk") if "unk" in special else None,
        specials=range(count) if draw(st.booleans()) else (),
        unused=unused,
    )


def _printed(alphabet: str, kind: str) -> st.SearchStrategy[list[str | bytes]]:
    """The surfaces of a vocabulary that can write each character of the alphabet."""
    if kind == "twins":
        return st.lists(st.sampled_from(alphabet), max_size=2).map(lambda more: [*alphabet, *more])
    if kind == "merged":
        several = st.lists(st.text(alphabet, min_size=2, max_size=3), min_size=1, max_size=2)
        return several.map(lambda more: [*alphabet, *more])
    if kind == "bytes":
        return st.just(split_one(alphabet, 1))
    if kind == "merged bytes":
        words = st.text(alphabet, min_size=1, max_size=2)
        return words.map(
            lambda text: [*split_one(alphabet, 2), text + "é"[: len(text)], alphabet[0].encode() + b"\xc3"]
        )
    return st.just(list(alphabet))


def split_one(alphabet: str, first: int) -> list[str | bytes]:
    """The alphabet with its first wide character cut after `first` bytes, as in byte-level vocabularies."""
    wide = next(char for char in alphabet + "é" if len(char.encode()) > 1).encode()
    return [wide[:first], wide[first:] or wide[-1:], *(char for char in alphabet if char.encode() != wide)]


def alphabet_of(vocabulary: Vocabulary) -> str:
    """The characters that whole tokens of a vocabulary print."""
    return "".join(dict.fromkeys("".join(text or "" for text in vocabulary.texts))) or "a"


def writable(vocabulary: Vocabulary) -> str:
    """The characters that usable tokens print, alone or as two parts."""
    alone = [vocabulary.texts[token] or "" for token in vocabulary.usable]
    parts = [vocabulary.surfaces[token] for token in vocabulary.partial]
    pairs = [(one + two).decode(errors="ignore") for one in parts for two in parts]
    return "".join(dict.fromkeys(text for text in [*alone, *pairs] if len(text) == 1))


def prompts(vocabulary: Vocabulary, max_size: int = 3) -> st.SearchStrategy[str]:
    """Short texts in the vocabulary's characters, with one that it does not know."""
    return st.text(alphabet_of(vocabulary) + UNKNOWN, max_size=max_size)


def budgets(vocabulary: Vocabulary) -> st.SearchStrategy[int]:
    """Budgets for which trying every text stays cheap, more often large than small."""
    most = {1: 5, 2: 5, 3: 5, 4: 5, 5: 4, 6: 4}.get(len(vocabulary), 3)
    return st.sampled_from([3, most, most, most - 1, 2, 1, 0])


@st.composite
def logits(draw: st.DrawFn, rows: int, size: int) -> Tensor:
    """Logits [rows, size] with ties, masked tokens and numbers from 1e-30 to 1e30. Each row has a finite one."""
    import torch

    noise = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    scales = [[draw(st.sampled_from([0.01, 1.0, 4.0, 60.0, 1e-30, 1e30]))] for _ in range(rows)]
    found = torch.randn(rows, size, generator=noise) * torch.tensor(scales)
    found = found.round(decimals=1) if draw(st.booleans()) and [1e30] not in scales else found
    masked = torch.rand(rows, size, generator=noise) < draw(st.sampled_from([0.0, 0.5, 0.99]))
    masked[torch.arange(rows), torch.randint(size, (rows,), generator=noise)] = False
    return found.masked_fill(masked, -torch.inf)


@st.composite
def chains(draw: st.DrawFn, vocabulary: Vocabulary, max_size: int = 2, shapers: bool = False) -> list[str]:
    """Processors of the core as written, no two alike; shapers, if wanted, come last."""
    hard = draw(st.lists(st.sampled_from(SPECS), max_size=max_size, unique_by=lambda spec: spec.partition("=")[0]))
    soft = draw(st.lists(st.sampled_from(SHAPERS), max_size=2, unique=True)) if shapers else []
    return [spelled(spec, vocabulary) for spec in hard] + soft


def spelled(spec: str, vocabulary: Vocabulary) -> str:
    """One of SPECS filled with characters of the vocabulary."""
    return spec.format(*("\\" + char if char in ",|\\'\"" else char for char in (alphabet_of(vocabulary) * 2)[:2]))


@st.composite
def models(draw: st.DrawFn, vocabulary: Vocabulary, shapes: Sequence[str] = SHAPES) -> TableModel:
    """Tiny exact models whose logits are ordinary, tied, missing or huge."""
    tokenizer = LongestMatch(vocabulary, 0, fallback=0)
    return TableModel(tokenizer, shape=draw(st.sampled_from(shapes)), salt=draw(st.integers(0, 3)))


def engines(vocabulary: Vocabulary) -> st.SearchStrategy[Engine]:
    """An engine around a tiny exact model."""
    return models(vocabulary).map(Engine)
