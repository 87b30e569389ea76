"""Answers lines in several processes. The weights are mapped into each from the same file, so they are there once."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any

from gen_engine.errors import GenError

from .feeding import Feed, Pace
from .messages import Answer, Line
from .plan import Plan

BLOCK = 32
"""How many lines a process is handed at once."""

WAITING = 0.05
"""Seconds after which the input is looked at while processes compute."""

STARTS = 5
"""After so many processes in turn that died before they had a model, the batch ends: there may be no room for it."""

ALONE = 2
"""A line whose process died this often while it ran alone is answered with an error."""

SECONDS = 5.0
"""How long a process is given to end by itself."""


@dataclass(frozen=True)
class Loaded:
    """The process has this model."""

    name: str


@dataclass(frozen=True)
class Broken:
    """The process cannot go on, for a reason that holds for all."""

    message: str


@dataclass(eq=False)
class Member:
    """A process, the lines that it was handed and has not answered, and whether it has loaded a model."""

    process: Any
    connection: Connection
    lines: dict[int, Line] = field(default_factory=dict)  # at most a window of them
    has_model: bool = False


@dataclass(eq=False)
class Pool:
    """Answers lines in `workers` processes. One that dies is replaced, and what it had not answered is done again.

    It may have died of any of its lines. So each of those runs alone in a new process, and a line whose process dies
    again and again is answered with an error. `target` is what a process does (None: `work`).
    """

    plan: Plan
    workers: int
    target: Callable[[Connection, Plan], None] | None = None
    members: list[Member] = field(default_factory=list)  # at most `workers`
    _suspects: deque[Line] = field(default_factory=deque)
    _waiting: deque[Line] = field(default_factory=deque)
    _deaths: dict[int, int] = field(default_factory=dict)  # at most one for each suspect
    _failed_starts: int = 0

    def answers(self, lines: Iterable[Line]) -> Iterator[Answer]:
        """The answer of each line, as soon as it is there. Raises GenError if the processes cannot compute."""
        feed, pace = Feed(lines), Pace()
        self.members = [self._begin() for _ in range(self.workers)]
        try:
            while not feed.is_over or self._has_work:
                self._read(feed, pace)
                self._hand_out()
                for answer in self._heard():
                    pace.end(answer.index)
                    yield answer
        finally:
            feed.close()
            self.close()

    def close(self) -> None:
        """End the processes."""
        for each in self.members:
            each.connection.close()  # at which a process ends
        for each in self.members:
            each.process.join(SECONDS)
            if each.process.is_alive():
                each.process.kill()
                each.process.join()
        self.members = []
        for lines in (self._suspects, self._waiting, self._deaths):
            lines.clear()

    @property
    def _window(self) -> int:
        """How many lines a process has at a time: it is never idle while the next block is on its way."""
        return 2 * self.plan.rows + BLOCK

    @property
    def _has_work(self) -> bool:
        return bool(self._suspects or self._waiting or any(each.lines for each in self.members))

    def _read(self, feed: Feed, pace: Pace) -> None:
        """Take from the input what can be handed out now."""
        wanted = sum(self._window - len(each.lines) for each in self.members) - len(self._waiting)
        room = min(wanted, pace.room)
        found = feed.take(room, waits=not self._has_work) if room > 0 else []
        pace.take(found)
        self._waiting.extend(found)

    def _hand_out(self) -> None:
        for each in sorted(self.members, key=lambda member: len(member.lines)):
            if any(index in self._deaths for index in each.lines):
                continue
            if self._suspects and not each.lines:
                self._hand(each, [self._suspects.popleft()])
                continue
            if self._window - len(each.lines) >= min(BLOCK, len(self._waiting)):
                self._hand(each, [self._waiting.popleft() for _ in range(min(BLOCK, len(self._waiting)))])

    def _hand(self, member: Member, lines: list[Line]) -> None:
        if lines:
            member.lines.update((line.index, line) for line in lines)
            with suppress(OSError):  # it is gone, as will be heard
                member.connection.send(lines)

    # ------------------------------------------------------------------------------------------------- processes

    def _begin(self) -> Member:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        plan = shared(self.plan, self.workers)
        process = context.Process(target=self.target or work, args=(theirs, plan), daemon=True)
        process.start()
        theirs.close()
        return Member(process, ours)

    def _heard(self) -> Iterator[Answer]:
        """What the processes have answered; waits for it a moment."""
        ready = wait([each.connection for each in self.members], WAITING)
        for place, each in enumerate(self.members):
            if each.connection not in ready:
                continue
            try:
                told = each.connection.recv()
            except (EOFError, OSError):
                yield from self._bury(place)
                continue
            if isinstance(told, Broken):
                raise GenError(told.message)
            if isinstance(told, Loaded):
                each.has_model, self._failed_starts = True, 0
                continue
            for answer in told:
                del each.lines[answer.index]
                self._deaths.pop(answer.index, None)
                yield answer

    def _bury(self, place: int) -> Iterator[Answer]:
        """Replace a process that died. Its lines are suspects, unless it died before it had a model."""
        dead = self.members[place]
        dead.connection.close()
        dead.process.join()
        self.members[place] = self._begin()
        if not dead.has_model:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise GenError(
                    f"Processes ended {STARTS} times in turn before they had a model (exit code "
                    f"{dead.process.exitcode}); take fewer (--workers), or look at the memory of this machine."
                )
        is_alone = len(dead.lines) == 1
        for line in dead.lines.values():
            deaths = self._deaths.get(line.index, 0) + is_alone
            if deaths < ALONE:
                self._deaths[line.index] = deaths
                self._suspects.append(line)
                continue
            del self._deaths[line.index]
            yield deadly(line)


def deadly(line: Line) -> Answer:
    """The answer of a line whose process died again and again."""
    from gen_serve.messages import Failed

    from .requests import crashed

    told = "The process that computes ended each time it wrote this alone; ask for less at once, or report it."
    return crashed(line, Failed(line.index, "failed", told))


def shared(plan: Plan, workers: int) -> Plan:
    """The plan for one of so many processes, which share the cores."""
    if plan.threads is not None:
        return plan
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    cores = min(cores, int(given) * workers) if given.isdecimal() and int(given) else cores
    return replace(plan, threads=max(1, cores // workers))


def work(connection: Connection, plan: Plan) -> None:
    """What a process does: it answers what it is handed, until the other end is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, signal.SIG_IGN)  # the first process decides when to end: a terminal asks the whole group
    os.environ["OMP_NUM_THREADS"] = str(plan.threads or 1)  # read when the engine is imported
    inbox: SimpleQueue[list[Line]] = SimpleQueue()
    # Whoever sends long lines must not wait for whoever sends long answers.
    Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    from .working import Worker

    worker = Worker(plan, lambda name: connection.send(Loaded(name)))
    try:
        while True:
            while not worker.unfinished or not inbox.empty():
                worker.put(inbox.get())
            answers = worker.turn()
            if answers:
                connection.send(answers)
    except GenError as problem:
        connection.send(Broken(str(problem)))


def _listen(connection: Connection, inbox: SimpleQueue[list[Line]]) -> None:
    """Put what comes into the inbox. When whoever sends is gone, end the process, whatever it does."""
    try:
        while True:
            inbox.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)
