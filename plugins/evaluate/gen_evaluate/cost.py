"""The cost of a call: seconds, and the peak memory of the process meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """Seconds, and bytes of memory at the peak, of the whole process; None where the system does not say."""

    seconds: float
    peak: int | None


def measure_cost(work: Callable[[], Result]) -> tuple[Result, Cost]:
    """The result of `work()`, and its cost."""
    known = _forget_peak()
    began = time.perf_counter()
    result = work()
    return result, Cost(time.perf_counter() - began, _peak() if known else None)


def _forget_peak() -> bool:
    """Reset the peak, which Linux allows; returns whether that worked."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak() -> int | None:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)
