"""SIGINT and SIGTERM as a flag that the loop checks, so that a run ends between two steps and never inside one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STOPPING = b"\nStopping after this step, which will be saved; once more to stop at once.\n"


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], int]]:
    """A function that returns the number of the first SIGINT or SIGTERM received, or 0; a second one ends the
    program."""
    noted = 0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal noted
        noted = number
        with suppress(OSError):  # not by `print`, which the signal may have interrupted
            os.write(2, STOPPING)
        signal.signal(number, before[number])

    if threading.current_thread() is not threading.main_thread():
        yield lambda: noted
        return
    before = {int(number): signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
