"""Score texts with a language model of the engine: the nats of each token, and the characters that the token prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gen_engine.system.underway import counted
from gen_engine.types import LanguageModel

STRETCH = 128  # tokens of a row at once
TOGETHER = 8  # rows at once


@dataclass(frozen=True)
class ScoredText:
    """A text as a model scores it: for each token its characters [begin, end), its nats, and whether it was guessed.

    `known[i]` says whether the model could have written character i. It is false for a character that is read as [UNK],
    that the tokenizer drops, or that has nothing before it.
    """

    text: str
    spans: np.ndarray  # [tokens, 2] int
    nats: np.ndarray  # [tokens] float
    guessed: np.ndarray  # [tokens] bool: the likeliest of all was right
    known: np.ndarray  # [characters] bool


def score_texts(model: LanguageModel, texts: Sequence[str]) -> list[ScoredText]:
    """The scores of `model` for each text from its beginning; the end of a text is not scored.

    Many texts are read in one pass, the longest together. One longer than the model's positions is read in windows, as
    it would be written (see `LanguageModel`).
    """
    start = list(model.tokenizer.encode("").tokens)
    rows, spans = [], []
    for text in texts:
        prompt = model.tokenizer.encode(text) if text else model.tokenizer.encode("")
        tokens = list(prompt.tokens)
        led = tokens[: len(start)] == start
        rows.append(tokens if led else start + tokens)
        spans.append(_spans(model, text, tokens, prompt.spans, 0 if led else len(start)))
    scored: dict[int, ScoredText] = {}
    order = sorted(range(len(texts)), key=lambda i: len(rows[i]), reverse=True)
    for first in counted(range(0, len(order), TOGETHER), f"{model.name} reads texts, batches"):
        group = order[first : first + TOGETHER]
        costs = _costs(model, [rows[i] for i in group])
        scored |= {i: _scored(model, texts[i], rows[i], spans[i], *cost) for i, cost in zip(group, costs, strict=True)}
    return [scored[i] for i in range(len(texts))]


def count_tokens(scored: Sequence[ScoredText]) -> int:
    """How many tokens were read."""
    return sum(len(reading.nats) for reading in scored)


def _costs(model: LanguageModel, rows: Sequence[list[int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each row, the nats and right guesses of its tokens from the second on."""
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in rows]
    cache, parents = model.open(len(rows)), [-1] * len(rows)
    done = [0] * len(rows)
    while reading := [i for i, row in enumerate(rows) if done[i] < len(row) - 1]:
        pieces = [rows[i][done[i] : min(done[i] + STRETCH, len(rows[i]) - 1)] for i in reading]
        logits = model.feed(
            cache, [parents[i] for i in reading], [done[i] for i in reading], pieces, [len(piece) for piece in pieces]
        )
        wanted = [rows[i][done[i] + 1 : done[i] + len(piece) + 1] for i, piece in zip(reading, pieces, strict=True)]
        for i, part in zip(reading, _score(torch.as_tensor(logits), wanted), strict=True):
            found[i].append(part)
        parents = [-1] * len(rows)
        for place, (i, piece) in enumerate(zip(reading, pieces, strict=True)):
            parents[i], done[i] = place, done[i] + len(piece)
    empty = (np.zeros(0), np.zeros(0, dtype=bool))
    return [
        (np.concatenate([a for a, _ in parts or [empty]]), np.concatenate([b for _, b in parts or [empty]]))
        for parts in found
    ]


def _score(logits: Any, wanted: Sequence[Sequence[int]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(nats, right guesses) of the wanted tokens of each row under `logits` [all wanted tokens, vocab]."""
    logits = torch.as_tensor(logits).float()
    target = torch.tensor([token for row in wanted for token in row], device=logits.device)
    nats = (logits.logsumexp(1) - logits.gather(1, target[:, None])[:, 0]).cpu().double().numpy()
    guessed = (logits.argmax(1) == target).cpu().numpy()
    ends = np.cumsum([len(row) for row in wanted])[:-1]
    return zip(np.split(nats, ends), np.split(guessed, ends), strict=True)


def _spans(
    model: LanguageModel, text: str, tokens: Sequence[int], given: Sequence[tuple[int, int]], shift: int
) -> list[tuple[int, int]]:
    """The characters that each token prints: by its bytes if these make up the text, else by the tokenizer's offsets.

    Word tokenizers leave the space before a word out of its span, though the token prints it.
    """
    vocabulary = model.tokenizer.vocabulary
    silent = [(0, 0)] * shift
    if vocabulary.text_of(tokens) != text:
        return silent + list(given)
    begins = np.cumsum([0, *(len(char.encode()) for char in text)])  # the byte at which each character begins
    ends = np.cumsum([0, *(len(vocabulary.surfaces[token]) for token in tokens)])
    first = np.searchsorted(begins, ends[:-1], side="right") - 1
    last = np.searchsorted(begins, ends[1:], side="left")
    printed = np.diff(ends) > 0
    return silent + [(int(a), int(b)) if c else (0, 0) for a, b, c in zip(first, last, printed, strict=True)]


def _scored(
    model: LanguageModel, text: str, row: Sequence[int], spans: Sequence[tuple[int, int]], nats: np.ndarray,
    guessed: np.ndarray,
) -> ScoredText:  # fmt: skip
    """The text's scores from those of its tokens; the first token has nothing before it and is not scored."""
    known = np.zeros(len(text), dtype=bool)
    unknown = model.tokenizer.vocabulary.unk
    for token, (begin, end) in zip(row[1:], spans[1:], strict=True):
        known[begin:end] = token != unknown
    kept = np.array(spans[1:], dtype=int).reshape(-1, 2)
    return ScoredText(text, kept, nats, guessed, known)
