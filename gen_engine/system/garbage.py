"""Python's garbage collector, kept from looking at millions of objects that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collects no garbage inside, if the collector is on. It is on again afterwards, also after an error.

    Loading a model imports thousands of modules and makes a vocabulary of up to 262,144 tokens. The collector would
    look at all of it again and again, which takes a tenth of the time of loading.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
