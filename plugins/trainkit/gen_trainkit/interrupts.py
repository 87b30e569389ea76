"""SIGINT and SIGTERM as a question the loop asks, so that a run ends between two steps and never inside one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], int]]:
    """A function telling the number of the first SIGINT or SIGTERM that came, or 0; a second one ends the program."""
    noted = 0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal noted
        noted = number
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
