"""The server's side of an engine process: wishes go in, events come out, and a process that died is started again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from queue import SimpleQueue
from threading import Thread
from typing import Any

from .engine_process.loading import Loading
from .engine_process.start import started
from .messages import Begun, Busyness, Cancel, Code, Event, Failed, ModelFacts, Over, Ready, Stop, Submit, Wish
from .settings import Settings

IDLE = Busyness(0, 0, 0, 0)
GONE = "The process that computes has ended; it is being started again, so ask again in a moment."
CLOSING = "The server is closing; ask again when it runs again."
LATE = "The answer took longer than this server allows; ask for less at once."
FULL = "{waiting} already, and no more may; try again later."

LASTING = 60.0
"""After so many seconds of work, a process that dies is thought to die of something new."""

PAUSES = (0.0, 1.0, 5.0, 30.0)
"""Seconds until a process is started again: after its first death, the second soon after, and so on."""

STUCK = 10.0
"""After so many seconds of silence, a process that did not give up a wish whose time was over is ended."""


@dataclass(eq=False)
class Lane:
    """One engine process.

    `ready` is set while it takes wishes. `busyness` is what it last told. `problem` says why it takes none, or why some
    model is missing. `most` wishes at a time may wait, beside `room` that the process can begin at once: only it knows
    how many of them run. `starts` counts processes. `begin` starts one.
    """

    loading: Loading
    most: int = Settings.queue
    begin: Callable[[Any, Loading], Any] = started
    room: int = 0
    models: tuple[ModelFacts, ...] = ()
    busyness: Busyness = IDLE
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    problem: str = ""
    starts: int = 0
    _numbers: Any = field(default_factory=count)
    # The wishes in flight: at most as many as there are requests.
    _waiting: dict[int, asyncio.Queue[Event]] = field(default_factory=dict)
    _unread: set[int] = field(default_factory=set)
    _outbox: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    _process: Any = None
    _connection: Any = None
    _deaths: int = 0
    _heard: int = 0
    _ready_since: float = 0.0
    _is_closing: bool = False
    _again: Any = None

    def launch(self) -> None:
        """Start the process, before there is a loop to hear it: it loads its models meanwhile."""
        ours, theirs = get_context("spawn").Pipe()
        self._process, self._connection = self.begin(theirs, self.loading), ours
        theirs.close()

    def start(self) -> None:
        """Listen to the process that was launched, or to a new one. `ready` tells when it takes wishes."""
        if self._is_closing:
            return
        if self._connection is None:
            self.launch()
        ours, self._connection = self._connection, None
        self._outbox = SimpleQueue()
        self.starts += 1
        loop = asyncio.get_running_loop()
        Thread(target=self._listen, args=(ours, loop, self._outbox), daemon=True).start()
        Thread(target=_speak, args=(ours, self._outbox), daemon=True).start()

    def _listen(self, connection: Any, loop: asyncio.AbstractEventLoop, outbox: SimpleQueue[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the server's loop is closed
            try:
                while True:
                    loop.call_soon_threadsafe(self._take, connection.recv())
            except (EOFError, OSError):
                outbox.put(None)
                loop.call_soon_threadsafe(self._end)

    def _take(self, told: tuple[Any, ...]) -> None:
        self._heard += 1
        for each in told:
            if isinstance(each, Ready):
                self.models, self.problem = each.models, " ".join(each.problems)
                self._ready_since = asyncio.get_running_loop().time()
                self.ready.set()
            elif isinstance(each, Busyness):
                self.busyness = each
            else:
                self._tell(each)

    def _tell(self, event: Event) -> None:
        queue = self._waiting.get(event.number)
        if queue is not None:
            self._unread.discard(event.number)
            queue.put_nowait(event)

    def _end(self) -> None:
        """The process is gone: everything that waits for it fails, and it is started again."""
        loop = asyncio.get_running_loop()
        lasted = self.ready.is_set() and loop.time() - self._ready_since > LASTING
        self.ready.clear()
        self.busyness = IDLE
        self._fail_all("gone", CLOSING if self._is_closing else GONE)
        if not self._is_closing:
            logging.getLogger("gen_serve").error("an engine process ended (exit code %s)", self._exit_code())
            self.problem = GONE
            self._deaths = 0 if lasted else self._deaths
            pause = PAUSES[min(self._deaths, len(PAUSES) - 1)]
            self._deaths += 1
            self._again = loop.call_later(pause, self.start)

    def _exit_code(self) -> int | None:
        self._process.join(1)
        return getattr(self._process, "exitcode", None)

    def _end_if_stuck(self, heard: int) -> None:
        """End the process if it said nothing since: a search that nothing interrupts would hold up all others."""
        if self._heard == heard and not self._is_closing:
            self._process.kill()

    def _fail_all(self, code: Code, message: str) -> None:
        for number in [*self._waiting]:
            self._tell(Failed(number, code, message))

    async def events(
        self, model: str, wish: Wish, *, seed: int, patience: float, is_streamed: bool, seconds: float = Settings.limit
    ) -> AsyncGenerator[Event, None]:
        """Run a wish. The last event is Over or Failed. To leave the iteration early cancels it.

        After `seconds` it fails with `timeout`. A wish that the process was not ready for by then fails with `gone`.
        """
        number, loop = next(self._numbers), asyncio.get_running_loop()
        until = loop.time() + seconds
        if not self.ready.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ready.wait(), seconds)
        if self._is_closing or not self.ready.is_set():
            yield Failed(number, "gone", CLOSING if self._is_closing else self.problem or GONE)
            return
        if len(self._unread) >= self.most + self.room:
            waiting = "1 request waits" if self.most == 1 else f"{self.most:,} requests wait"
            yield Failed(number, "busy", FULL.format(waiting=waiting))
            return
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._waiting[number] = queue
        self._unread.add(number)
        late = Failed(number, "timeout", LATE)
        timer = loop.call_at(until, queue.put_nowait, late)
        self._outbox.put(Submit(number, model, wish, seed, patience, is_streamed))
        event: Event = Begun(number)
        try:
            while not isinstance(event, (Over, Failed)):
                event = await queue.get()
                if event is late:
                    loop.call_later(STUCK, self._end_if_stuck, self._heard)
                if isinstance(event, (Over, Failed)):
                    self._forget(number, timer, is_over=event is not late)
                yield event
        finally:
            if number in self._waiting:
                self._forget(number, timer, is_over=False)

    def _forget(self, number: int, timer: asyncio.TimerHandle, *, is_over: bool) -> None:
        timer.cancel()
        del self._waiting[number]
        self._unread.discard(number)
        if not is_over:
            self._outbox.put(Cancel(number))

    def close(self) -> None:
        """End the process, and what still waits for it."""
        self._is_closing = True
        if self._again is not None:
            self._again.cancel()
        self._fail_all("gone", CLOSING)
        self._outbox.put(Stop())

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._is_closing = True
        if self._process is not None:
            self._process.join(0.2)
            self._process.kill()


def lanes_of(settings: Settings, begin: Callable[[Any, Loading], Any] = started) -> tuple[Lane, ...]:
    """The quick lane of a server, and the patient one if it has one. Tests `begin` other processes."""
    quick = Lane(settings.loading(), settings.queue, begin, room=settings.rows)
    patient = Lane(settings.loading(yields=True), settings.hard, begin, room=1)  # it searches for one at a time
    return (quick, patient) if settings.has_patient_lane else (quick,)


def _speak(connection: Any, outbox: SimpleQueue[Any]) -> None:
    """Send what is put into the outbox. A thread of its own, since a busy process reads late."""
    with contextlib.suppress(OSError):  # what waits fails when the process is seen to be gone
        while (message := outbox.get()) is not None:
            connection.send(message)
