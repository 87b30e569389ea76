"""Guess which title a text has, by counts over real poems whose titles share characters with it.

Each character and pair of characters of a title stands for the real poems in whose titles it occurs. These are weighted
by inverse document frequency (Spärck Jones 1972). A title fits a text if the text's characters and pairs are more
frequent in those poems than elsewhere: a relevance model (Lavrenko and Croft 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[Any]
"""Integers of any width."""

BACKGROUND = 10.0
"""The weight of all poems together, beside the grams of a title, in units of inverse document frequency."""

SMOOTHING = 3000.0
"""How many grams, distributed as in all poems, are added to those of the poems that a gram of a title stands for."""

PAIRS = 0.5
"""The weight of a pair of characters of a text; a character weighs 1."""


def grams(text: str) -> set[str]:
    """The characters of a text and its pairs of neighbours; no pair crosses a space."""
    return {gram for part in text.split() for at in range(len(part)) for gram in (part[at], part[at : at + 2])}


@dataclass(frozen=True, eq=False)
class Counts:
    """How often a gram stands in the texts of the real poems with a certain gram in their titles.

    Each gram counts once per poem. The table is sparse. Row i belongs to the gram `titles[i]`, which stands in
    `poems[i]` of `total` titles. Its entries are k from `starts[i]` to `starts[i + 1]`. For each of them, the gram
    `features[j]` with `j = places[k]`, ascending, stands in `counts[k]` of the texts with those titles. `sums[i]`
    counts all grams of these texts, characters and pairs apart. `usual[j]` is how many of all poems have feature j.
    """

    titles: Sequence[str] = field(repr=False)
    features: Sequence[str] = field(repr=False)  # all characters before all pairs
    total: int
    poems: Numbers  # [titles]
    sums: Numbers  # [titles, 2]
    usual: Numbers  # [features]
    starts: Numbers  # [titles + 1]
    places: Numbers  # [entries]
    counts: Numbers  # [entries]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {gram: row for row, gram in enumerate(self.titles)}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {gram: index for index, gram in enumerate(self.features)}

    @cached_property
    def _kinds(self) -> Numbers:
        """0 for each feature that is a character, 1 for each pair. [features]"""
        return np.array([len(gram) - 1 for gram in self.features], dtype=np.int64)

    @cached_property
    def _shares(self) -> Floats:
        """The share of each feature in all of its kind. [features]"""
        sums = np.bincount(self._kinds, weights=self.usual, minlength=2)
        return np.asarray(self.usual / sums[self._kinds])

    def scores(self, text: str, titles: Sequence[str]) -> list[float]:
        """How well each title fits the text: how much likelier it makes the text's grams, in nats."""
        wanted = np.array(sorted({self._places[gram] for gram in grams(text) if gram in self._places}), dtype=np.int64)
        known = [[self._rows[gram] for gram in sorted(grams(title)) if gram in self._rows] for title in titles]
        ratios = {row: self._ratios(row, wanted) for row in {row for rows in known for row in rows}}
        worth = np.where(self._kinds[wanted] == 0, 1.0, PAIRS)
        return [float(worth @ np.log(self._mixed(rows, ratios))) if rows else 0.0 for rows in known]

    def _ratios(self, row: int, wanted: Numbers) -> Floats:
        """How many times likelier than usual each wanted feature is in the poems of the row. [wanted]"""
        there = slice(int(self.starts[row]), int(self.starts[row + 1]))
        own = self.places[there]
        at = np.searchsorted(own, wanted)
        is_there = at < len(own)
        is_there[is_there] = own[at[is_there]] == wanted[is_there]
        found = np.zeros(len(wanted))
        found[is_there] = self.counts[there][at[is_there]]
        shares = self._shares[wanted]
        return np.asarray((found + SMOOTHING * shares) / ((self.sums[row][self._kinds[wanted]] + SMOOTHING) * shares))

    def _mixed(self, rows: Sequence[int], ratios: dict[int, Floats]) -> Floats:
        """The weighted mean of the ratios of a title's grams and of all poems, whose ratios are 1. [wanted]"""
        weights = np.log(self.total / self.poems[rows])
        mixed = sum(weight * ratios[row] for weight, row in zip(weights, rows, strict=True)) + BACKGROUND
        return np.asarray(mixed / (weights.sum() + BACKGROUND))
