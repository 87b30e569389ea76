"""Lines that are read ahead, so that a slow input holds up nothing that runs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Thread

from .messages import Line

READ = 512
"""How many lines are read before anybody takes them."""

AHEAD = 2048
"""A line is taken up only if it is fewer than this many behind the first unfinished one."""

SECONDS = 0.2
"""After so many seconds without room, the thread looks whether it is still wanted."""


@dataclass(eq=False)
class Feed:
    """Lines, read by a thread of its own. `is_over` says that all were taken."""

    lines: Iterable[Line]
    is_over: bool = False
    _queue: Queue[Line | BaseException | None] = field(default_factory=lambda: Queue(READ))
    _is_closed: bool = False

    def __post_init__(self) -> None:
        Thread(target=self._read, daemon=True).start()

    def take(self, most: int, *, waits: bool) -> list[Line]:
        """At most so many lines that are there; none if none is, unless this `waits` for one.

        Raises what the reading of lines raised.
        """
        found: list[Line] = []
        while len(found) < most and not self.is_over:
            try:
                each = self._queue.get(block=waits and not found)
            except Empty:
                break
            if isinstance(each, Line):
                found.append(each)
                continue
            self.is_over = True
            if each is not None:
                raise each
        return found

    def close(self) -> None:
        """Read no further."""
        self._is_closed = self.is_over = True

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            for line in self.lines:
                self._put(line)
                if self._is_closed:
                    return
        except BaseException as problem:  # noqa: BLE001 - raised again by `take`
            last = problem
        self._put(last)

    def _put(self, each: Line | BaseException | None) -> None:
        while not self._is_closed:
            with suppress(Full):
                self._queue.put(each, timeout=SECONDS)
                return


@dataclass(eq=False)
class Pace:
    """How far ahead of the first unfinished line others may be taken up: what their answers wait in is bounded."""

    most: int = AHEAD
    _taken: int = 0
    _places: dict[int, int] = field(default_factory=dict)  # unfinished lines in order, at most `most`

    @property
    def room(self) -> int:
        """How many more lines may be taken up now."""
        first = next(iter(self._places.values()), self._taken)
        return self.most - (self._taken - first)

    def take(self, lines: Iterable[Line]) -> None:
        """These are taken up."""
        for line in lines:
            self._places[line.index] = self._taken
            self._taken += 1

    def end(self, index: int) -> None:
        """This one is finished."""
        del self._places[index]
