"""Peak memory beside what must be kept: the weights, and the keys and values of all rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")
BYTES = {"int8": 1, "bfloat16": 2, "float32": 4}
"""Of a weight, by the engine's dtype; what goes with int8 weights (a scale a column) is not counted."""

KEY_BYTES = 4
"""Of a number in keys and values: float32."""


def measure_growth(load: Callable[[], Any], write: Callable[[], Any]) -> dict[str, int]:
    """By how many bytes the process grows at most: while it loads, and after that while it writes.

    Both count from before `load`. Empty where the system does not say (no Linux).
    """
    if not STATUS.is_file():
        return {}
    before = _resident("VmRSS")
    peaks = {}
    for name, work in (("loading", load), ("writing", write)):
        RESET.write_text("5")  # the peak begins anew from what is resident now
        work()
        peaks[name] = _resident("VmHWM") - before
    return peaks


def _resident(key: str) -> int:
    [kilobytes] = re.findall(rf"^{key}:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    return 1024 * int(kilobytes)


def weight_count(config: Mapping[str, Any]) -> int:
    """All weights of a GPT-2 with tied embeddings."""
    size, layers = config["n_embd"], config["n_layer"]
    inner = config.get("n_inner") or 4 * size
    block = 4 * size * size + 2 * size * inner + 9 * size + inner  # matrices; their biases, and two norms
    return layers * block + (config["vocab_size"] + config["n_positions"]) * size + 2 * size


def cache_bytes(config: Mapping[str, Any], rows: int, length: int) -> int:
    """Keys and values of `rows` texts of `length` tokens."""
    return 2 * config["n_layer"] * config["n_embd"] * rows * length * KEY_BYTES


def must_keep(config: Mapping[str, Any], dtype: str, rows: int, length: int) -> int:
    """Bytes of the weights in a dtype and of keys and values."""
    return weight_count(config) * BYTES[dtype] + cache_bytes(config, rows, length)
