"""Interleaved medians: the contestants take turns, so that a slow spell of the machine slows them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One result: what `ours` and `peer` took, in `unit`, and the bound that their ratio or our time must keep.

    `times_faster` is a least ratio peer / ours, `times_peer` a most ratio ours / peer, `at_most` a most of ours.
    `paired` is the ratio peer / ours as the median over rounds in which both had a turn; it counts where it is given.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    times_faster: float | None = None
    times_peer: float | None = None
    at_most: float | None = None
    paired: float | None = None

    @property
    def goal(self) -> str:
        """The bound in short, empty if there is none."""
        if self.times_faster is not None:
            return f"≥ {self.times_faster:.3g}x"
        if self.times_peer is not None:
            return f"≤ {self.times_peer:g} x peer"
        return f"≤ {self.at_most:g} {self.unit}" if self.at_most is not None else ""

    @property
    def is_met(self) -> bool:
        """Whether the bound is kept."""
        ratio = self.ratio or 0
        faster = self.times_faster is None or ratio >= self.times_faster
        near = self.times_peer is None or ratio * self.times_peer >= 1
        return faster and near and (self.at_most is None or self.ours <= self.at_most)

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer ours is."""
        if self.paired is not None:
            return self.paired
        return self.peer / self.ours if self.peer is not None else None


def seconds(run: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleaved_medians(contestants: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """The median time of each contestant in seconds; each runs once unmeasured, then all take turns."""
    for run in contestants:
        run()
    times = [[seconds(run) for run in contestants] for _ in range(rounds)]
    return [median(column) for column in zip(*times, strict=True)]
