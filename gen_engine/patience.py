"""How long a request may search. The clock only ever ends a request; what may follow is never its business.

It counts the processor time of the thread that searches: on a busy machine a request is not given up sooner. Questions
shorter than a millisecond are counted by the wall clock, which is cheaper to read.

A conflict that is proven by then is told; it says which members it was not found out to need.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from math import inf, isfinite
from numbers import Real
from time import perf_counter, thread_time

from .errors import GenError, UndecidedError, quoted

SECONDS = 8.0
"""How long a request may search if nothing is said."""

FREE = 0.001
"""So many seconds of each question between two tokens are not counted: most are looked up, not searched for."""


@dataclass(eq=False)
class Patience:
    """The seconds of processor time that a request may search; `spent` is what it has.

    `with patience:` lets the clock run; in it, `check()` raises UndecidedError once all is spent. Chains that many
    requests share know nothing of it, and a search that is cut off leaves nothing but what is true behind.
    """

    seconds: float = SECONDS
    spent: float = 0.0
    last: float = 0.0
    _running: list[tuple[float, float, Token[Patience | None]]] = field(default_factory=list, repr=False)
    _looked: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.seconds, Real) and isfinite(self.seconds) and self.seconds > 0):
            raise GenError(
                f"patience={quoted(self.seconds)} is no time to search for; give a number of seconds above 0."
            )

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
        """Count the last question less what is free."""
        self.spent -= min(FREE, self.last)

    @property
    def is_over(self) -> bool:
        """Whether all is spent."""
        running = thread_time() - self._running[0][0] if self._running else 0.0
        return self.spent + running > self.seconds

    def is_over_now(self) -> bool:
        """The same, looked at no more often than each `FREE` seconds."""
        now = perf_counter()
        if now - self._looked < FREE:
            return False
        self._looked = now
        return self.is_over


_current: ContextVar[Patience | None] = ContextVar("patience", default=None)


def check() -> None:
    """UndecidedError if the request that is searched for has no patience left."""
    patience = _current.get()
    if patience is not None and patience.is_over_now():
        raise UndecidedError(
            f"After {patience.seconds:g} seconds of searching it was not decided how a text can go on; drop or relax a "
            "constraint, or allow more (--patience SECONDS)."
        )
