"""What a scheduler gives back for what is submitted, and how busy it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from ..types import Decoder
from .generation import Generation
from .packing import Made, Running

AHEAD = 1024
"""A text begins only if it is fewer than this many behind the first unfinished one of its ticket. Callers that want
texts in order hold the others back.
"""

Sent = TypeVar("Sent")
"""What generations send: pieces, or a wrapper of the caller's."""

Job = tuple[Decoder, Callable[[Callable[[Sent], None]], Generation]]
"""A decoder, and a function that makes its generation from a place to send to."""

TicketState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(eq=False)
class Ticket:
    """The outcome of jobs that were submitted together; `error` is why it failed.

    It is "running" from the start of the first job to the end of the last.
    """

    state: TicketState = "waiting"
    error: BaseException | None = None
    _jobs: Iterator[Job[Any]] = field(default_factory=lambda: iter(()), repr=False)
    _next: Made | None = field(default=None, repr=False)
    _running: dict[Running, None] = field(default_factory=dict, repr=False)
    _texts: int = 0

    @property
    def is_over(self) -> bool:
        """Whether no more results will come."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def _is_held_back(self) -> bool:
        first = next(iter(self._running), None)
        return first is not None and self._texts - first.first_text >= AHEAD


@dataclass(frozen=True)
class Load:
    """How busy a scheduler is.

    `waiting` tickets have jobs that wait for room. `running` decoders take `rows` of a pass, which may come to hold
    `tokens` tokens.
    """

    waiting: int
    running: int
    rows: int
    tokens: int
