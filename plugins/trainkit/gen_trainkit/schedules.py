"""Learning-rate schedules as pure functions of the step, so that they have no state to save."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["linear", "cosine", "constant"]


def rate_factor(step: int, *, total: int, warmup: int, schedule: Schedule) -> float:
    """The factor of the peak rate at `step` (0-based) of `total`: up over `warmup` steps, then down to 0."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    left = max(0, total - step) / max(1, total - warmup)
    if schedule == "linear":
        return left
    if schedule == "cosine":
        return 0.5 * (1 - math.cos(math.pi * left))
    return 1.0
