"""What a step costs as a text grows: up to the window of the model, and beyond it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

BUCKET = 32
"""Steps whose mean is one point of the picture."""


def last_length(positions: int) -> int:
    """The length at which the first window after the model's positions is full, and so is to be read again."""
    return positions + positions // 2


def time_steps(model: Any, last: int) -> list[float]:
    """Seconds of each step of one row that has a special token first and grows from 2 to `last` tokens."""
    usable = model.tokenizer.vocabulary.usable
    start = model.tokenizer.encode("").tokens[0]
    cache = model.open(last)
    model.feed(cache, [-1], [0], [[start]])
    taken = []
    for length in range(1, last):
        begun = time.perf_counter()
        model.feed(cache, [0], [length], [[usable[length % len(usable)]]])
        taken.append(time.perf_counter() - begun)
    return taken


def points(steps: Sequence[float]) -> list[tuple[int, float]]:
    """For the picture: lengths, and the mean cost of a step near each. A last bucket that is not full is left out."""
    starts = range(0, len(steps) - BUCKET + 1, BUCKET)
    return [(start + BUCKET // 2, fmean(steps[start : start + BUCKET])) for start in starts]


def beside_straight_line(steps: Sequence[float], positions: int) -> tuple[float, float]:
    """The mean cost of the last steps before the window is full, and what a straight line makes of it.

    The line is fitted (least squares) to the first half of the window, without its very beginning. Growth that is at
    most linear does not rise above it.
    """
    near, first = max(positions // 8, 1), positions // 16
    half = np.asarray(steps[first : positions // 2])
    centre = first + (len(half) - 1) / 2
    slope = max(np.polyfit(np.arange(len(half)), half, 1)[0], 0)  # costs that fall are noise: then the line is level
    places = range(positions - 1 - near, positions - 1)
    return fmean(steps[place] for place in places), float(half.mean() + slope * (fmean(places) - centre))


def plateau(steps: Sequence[float], positions: int) -> tuple[float, float]:
    """The mean cost of a step beyond the window, reading again included, and that of the last steps before it."""
    near = max(positions // 8, 1)
    return fmean(steps[positions - 1 : last_length(positions) - 1]), fmean(steps[positions - 1 - near : positions - 1])
