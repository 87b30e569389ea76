"""Starts an engine process without importing an engine here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ..messages import Cancel, Stop
from .loading import Loading

NICER = 5
"""How much nicer a process is that yields to others."""


ASKING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # which a terminal or a supervisor sends to the whole group
"""The signals that ask to end. The server decides when its engine processes do."""


def started(connection: Any, loading: Loading) -> Any:
    """A process that computes for the other end of `connection`. It is a new interpreter, not a copy of this one."""
    process = get_context("spawn").Process(target=work, args=(connection, loading), daemon=True)
    with _held_back():
        process.start()
    return process


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold back what asks to end, in a process that begins here as well: until it ignores that, it would be ended in
    the middle of its imports, with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it lets signals through when it begins, and a process begins it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(connection: Any, loading: Loading) -> None:
    """What the process does; only there is the engine imported."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
    if loading.threads is not None:  # read when the engine is imported
        os.environ["OMP_NUM_THREADS"] = str(loading.threads)
    if loading.yields and hasattr(os, "nice"):
        os.nice(NICER)
    inbox: SimpleQueue[Any] = SimpleQueue()
    cancelled: set[int] = set()
    # Before the engine is imported, which takes seconds: the server may end meanwhile.
    Thread(target=_listen, args=(connection, inbox, cancelled), daemon=True).start()
    from .loop import main

    main(connection, loading, inbox, cancelled)


def _listen(connection: Any, inbox: SimpleQueue[Any], cancelled: set[int]) -> None:
    """Put what the server says into the inbox. If it says Stop, or is gone, end the process, whatever it does.

    A wish that is given up while it waits in the inbox is not taken up: `cancelled` tells.
    """
    try:
        while not isinstance(message := connection.recv(), Stop):
            if isinstance(message, Cancel):
                cancelled.add(message.number)
            inbox.put(message)
    except (EOFError, OSError):
        pass
    os._exit(0)
