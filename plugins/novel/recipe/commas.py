"""Commas put back into a text that has lost them, learned from texts that have theirs.

A logistic regression says of each gap between two characters how likely a comma stands there: by the n-grams around
it, and by how far away the marks before and behind it are. What stands between two other marks is parted in the
likeliest way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

COMMA = "，"
MARKS = np.array([ord(mark) for mark in "。、：；？！“”‘’《》（）—…\n"], dtype=np.uint64)
AROUND = 4  # characters on each side of a gap that are looked at
SPANS = [
    (a, b) for a in range(-4, 2) for b in range(a, min(a + 4, 4)) if b >= -2
]  # 0 stands before the gap, 1 behind it
BUCKETS = 1 << 24  # of hashed n-grams
FAR = 20  # distances from here on are alike


@dataclass(frozen=True)
class Commas:
    """What was learned: a weight for each bucket, for each pair of distances [FAR, FAR], and for itself."""

    ngrams: np.ndarray
    distances: np.ndarray
    bias: float

    def restore(self, lines: Sequence[str]) -> list[str]:
        """The lines with commas where they are likeliest; nothing else is changed."""
        chars, _ = read("\n".join(["", *lines]))
        scores = self.ngrams[buckets(chars)].sum(1) + self.bias
        is_open, ahead = gaps(chars), distances_ahead(chars)
        commas = np.zeros(len(chars), dtype=bool)
        for start, end in runs(is_open):
            commas[start:end] = self._likeliest(scores[start:end], ahead[start:end])
        text = "".join(chr(code) + (COMMA if comma else "") for code, comma in zip(chars, commas, strict=True))
        return text[1:].split("\n")

    def _likeliest(self, scores: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """The likeliest commas of a run of gaps, found by dynamic programming over the last one."""
        count = len(scores)
        best, before = np.full(count + 1, -np.inf), np.zeros(count + 1, dtype=int)
        best[0], total, last = 0.0, -np.inf, 0
        for start in range(count + 1):
            away = np.minimum(np.arange(1, count - start + 1), FAR - 1)
            odds = scores[start:] + self.distances[away, ahead[start:]]
            without = np.concatenate([[0.0], np.cumsum(-np.logaddexp(0, odds))])
            reached = best[start] + without[1:] + odds  # a comma at each of these gaps, and none before it
            better = np.flatnonzero(reached > best[start + 1 :]) + start + 1
            best[better], before[better] = reached[better - start - 1], start
            if best[start] + without[-1] > total:
                total, last = best[start] + without[-1], start
        commas = np.zeros(count, dtype=bool)
        while last:
            commas[last - 1], last = True, before[last]
        return commas


def learn(lines: Iterable[str]) -> Commas:
    """Learn from lines of text with all their marks."""
    chars, commas = read("\n".join(["", *lines]))
    away = distances_behind(chars, commas) * FAR + distances_ahead(chars)
    columns = np.column_stack([buckets(chars), BUCKETS + away])[gaps(chars)]
    ends = np.arange(0, columns.size + 1, columns.shape[1])
    table = csr_matrix(
        (np.ones(columns.size, np.float32), columns.ravel(), ends), shape=(len(columns), BUCKETS + FAR**2)
    )
    model = SGDClassifier("log_loss", alpha=1e-6, max_iter=4, tol=None, random_state=0)
    weights = model.fit(table, commas[gaps(chars)]).coef_[0]
    return Commas(weights[:BUCKETS], weights[BUCKETS:].reshape(FAR, FAR), float(model.intercept_[0]))


def read(text: str) -> tuple[np.ndarray, np.ndarray]:
    """The codes of a text's characters but the commas, and whether a comma follows each."""
    codes = np.array([ord(char) for char in text], dtype=np.uint64)
    is_comma = codes == ord(COMMA)
    followed = np.concatenate([is_comma[1:], [False]])
    return codes[~is_comma], followed[~is_comma]


def gaps(chars: np.ndarray) -> np.ndarray:
    """Whether a comma may follow each character: neither it nor the next one is a mark."""
    is_mark = np.isin(chars, MARKS)
    return np.asarray(~is_mark & ~np.concatenate([is_mark[1:], [True]]))


def runs(is_open: np.ndarray) -> list[tuple[int, int]]:
    """Where the runs of open gaps begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_open.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def buckets(chars: np.ndarray) -> np.ndarray:
    """The buckets of the n-grams around the gap behind each character: [characters, spans]."""
    padded = np.pad(chars, AROUND)
    columns = []
    for number, (first, last) in enumerate(SPANS, 1):
        key = np.full(len(chars), number, dtype=np.uint64)
        for offset in range(first, last + 1):
            key = key * np.uint64(0x9E3779B97F4A7C15) + padded[AROUND + offset :][: len(chars)]
        key = (key ^ (key >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        columns.append(((key >> np.uint64(32)) % np.uint64(BUCKETS)).astype(np.int32))
    return np.column_stack(columns)


def distances_ahead(chars: np.ndarray) -> np.ndarray:
    """How many characters stand between each and the next mark, below FAR."""
    places = np.arange(len(chars))
    marks = np.where(np.isin(chars, MARKS), places, len(chars))
    following = np.minimum.accumulate(np.append(marks[1:], len(chars))[::-1])[::-1]
    return np.asarray(np.minimum(following - places - 1, FAR - 1))


def distances_behind(chars: np.ndarray, commas: np.ndarray) -> np.ndarray:
    """How many characters a part of a sentence has that ends with each, below FAR."""
    places = np.arange(len(chars))
    marks = np.where(np.isin(chars, MARKS) | commas, places, -1)
    before = np.append([-1], np.maximum.accumulate(marks)[:-1])
    return np.asarray(np.minimum(places - before, FAR - 1))
