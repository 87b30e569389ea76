"""The loop of an engine process: it takes messages, steps the schedulers, and sends what they write."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from gen_engine.engine import Engine, load
from gen_engine.errors import GenError, quoted
from gen_engine.hooks.registry import registry
from gen_engine.patience import given_up_when

from ..messages import (
    Busyness,
    Cancel,
    CommandWish,
    ExplainWish,
    ModelFacts,
    Over,
    PossibleWish,
    Ready,
    Submit,
    TextWish,
)
from .commands import task_of
from .jobs import BoundError, Job, failure, with_patience
from .loading import Loading
from .warming import WARMING, warming

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from gen_engine.cli.tasks import Task
    from gen_engine.decoding.scheduler import Scheduler
    from gen_engine.decoding.tickets import Ticket

BUSYNESS_EVERY = 4
"""After how many rounds the server is told how busy the process is."""

READING = 0.05
"""Seconds for which messages are taken up before those that run are written on; one is taken up in any case."""


LULL = 20.0
"""Seconds without a message before a chore is done, which whoever comes meanwhile waits for."""


@dataclass(frozen=True, eq=False)
class Served:
    """A model that is served; `source` is how `load` knows it."""

    source: str
    engine: Engine
    scheduler: Scheduler


@dataclass(eq=False)
class Loop:
    """Steps the schedulers of all models in turn while there is work, and sleeps until there is.

    `chores` are done once, the last one first, when nothing came for a while.
    """

    connection: Connection
    served: Mapping[str, Served]
    loading: Loading
    problems: Mapping[str, str] = field(default_factory=dict)
    inbox: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    cancelled: set[int] = field(default_factory=set)
    jobs: dict[Ticket, Job] = field(default_factory=dict)
    outbox: list[Any] = field(default_factory=list)
    chores: list[Callable[[], object]] = field(default_factory=list)
    _rounds: int = 0

    @property
    def engines(self) -> dict[str, Engine]:
        return {each.source: each.engine for each in self.served.values()}

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Take up what came, write each text that is running on by a step, and tell the server."""
        self._take_messages()
        for each in self.served.values():
            if not each.scheduler.is_idle:
                self._step(each)
        self._flush()

    def _take_messages(self) -> None:
        """Handle what came, for a moment at most; with nothing to do, wait for it."""
        is_idle = all(each.scheduler.is_idle for each in self.served.values())
        until = monotonic() + READING
        while is_idle or monotonic() < until:
            try:
                self._handle(self._next() if is_idle else self.inbox.get(block=False))
            except Empty:
                return
            is_idle = False

    def _next(self) -> Any:
        """The next message. While none comes, chores are done, each after a lull."""
        while self.chores:
            try:
                return self.inbox.get(timeout=LULL)
            except Empty:
                self.chores.pop()()
        return self.inbox.get()

    def _handle(self, message: Submit | Cancel) -> None:
        if isinstance(message, Cancel):
            self._cancel(message.number)
            self.cancelled.discard(message.number)
        elif message.number not in self.cancelled:
            if message.number > WARMING:
                self._cool()
            self._make_room(message.model)
            try:
                with given_up_when(partial(self._is_given_up, message.number)):
                    self._submit(message)
            except BaseException as problem:  # noqa: BLE001 - one wish never harms another
                self.outbox.append(failure(message.number, problem))

    def _make_room(self, model: str) -> None:
        """Let begin what waits only because nothing was written since it came, if it fills the queue."""
        served = self.served.get(model)
        if served is not None and served.scheduler.load.waiting >= self.loading.queue:
            self._step(served)

    def _is_given_up(self, number: int) -> bool:
        """Whether the server has given up a wish, though its message still waits in the inbox."""
        return number in self.cancelled

    def _cool(self) -> None:
        """Nobody waits for what warms up; its tables stay."""
        for number in [job.number for job in self.jobs.values() if job.number <= WARMING]:
            self._cancel(number)

    def _cancel(self, number: int) -> None:
        for ticket, job in [*self.jobs.items()]:
            if job.number == number:
                for each in self.served.values():
                    each.scheduler.cancel(ticket)
                del self.jobs[ticket]

    def _submit(self, asked: Submit) -> None:
        if asked.model not in self.served:
            raise GenError(self.problems.get(asked.model, f"The model {quoted(asked.model)} is not served."))
        served, wish = self.served[asked.model], asked.wish
        if isinstance(wish, CommandWish):
            task, notes = task_of(wish, served.source, self.engines, asked.seed)
            self._run(Job(asked, with_patience(task, asked.patience), self.outbox.append), served, notes)
        elif isinstance(wish, PossibleWish):
            task, _ = task_of(wish.command, served.source, self.engines, asked.seed)
            self._check_bounds(task)
            next(served.engine.jobs(with_patience(task, asked.patience).request), None)
            self.outbox.append(Over(asked.number))
        elif isinstance(wish, ExplainWish):
            self._explain(asked, wish, served)
        elif isinstance(wish, TextWish):
            from .protocol import job_of  # the protocol's own reading of prompts and scores

            job = job_of(asked, wish, served.engine, self.outbox.append, longest=self.loading.length)
            self._run(job, served, ())

    def _check_bounds(self, task: Task) -> None:
        for asked, most, what, name in (
            (task.request.num, self.loading.texts, "texts", "num"),
            (task.request.max_new, self.loading.length, "new tokens", "max_new"),
        ):
            if asked > most:
                told = f"It asks for {asked:,} {what}, and this server writes {most:,} at once; ask for fewer."
                raise BoundError(told, name)

    def _run(self, job: Job, served: Served, notes: tuple[str, ...]) -> None:
        self._check_bounds(job.task)
        ticket = served.scheduler.submit(job.task.request)
        self.jobs[ticket] = job
        job.begin(ticket, notes)

    def _explain(self, asked: Submit, wish: ExplainWish, served: Served) -> None:
        from .explaining import explained

        task, notes = task_of(wish.command, served.source, self.engines, asked.seed)
        self._check_bounds(task)
        self.outbox.append(explained(asked, with_patience(task, asked.patience), wish))
        self.outbox.append(Over(asked.number, notes=notes))

    def _step(self, served: Served) -> None:
        for ticket, sent in served.scheduler.step():
            job = self.jobs.get(ticket)
            if job is None:
                continue
            if sent is ticket.error:
                del self.jobs[ticket]
                job.fail(ticket.error or GenError(str(sent)))
            else:
                job.take(sent)
        for ticket in [each for each in self.jobs if each.is_over]:
            job = self.jobs.pop(ticket)
            if ticket.state == "done":
                self._end(job)

    def _end(self, job: Job) -> None:
        try:
            job.end(prompt_tokens(job.task))
        except BaseException as problem:  # noqa: BLE001 - one wish never harms another
            job.fail(problem)

    def _flush(self) -> None:
        """Send everything of this round in one write."""
        self._rounds += 1
        if self._rounds % BUSYNESS_EVERY == 0 or not self.jobs:
            loads = [each.scheduler.load for each in self.served.values()]
            names = ("waiting", "running", "rows", "tokens")
            self.outbox.append(Busyness(*(sum(getattr(load, name) for load in loads) for name in names)))
        if self.outbox:
            self.connection.send(tuple(self.outbox))
            self.outbox.clear()


def prompt_tokens(task: Task) -> int:
    """How many tokens the model reads before the new text."""
    return len(task.engine.read(task.request.prompt, task.request.context).read)


def facts_of(name: str, served: Served) -> ModelFacts:
    """What clients may know of a model."""
    engine, offer = served.engine, registry().models.get(served.source)
    return ModelFacts(
        name=name,
        hash=engine.weights_hash,
        dtype=engine.model.dtype,
        device=str(getattr(engine.model, "device", "cpu")),
        reproducible=engine.model.reproducible,
        positions=engine.model.positions,
        has_chat=engine.template is not None,
        summary="" if offer is None else offer.model.summary,
    )


def main(connection: Connection, loading: Loading, inbox: SimpleQueue[Any], cancelled: set[int]) -> None:
    """The process: load the models, tell the server, and work."""
    served: dict[str, Served] = {}
    problems: dict[str, str] = {}
    for name, source in loading.models:
        try:
            engine = load(source, device=loading.device, dtype=loading.dtype)
            scheduler = engine.scheduler(rows=loading.rows, tokens=loading.tokens, queue=loading.queue)
            served[name] = Served(source, engine, scheduler)
        except GenError as problem:
            problems[name] = str(problem)
    facts = tuple(facts_of(name, each) for name, each in served.items())
    connection.send((Ready(facts, tuple(problems.values())),))
    loop = Loop(connection, served, loading, problems, inbox, cancelled, chores=[_import_torch])
    for place, wish in enumerate(warming({name: each.source for name, each in served.items()})):
        inbox.put(replace(wish, number=WARMING - place))
    gc.freeze()  # loaded objects stay: a garbage collection over them takes longer than most steps
    loop.run()


def _import_torch() -> None:
    """Models in int8 do without torch until a request has shapers, whose second of importing would delay all others.

    Not in a thread: two threads that import at once can each see modules of the other half made.
    """
    import_module("torch")
    gc.freeze()
