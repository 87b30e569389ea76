"""The loop of a batch: lines go to whatever answers them, and answers are put in the order of the lines.

Answers come in any order, so those that are ahead wait in a window. Where it is full, no more lines are read until all
that were are answered: memory stays bounded, and no answer ever waits for a line that is not read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock

from gen_engine.errors import GenError
from gen_engine.system.interrupts import shielded

from .files.entries import Entry, Understand
from .files.rows import Rows, error_of
from .messages import LINES, Answer, Line, Work

BYTES = 64 << 20
"""The most bytes of answers that wait."""

Put = Callable[[bytes], None]


@dataclass
class Window:
    """Answers as bytes that wait for their turn. `next` is the place of the line whose answer is put next.

    Whoever reads lines may do so in a thread of its own.
    """

    next: int
    lines: int = LINES
    held: dict[int, bytes] = field(default_factory=dict)  # at most `lines` of them
    size: int = 0
    _lock: Lock = field(default_factory=Lock)

    def is_full(self, index: int) -> bool:
        """Whether the line at this place must wait until earlier ones are put."""
        return index - self.next >= self.lines or self.size >= BYTES

    def hold(self, index: int, row: bytes) -> bool:
        """Keep an answer until its turn comes. Returns whether it is the first of its line, which counts."""
        with self._lock:
            if index < self.next or index in self.held:
                return False
            self.held[index] = row
            self.size += len(row)
            return True

    def ready(self) -> Iterator[bytes]:
        """The answers whose turn it is; each is gone when the next is asked for."""
        while self.next in self.held:
            row = self.held[self.next]
            yield row
            with self._lock:
                del self.held[self.next]
                self.size -= len(row)
                self.next += 1


@dataclass
class Feed:
    """Lines of entries, from the place `index` on, as far as the window has room.

    `kept` are rows that are there already for the first of them. Those without an error are put again as they are.
    """

    entries: Iterator[Entry]
    understand: Understand
    window: Window
    index: int
    rows: Rows
    kept: Iterator[bytes] = field(default_factory=lambda: iter(()))
    is_over: bool = False
    marks: deque[float | None] = field(default_factory=deque)

    def round(self) -> Iterator[Line]:
        """The next lines to be answered."""
        while not self.window.is_full(self.index):
            entry = next(self.entries, None)
            if entry is None:
                self.is_over = True
                return
            index, row = self.index, next(self.kept, None)
            self.index += 1
            self.marks.append(entry.progress)
            if row is not None and not error_of(self.rows.decode(row)):
                self.window.hold(index, row)
                continue
            asked, problem = self.understand(entry)
            yield Line(index, asked, problem, entry.line)


@dataclass(frozen=True)
class Told:
    """How far a batch is: lines that were put, of them answered by us, errors of those, and the share of the input."""

    lines: int
    answered: int
    errors: int
    share: float | None


@dataclass
class Counts:
    """What was put so far."""

    answered: int = 0
    errors: int = 0
    tokens: int = 0


def run(work: Work, feed: Feed, put: Put, tell: Callable[[Told], None] = lambda _: None) -> Counts:
    """Answer all lines of a feed and put the answers in order. Raises GenError if a line stays without an answer."""
    counts, window = Counts(), feed.window

    def put_ready() -> None:
        for row in window.ready():
            with shielded():
                put(row)
            tell(Told(window.next + 1, counts.answered, counts.errors, feed.marks.popleft()))

    while not feed.is_over:
        for answer in _answers(work, feed.round()):
            row = feed.rows.encode(answer.record)
            if window.hold(answer.index, row):
                counts.answered += 1
                counts.errors += answer.is_error
                counts.tokens += answer.tokens
            put_ready()
        put_ready()
        if window.next < feed.index:
            raise GenError(f"Request {window.next + 1:,} got no answer; run the same command again.")
    return counts


def _answers(work: Work, lines: Iterator[Line]) -> Iterable[Answer]:
    """The answers of a round; a worker is not asked where there are no lines."""
    first = next(lines, None)
    return () if first is None else work.answers(chain([first], lines))
