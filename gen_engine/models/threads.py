"""How many threads torch takes where linear layers are computed by the compiled library's own.

OpenMP's threads spin for some milliseconds after each piece of work that torch gives them. In that time they keep the
library's threads off their cores. Measured with SmolLM2-135M on two cores: a step of 32 rows takes 82 ms with one
thread of torch, 135 ms with two; of one row 25 and 31 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

MUCH = 1 << 22
"""With so many numbers of keys, and of inputs of layers, more threads of torch help more than they hinder."""

PASSES = 16
"""About so often a layer of a transformer goes through its inputs outside of linear layers."""


@contextmanager
def one_thread_if_little(new: int, seen: int, size: int) -> Iterator[None]:
    """Let torch compute on one thread while little is done: `new` tokens that see `seen` in all, of `size` numbers.

    The number of threads is the process's own, so where another thread has set it to one it is left alone.
    """
    threads = torch.get_num_threads()
    if threads == 1 or (PASSES * new + seen) * size > MUCH:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
