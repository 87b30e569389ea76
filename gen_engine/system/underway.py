"""Says what is being done while it takes long: on a terminal in one line that comes and goes, in a log now and then.

All of it goes to standard error. Nothing is said about what ends within a second.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, RLock, Thread
from typing import Any, TextIO, TypeVar, cast

from .screen import USUAL, cells, width_of

Item = TypeVar("Item")

Call = tuple[object, str]
"""A running call, which is the same object as long as it is the same call, and a function that names it."""

SOON = 0.6
"""Seconds of silence after which a terminal says what is being done: at most a second with the wait for a tick."""

LOGGED, RARER = 10.0, 4.0
"""A log is told after this many seconds. It is told again whenever an activity has taken this many times as long."""

OTHERS = 5.0
"""The same for the code of others that takes long and should be named."""

TICK = 0.1
WATCHED, LONG = 5, 2.0
"""Every this many ticks the running call is looked up. One that lasts this many seconds is reported."""

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(eq=False)
class Activity:
    """Something that is being done: `done` of `total`, if that is known."""

    words: str
    total: int | None = None
    done: int = 0
    began: float = field(default_factory=time.monotonic)
    next_line: float = field(default_factory=lambda: LOGGED)  # seconds until a log has its next line

    def took(self) -> float:
        """For how many seconds it has been going on."""
        return time.monotonic() - self.began

    def told(self, now: float, room: int = 200) -> str:
        """The activity in one line of this many columns."""
        took = now - self.began
        of = f" of {self.total:,}" if self.total else ""
        far = f": {self.done:,}{of}" if self.done or of else ""
        left = took / self.done * (self.total - self.done) if self.total and self.done else 0.0
        rest = f", about {duration(left)} left" if left >= 1 else ""
        rest = f"{far} ({duration(took)}{rest})"
        return cut(self.words, room - len(rest)) + rest


_underway: list[Activity] = []
"""What is being done now. The last one is reported."""


@contextmanager
def doing(words: str, total: int | None = None, *, logged: float | None = None) -> Iterator[Activity]:
    """Inside, `words` is being done, such as "loading the model poem". It is reported if it takes long while a command
    runs.

    The progress goes into `done` of the yielded object. It may be nested: the innermost is reported. A log is told
    about it after `logged` seconds.
    """
    activity = Activity(words, total, next_line=LOGGED if logged is None else logged)
    _underway.append(activity)
    try:
        yield activity
    finally:
        _underway.remove(activity)


def counted(items: Iterable[Item], words: str, total: int | None = None) -> Iterator[Item]:
    """The same items, counted while `words` is done with them one by one."""
    with doing(words, len(items) if total is None and isinstance(items, Sized) else total) as activity:
        for item in items:
            yield item
            activity.done += 1


def awaited(items: Iterable[Item], words: str) -> Iterator[Item]:
    """The same items; `words` says what is done until each of them is there."""
    rest = iter(items)
    while True:
        with doing(words):
            try:
                item = next(rest)
            except StopIteration:
                return
        yield item


@dataclass(eq=False)
class _Watch:
    """Looks now and then which call of somebody's code is running. A long one becomes an activity."""

    ask: Callable[[], Call | None]
    ticks: int = 0
    call: object = None
    activity: Activity | None = None

    def look(self) -> None:
        """Called at every tick."""
        self.ticks += 1
        if self.ticks % WATCHED:
            return
        found = None
        with suppress(Exception):  # what is looked at changes all the time
            found = self.ask()
        if found is None or found[0] is not self.call:
            self.end()
            self.call = found[0] if found else None
            self.activity = Activity(found[1], next_line=OTHERS) if found else None
        elif self.activity is not None and self.activity not in _underway and self.activity.took() >= LONG:
            _underway.append(self.activity)

    def end(self) -> None:
        """The call is over."""
        if self.activity in _underway:
            _underway.remove(self.activity)
        self.call = self.activity = None


@contextmanager
def shown(ask: Callable[[], Call | None] = lambda: None) -> Iterator[None]:
    """Report on standard error what is done inside; put it around a whole command, once.

    `ask` returns the running call of somebody's code, and how to name it. It is reported if it stays the same for long.
    Nameless work is "working". It is not reported in a log, nor on a terminal on which a person types the input.
    """
    typed = "-" in sys.argv and sys.stdin is not None and sys.stdin.isatty()
    with doing("" if typed else "working") as nameless, _shown(_Watch(ask)):
        nameless.next_line = math.inf
        yield


@contextmanager
def _shown(watch: _Watch) -> Iterator[None]:
    err = sys.stderr
    if err is None or os.environ.get("RANK", "0") != "0":  # closed by the shell, or another process speaks
        yield
        return
    stop = Event()
    if not err.isatty() or os.environ.get("TERM") == "dumb":
        with _thread(lambda: _log(err), stop, watch):
            yield
        return
    line = _Line(err)
    both = [(name, stream) for name in ("stdout", "stderr") if (stream := getattr(sys, name)) and stream.isatty()]
    for name, stream in both:
        setattr(sys, name, cast("TextIO", _Watched(stream, line)))
    try:
        with _thread(line.refresh, stop, watch):
            yield
    finally:
        line.wipe()
        for name, stream in both:
            setattr(sys, name, stream)


@contextmanager
def _thread(tick: Callable[[], None], stop: Event, watch: _Watch) -> Iterator[None]:
    def run() -> None:
        while not stop.wait(TICK):
            try:
                watch.look()
                tick()
            except (OSError, ValueError):  # the terminal is gone; whoever writes next will notice
                return

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        watch.end()


def _log(file: TextIO) -> None:
    """Write a line about the innermost activity if it is due."""
    now = time.monotonic()
    for activity in _underway[-1:]:
        if now - activity.began >= activity.next_line:
            activity.next_line *= RARER
            file.write(activity.told(now) + "\n")
            file.flush()


class _Line:
    """The line on a terminal that says what is being done. It is wiped before anything else is written there."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.lock = RLock()  # the thread draws, all others write
        self.drawn = False
        self.at_start = True  # of a line: nothing is drawn after half a line of another's
        self.last_write = time.monotonic()
        self.spin = SPINNER if "utf" in (file.encoding or "").lower() else "|/-\\"
        os.register_at_fork(after_in_child=lambda: setattr(self, "lock", RLock()))

    def refresh(self) -> None:
        """Draw what is being done if all has been silent for long; wipe it if it is over."""
        now = time.monotonic()
        with self.lock:
            underway = _underway[-1:]
            if not any(activity.words for activity in underway):
                self.wipe()
            elif self.at_start and (self.drawn or now - self.last_write >= SOON):
                mark = self.spin[int(now / TICK) % len(self.spin)]
                room = (width_of(self.file) or USUAL) - 1  # it may change
                self.file.write(f"\r{mark} {underway[0].told(now, room - 2)}\x1b[K")
                self.file.flush()
                self.drawn = True

    def wipe(self) -> None:
        """Wipe it without a trace."""
        with self.lock:
            if self.drawn:
                self.drawn = False
                self.last_write = time.monotonic()
                self.file.write("\r\x1b[K")
                self.file.flush()


class _Watched:
    """A stream on the terminal of a `_Line`, which is wiped for whatever is written to it."""

    def __init__(self, stream: TextIO, line: _Line) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        """Write as the stream does."""
        line = self._line
        with line.lock:
            line.wipe()
            count = self._stream.write(text)
            visible = CONTROL.sub("", text)
            line.at_start = visible.endswith(("\n", "\r")) if visible else line.at_start
            line.last_write = time.monotonic()
            return count

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several."""
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def duration(seconds: float) -> str:
    """A duration for people: 12 s, 3 min, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def cut(text: str, room: int) -> str:
    """As much of `text` as fits `room` columns of a terminal, where Chinese characters take two."""
    width = 0
    shown = "".join(char if char.isprintable() else "?" for char in text)
    for place, char in enumerate(shown):
        width += cells(char)
        if width > room:
            return shown[:place]
    return shown
