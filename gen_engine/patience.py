"""The time limit of a request's searches. It can only end a request; it never affects which tokens may follow.

The clock counts the processor time of the searching thread, so a busy machine does not end a request sooner.
Questions shorter than a millisecond are timed by the wall clock, which is cheaper to read.

A conflict proven before the limit is still reported. The report names the members whose necessity was not established.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from math import inf, isfinite
from numbers import Real
from time import perf_counter, thread_time

from .errors import GenError, UndecidedError, quoted

SECONDS = 8.0
"""The default time limit for the searches of a request."""

FREE = 0.001
"""Uncounted seconds at the start of each question between two tokens; most answers are looked up, not searched for."""


def never() -> bool:
    """Nobody gives up."""
    return False


_giving_up: ContextVar[Callable[[], bool]] = ContextVar("giving_up", default=never)


@contextmanager
def given_up_when(holds: Callable[[], bool]) -> Iterator[None]:
    """Requests that are taken up within are given up as soon as `holds` returns True, in the midst of a search too.

    It is called about once a millisecond, by the thread that searches. Servers use it for clients that have left.
    """
    token = _giving_up.set(holds)
    try:
        yield
    finally:
        _giving_up.reset(token)


@dataclass(eq=False)
class Patience:
    """The seconds of processor time that a request may search; `spent` is how many it has used.

    `is_given_up` tells whether somebody still waits for the request; if nobody does, its time is up.

    The clock runs inside `with patience:`; there, `check()` raises UndecidedError once the time is up. Shared chains do
    not depend on it: a search that is cut off stores only facts that are true.
    """

    seconds: float = SECONDS
    spent: float = 0.0
    last: float = 0.0
    _running: list[tuple[float, float, Token[Patience | None]]] = field(default_factory=list, repr=False)
    _looked: float = 0.0
    is_given_up: Callable[[], bool] = field(default_factory=_giving_up.get, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not (isinstance(self.seconds, Real) and isfinite(self.seconds) and self.seconds > 0):
            raise GenError(f"patience={quoted(self.seconds)} is not a search time; give a number of seconds above 0.")

    def __enter__(self) -> Patience:
        begun = perf_counter()
        self._looked = begun if self.spent < self.seconds else -inf
        self._running.append((thread_time(), begun, _current.set(self)))
        return self

    def __exit__(self, *_: object) -> None:
        since, begun, token = self._running.pop()
        _current.reset(token)
        if not self._running:
            # The wall clock is cheaper to read, and the thread's time never exceeds it.
            passed = perf_counter() - begun
            self.last = passed if passed < FREE else thread_time() - since
            self.spent += self.last

    def forgive(self) -> None:
        """Deduct the free part of the last question."""
        self.spent -= min(FREE, self.last)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        running = thread_time() - self._running[0][0] if self._running else 0.0
        return self.spent + running > self.seconds or self.is_given_up()

    def is_over_now(self) -> bool:
        """Like `is_over`, but evaluated at most once every `FREE` seconds."""
        now = perf_counter()
        if now - self._looked < FREE:
            return False
        self._looked = now
        return self.is_over

    def stop_if_given_up(self) -> None:
        """Raise UndecidedError if nobody waits for the request any more; for long work that is no search."""
        if self.is_given_up():
            raise UndecidedError("The request was given up.")


_current: ContextVar[Patience | None] = ContextVar("patience", default=None)


def check() -> None:
    """Raise UndecidedError if the current request has used up its search time."""
    patience = _current.get()
    if patience is not None and patience.is_over_now():
        patience.stop_if_given_up()
        raise UndecidedError(
            f"How the text can go on was not decided within {patience.seconds:g} seconds of searching; drop or relax a "
            "constraint, or allow more (--patience SECONDS)."
        )
