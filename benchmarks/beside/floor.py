"""The physical floor of a step: every int8 weight is read once, as fast as a plain read of memory goes.

A step at one row multiplies each weight once, so it cannot be faster than reading them. How fast that is is measured in
the same run, on all processors, by sums and maxima of numpy and torch: which of them is fastest differs between
machines. The best of all tries counts. There are two rates: over a buffer larger than the last cache, and over one as
large as the weights, which may stay in a cache from step to step.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

CACHE = Path("/sys/devices/system/cpu/cpu0/cache")
DEFAULT_CACHE = 64 << 20
LARGEST = 1 << 30
"""The largest buffer that is read, in bytes."""

TRIES = 4
PER_TRY = 1 << 28
"""Bytes that a try reads at least."""

Reading = Callable[[np.ndarray], Any]

WAYS: Mapping[str, Reading] = {
    "numpy: largest float64": lambda part: part.max(),
    "numpy: least int16": lambda part: part.view(np.int16).min(),
    "numpy: largest uint8": lambda part: part.view(np.uint8).max(),
    "numpy: or of uint64": lambda part: np.bitwise_or.reduce(part.view(np.uint64)),
}
"""Each lets other threads run meanwhile, so that all processors read parts of their own."""

TORCH: Mapping[str, Callable[[torch.Tensor], Any]] = {
    "torch: largest int8": lambda whole: whole.view(torch.int8).amax(),
    "torch: largest int32": lambda whole: whole.view(torch.int32).amax(),
    "torch: sum of float32": lambda whole: whole.view(torch.float32).sum(),
}


def last_cache() -> int:
    """Bytes of the largest cache of a processor; 64 MiB if the system does not say."""
    sizes = [path.read_text().strip() for path in CACHE.glob("index*/size")] if CACHE.is_dir() else []
    found = [re.fullmatch(r"(\d+)([KM])", size) for size in sizes]
    return max((int(each[1]) << {"K": 10, "M": 20}[each[2]] for each in found if each), default=DEFAULT_CACHE)


def beyond_caches(cache: int) -> int:
    """How large a buffer is that a cache of this many bytes cannot hold."""
    return min(4 * cache, LARGEST)


def best_rate(size: int, tries: int = TRIES) -> tuple[float, str]:
    """The most bytes a second that are read from a buffer of `size` bytes on all processors, and the way."""
    threads = os.cpu_count() or 1
    passes = max(1, PER_TRY // size)
    parts = [np.ones(max(size // threads // 8, 1)) for _ in range(threads)]
    whole = torch.from_numpy(np.ones(max(size // 8, 1)))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ThreadPoolExecutor(threads) as pool:
            rates = {way: _rate(lambda read=read: _read_parts(pool, parts, read, passes), tries, size * passes)
                     for way, read in WAYS.items()}  # fmt: skip
        rates |= {way: _rate(lambda read=read: [read(whole) for _ in range(passes)], tries, size * passes)
                  for way, read in TORCH.items()}  # fmt: skip
    finally:
        torch.set_num_threads(before)
    way = max(rates, key=lambda name: rates[name])
    return rates[way], way


def _read_parts(pool: ThreadPoolExecutor, parts: list[np.ndarray], read: Reading, passes: int) -> None:
    list(pool.map(lambda part: [read(part) for _ in range(passes)], parts))


def _rate(run: Callable[[], Any], tries: int, size: int) -> float:
    """The best of some tries, after one that is not counted."""
    run()
    least = float("inf")
    for _ in range(tries):
        begun = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - begun)
    return size / least


def linear_weights(config: Mapping[str, Any]) -> int:
    """How many weights a step of a GPT-2 multiplies: attention, the layers after it, and the head."""
    size, layers = config["n_embd"], config["n_layer"]
    inner = config.get("n_inner") or 4 * size
    return layers * (4 * size * size + 2 * size * inner) + config["vocab_size"] * size


def floor_seconds(weights: int, *rates: float) -> float:
    """The least time in which so many int8 weights are read, by the best of some rates in bytes a second."""
    return weights / max(rates)
