"""A character n-gram model with interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998), a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen_engine.errors import GenError
from gen_engine.system.underway import counted, doing
from gen_evaluate.scoring import ScoredText

BEGIN, UNKNOWN = 0, 1  # the start of a text; any character not seen in training
FALLBACK = (0.5, 1.0, 1.5)  # discounts where the counts of counts admit no estimate


@dataclass(frozen=True)
class Level:
    """All n-grams of one length, sorted by key: the number of the context times V plus the last character.

    `counts` are those of Kneser-Ney: below the longest length, how many different characters precede the n-gram.
    """

    keys: np.ndarray  # [n-grams] int64
    last: np.ndarray  # [n-grams] the last character
    begins: np.ndarray  # [contexts + 1] where the n-grams of each context begin
    counts: np.ndarray  # [n-grams] float
    rest: np.ndarray  # [n-grams] counts less the discount, divided by the sum of the counts of the context
    spare: np.ndarray  # [contexts] the share that is left to shorter contexts


@dataclass(frozen=True)
class Ngram:
    """A character model of order `len(levels)`; `ids` numbers the characters that it knows."""

    ids: dict[str, int]
    levels: tuple[Level, ...]

    @property
    def size(self) -> int:
        """The number of columns of a distribution: BEGIN, whose probability is 0, UNKNOWN, and each character."""
        return len(self.ids) + 2

    def distribution(self, context: Sequence[int]) -> np.ndarray:
        """Probabilities [size] of the next character after `context`, of which only the last characters count."""
        found = np.full(self.size, 1 / (self.size - 1))
        found[BEGIN] = 0.0
        for length, level in enumerate(self.levels):
            node = self._find(context[len(context) - length :]) if length <= len(context) else None
            if node is None:
                break
            children = slice(level.begins[node], level.begins[node + 1])
            if level.begins[node] < level.begins[node + 1]:
                found *= level.spare[node]
                found[level.last[children]] += level.rest[children]
        return found

    def _find(self, context: Sequence[int]) -> int | None:
        """The number of a context among those of its length; the empty context is number 0."""
        node = 0
        for level, char in zip(self.levels, context, strict=False):
            key = node * self.size + char
            node = int(np.searchsorted(level.keys, key))
            if node == len(level.keys) or level.keys[node] != key:
                return None
        return node

    def score(self, texts: Sequence[str]) -> list[ScoredText]:
        """The nats of each character of the texts."""
        return [self._score(text) for text in counted(texts, f"the {len(self.levels)}-gram model reads texts")]

    def _score(self, text: str) -> ScoredText:
        row = [BEGIN, *(self.ids.get(char, UNKNOWN) for char in text)]
        nats, guessed = np.zeros(len(text)), np.zeros(len(text), dtype=bool)
        for place, char in enumerate(row[1:]):
            likely = self.distribution(row[max(0, place + 2 - len(self.levels)) : place + 1])
            nats[place], guessed[place] = -np.log(likely[char]), likely.argmax() == char
        places = np.arange(len(text))
        known = np.array(row[1:], dtype=int) != UNKNOWN
        return ScoredText(text, np.stack([places, places + 1], axis=1), nats, guessed, known)


@doing("counting n-grams")
def train_ngram(texts: Sequence[str], order: int) -> Ngram:
    """The n-gram model of `texts`, which are independent. Raises GenError for an order below 1 or no text."""
    if order < 1:
        raise GenError(f"ngram={order} has no characters to count. Give an order from 1, such as ngram=5.")
    if not any(texts):
        raise GenError("There is no text to count n-grams in. Give --train files with some.")
    ids = {char: i for i, char in enumerate(sorted(set().union(*texts)), 2)}
    stream = np.concatenate([np.array([BEGIN, *(ids[char] for char in text)], dtype=np.int64) for text in texts])
    starts = np.cumsum([0, *(len(text) + 1 for text in texts[:-1])])
    depth = np.arange(len(stream)) - np.repeat(
        starts, np.diff([*starts, len(stream)])
    )  # characters before, in the text
    return Ngram(ids, tuple(_count_levels(stream, depth, order, len(ids) + 2)))


def _count_levels(stream: np.ndarray, depth: np.ndarray, order: int, size: int) -> list[Level]:
    """The levels 1 to `order`. N-grams are numbered through their contexts, so that keys stay small for any order."""
    node = np.zeros(len(stream), dtype=np.int64)  # number of the n-gram that ends here; at first the empty one
    nodes, keys, raw = [], [], []
    for length in range(1, order + 1):
        there = depth >= length - 1
        before = np.roll(node, 1)[there] if length > 1 else node
        key, inverse, counts = np.unique(before * size + stream[there], return_inverse=True, return_counts=True)
        node = np.full(len(stream), -1, dtype=np.int64)
        node[there] = inverse
        nodes.append(node)
        keys.append(key)
        raw.append(counts)
    levels = []
    for i in range(order):
        counts = raw[i] if i == order - 1 else _continuations(nodes[i], nodes[i + 1], raw[i])
        if i == 0:
            counts = np.where(keys[0] == BEGIN, 0, counts)  # the start of a text is never written
        levels.append(_make_level(keys[i], counts.astype(float), len(keys[i - 1]) if i else 1, size))
    return levels


def _continuations(node: np.ndarray, longer: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """How many different n-grams, longer by one, end in each n-gram; for one that begins a text, its count `raw`."""
    _, places = np.unique(longer, return_index=True)
    places = places[longer[places] >= 0]
    counts = np.bincount(node[places], minlength=len(raw))
    return np.where(counts > 0, counts, raw)


def _make_level(keys: np.ndarray, counts: np.ndarray, contexts: int, size: int) -> Level:
    context, last = keys // size, keys % size
    discounts = np.array([0.0, *_discounts(counts)])
    off = discounts[np.minimum(counts, 3).astype(int)]
    sums = np.bincount(context, weights=counts, minlength=contexts)
    spare = np.bincount(context, weights=off, minlength=contexts) / np.maximum(sums, 1)
    begins = np.searchsorted(context, np.arange(contexts + 1))
    return Level(keys, last, begins, counts, (counts - off) / np.maximum(sums[context], 1), spare)


def _discounts(counts: np.ndarray) -> tuple[float, ...]:
    """The discounts of counts of 1, of 2, and of 3 or more (Chen & Goodman 1998, equation 26)."""
    ones, twos, threes, fours = (int((counts == i).sum()) for i in range(1, 5))
    if not (ones and twos and threes and fours):
        return FALLBACK
    share = ones / (ones + 2 * twos)
    found = (1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes)
    return found if all(0 <= discount <= i for i, discount in enumerate(found, 1)) else FALLBACK
