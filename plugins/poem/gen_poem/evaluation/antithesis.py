"""Antithesis (对仗) in couplets, measured by word classes that are learned from real couplets.

Each character has a vector. The product of two vectors says how well two characters fit at the same place of a couplet.
It estimates the logarithm of how much more often poets oppose the two than chance would. `recipe/parallelism.py` learns
the vectors.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..verse.books import TABLES
from ..verse.segments import segments

TABLE = "parallelism"
LENGTHS = (5, 7)
MIDDLE = (2, 4)
"""Where the middle couplets of eight lines begin."""

Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Classes:
    """Which characters poets oppose to which: a vector for each character, and the sign with which each of its numbers
    counts. `thresholds` are the mean scores that real couplets of 5 and of 7 characters reach."""

    number: dict[str, int] = field(repr=False)
    vectors: NDArray[np.float64] = field(repr=False)  # [characters + 1, width]; the last row is of unknown ones
    signs: NDArray[np.float64] = field(repr=False)  # [width]
    thresholds: dict[int, float]

    def score(self, couplet: Pair) -> float:
        """How well two lines of one length fit place by place, as a mean in nats; it does not depend on their order.

        A character that is not known counts as 0, and so do lines without a character or of different lengths.
        """
        if len(couplet[0]) != len(couplet[1]) or not couplet[0]:
            return 0.0
        rows = [[self.number.get(char, -1) for char in line] for line in couplet]
        return float(((self.vectors[rows[0]] * self.vectors[rows[1]]) @ self.signs).mean())

    def is_parallel(self, couplet: Pair) -> bool:
        """Whether two lines of 5 or of 7 characters fit as well as nine in ten real middle couplets do, and oppose no
        character to itself."""
        threshold = self.thresholds.get(len(couplet[0]))
        if threshold is None or len(couplet[0]) != len(couplet[1]):
            return False
        return all(a != b for a, b in zip(*couplet, strict=True)) and self.score(couplet) >= threshold


@cache
def classes() -> Classes:
    """The classes that come with the plugin."""
    text = lzma.decompress((TABLES / f"{TABLE}.txt.xz").read_bytes()).decode("utf-8")
    return read_classes(text)


def read_classes(text: str) -> Classes:
    """The classes that `write_classes` wrote."""
    head, _, body = text.partition("\n")
    told = json.loads(head)
    rows = [line.split(" ") for line in body.splitlines()]
    whole = np.array([[int(cell) for cell in row[1:]] for row in rows], dtype=np.float64)
    vectors = np.vstack([whole * np.array(told["scales"]), np.zeros(whole.shape[1])])
    number = {row[0]: index for index, row in enumerate(rows)}
    return Classes(number, vectors, np.array(told["signs"]), {int(k): v for k, v in told["thresholds"].items()})


def write_classes(
    characters: Sequence[str],
    whole: NDArray[np.int64],
    *,
    scales: Sequence[float],
    signs: Sequence[int],
    thresholds: dict[int, float],
) -> str:
    """The table: what all rows share as JSON, then a line for each character with its integers [width]."""
    head = json.dumps({"scales": list(scales), "signs": list(signs), "thresholds": thresholds})
    rows = (f"{char} {' '.join(map(str, row))}" for char, row in zip(characters, whole.tolist(), strict=True))
    return "\n".join([head, *rows]) + "\n"


def middle_couplets(poem: str, places: Sequence[int] = MIDDLE) -> list[Pair]:
    """The middle couplets of a poem of eight lines of 5 or of 7 characters each (or those that begin at `places`);
    none of any other poem."""
    lines = [piece.chars for piece in segments(poem)[0]]
    if len(lines) != 8 or len({len(line) for line in lines}) != 1 or len(lines[0]) not in LENGTHS:
        return []
    return [(lines[index], lines[index + 1]) for index in places]


def parallel_share(poems: Sequence[str]) -> float | None:
    """The share of middle couplets of eight-line poems that are parallel; None if there are none."""
    found = [classes().is_parallel(couplet) for poem in poems for couplet in middle_couplets(poem)]
    return sum(found) / len(found) if found else None
