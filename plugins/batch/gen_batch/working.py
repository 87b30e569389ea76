"""Answers lines in this process: many are written together, and each text is what it would be alone."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError
from gen_engine.memory import Memory, remembered
from gen_serve.messages import CommandWish, Event, Failed, ModelFacts, Submit, TextWish, Wish
from gen_serve.settings import named

from .feeding import Feed, Pace
from .messages import Answer, Line
from .plan import Plan

if TYPE_CHECKING:
    from gen_engine.cli.tasks import Task
    from gen_engine.decoding.tickets import Ticket
    from gen_serve.engine_process.jobs import Job
    from gen_serve.engine_process.loop import Served

    from .requests import Reader, Wanted

READING = 0.05
"""Seconds for which lines are taken up before those that run are written on; one is taken up in any case."""

TASKS, REFUSALS = 1024, 4096
"""How many commands, and how many contradictions, are remembered."""

LONGEST = 10_000
"""The most characters of a wish that is remembered."""


@dataclass(eq=False)
class Underway:
    """A line whose wishes run: the events of each, and which of them are not over."""

    wanted: Wanted
    events: list[list[Event]]
    going: set[int]

    def answer(self) -> Answer:
        """The answer, when nothing is left. Of several failures, that of the first wish is told."""
        failed = (event for found in self.events for event in found if isinstance(event, Failed))
        first = next(failed, None)
        return self.wanted.written.done(self.events) if first is None else self.wanted.written.failed(first)


@dataclass(eq=False)
class Worker:
    """Answers lines by a plan. `loaded` is told of each model when it is there.

    Models are loaded when a line first needs them. What `answers` yields does not depend on which lines run together.
    """

    plan: Plan
    loaded: Callable[[str], None] = lambda _: None
    served: dict[str, Served] = field(default_factory=dict)  # at most one for each model of the plan
    _facts: dict[str, ModelFacts] = field(default_factory=dict)  # at most one for each model of the plan
    _inbox: deque[Line] = field(default_factory=deque)  # at most a window
    _jobs: dict[Ticket, tuple[Job, Underway, int]] = field(default_factory=dict)  # at most one a wish of the window
    _finished: list[Answer] = field(default_factory=list)  # at most a window
    _begun: dict[int, None] = field(default_factory=dict)  # at most one for each line of the window
    _tasks: Memory[Any, tuple[Task, tuple[str, ...]]] = remembered(TASKS)
    _refusals: Memory[Any, Failed] = remembered(REFUSALS)

    @property
    def window(self) -> int:
        """How many lines are taken up at a time, so that rows of finished ones are filled at once."""
        return 2 * self.plan.rows

    @property
    def unfinished(self) -> int:
        """How many lines have no answer yet."""
        return len(self._begun) + len(self._inbox)

    def answers(self, lines: Iterable[Line]) -> Iterator[Answer]:
        """The answer of each line, as soon as it is there. Raises GenError for a model that cannot be loaded."""
        feed, pace = Feed(lines), Pace()
        try:
            while not feed.is_over or self.unfinished:
                room = min(self.window - self.unfinished, pace.room)
                found = feed.take(room, waits=not self.unfinished) if room > 0 else []
                pace.take(found)
                self.put(found)
                for answer in self.turn() if self.unfinished else ():
                    pace.end(answer.index)
                    yield answer
        finally:
            feed.close()
            self.close()

    def put(self, lines: Iterable[Line]) -> None:
        """Take lines up with the next turns."""
        self._inbox.extend(lines)

    def turn(self) -> list[Answer]:
        """Take up what waits, for a moment; write all texts on by a step. Returns the answers that are there now."""
        until = monotonic() + READING
        while self._inbox:
            self._begin(self._inbox.popleft())
            if monotonic() >= until:
                break
        for each in self.served.values():
            if not each.scheduler.is_idle:
                self._step(each)
        found, self._finished = self._finished, []
        for answer in found:
            del self._begun[answer.index]
        return found

    def close(self) -> None:
        """Give up what runs. The models stay."""
        for ticket in [*self._jobs]:
            self._drop(ticket)
        self._inbox.clear()
        self._finished.clear()
        self._begun.clear()

    # -------------------------------------------------------------------------------------------------- reading

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The models by the names that lines use, as `load` takes them."""
        return dict(named(self.plan.models))

    @cached_property
    def _reader(self) -> Reader:
        from .requests import Reader

        return Reader(self.plan, tuple(self.sources), self.facts)

    def serve(self, name: str) -> Served:
        """The model of that name, loaded if it was not. Raises GenError if it cannot be."""
        from gen_engine.cli.output import load_engine
        from gen_serve.engine_process.loop import Served

        found = self.served.get(name)
        if found is None:
            plan, source = self.plan, self.sources[name]
            engine = load_engine(source, dtype=plan.dtype, fast=plan.fast, device=plan.device)
            scheduler = engine.scheduler(rows=plan.rows, queue=None, in_pieces=False)
            found = self.served[name] = Served(source, engine, scheduler)
            gc.freeze()  # loaded objects stay: a garbage collection over them takes longer than most steps
            self.loaded(name)
        return found

    def facts(self, name: str) -> ModelFacts:
        """What is known of a model, which is loaded."""
        from gen_serve.engine_process.loop import facts_of

        found = self._facts.get(name)
        if found is None:
            found = self._facts[name] = facts_of(name, self.serve(name))
        return found

    def _begin(self, line: Line) -> None:
        from .requests import RefusedError

        self._begun[line.index] = None
        try:
            wanted = self._reader.read(line)
        except RefusedError as refused:
            self._finished.append(refused.answer)
            return
        served = self.serve(wanted.model)
        underway = Underway(wanted, [[] for _ in wanted.wishes], {*range(len(wanted.wishes))})
        for number, wish in enumerate(wanted.wishes):
            if number in underway.going:  # else one before it failed
                self._submit(line, underway, number, wish, served)

    # -------------------------------------------------------------------------------------------------- running

    def _submit(self, line: Line, underway: Underway, number: int, wish: Wish, served: Served) -> None:
        from gen_serve.engine_process.jobs import failure

        key = _key(wish, underway.wanted.model)
        known = self._refusals.get(key)
        if known is not None:
            self._end(underway, number, known)
            return
        asked = Submit(line.index, underway.wanted.model, wish, underway.wanted.seed, self.plan.patience)
        try:
            job, notes = self._job(asked, served, underway.events[number].append, key)
            self._refuse_too_much(job.task)
            ticket = served.scheduler.submit(job.task.request)
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - plugins' code; one line never harms another
            failed = failure(line.index, problem)
            if failed.code == "conflict" and not failed.is_cut and key is not None:
                self._refusals.put(key, failed)  # it holds for every seed, since none was drawn from before
            self._end(underway, number, failed)
            return
        self._jobs[ticket] = (job, underway, number)
        job.begin(ticket, notes)

    def _job(
        self, asked: Submit, served: Served, send: Callable[[Event], None], key: Any
    ) -> tuple[Job, tuple[str, ...]]:
        from gen_serve.engine_process.commands import task_of
        from gen_serve.engine_process.jobs import Job, with_patience
        from gen_serve.engine_process.protocol import job_of

        wish = asked.wish
        if isinstance(wish, TextWish):
            return job_of(asked, wish, served.engine, send, longest=self.plan.length), ()
        assert isinstance(wish, CommandWish)
        known = self._tasks.get(key)
        if known is None:
            engines = {each.source: each.engine for each in self.served.values()}
            known = task_of(wish, served.source, engines, asked.seed)
            if key is not None:
                self._tasks.put(key, known)
        task, notes = known
        # The commands of lines use the seed nowhere else.
        task = replace(task, request=replace(task.request, seed=asked.seed))
        return Job(asked, with_patience(task, asked.patience), send), notes

    def _refuse_too_much(self, task: Task) -> None:
        for asked, most, what in (
            (task.request.num, self.plan.texts, "texts"),
            (task.request.max_new, self.plan.length, "new tokens"),
        ):
            if asked > most:
                raise GenError(f"It asks for {asked:,} {what}, and {most:,} are written for a line; ask for fewer.")

    def _step(self, served: Served) -> None:
        for ticket, sent in served.scheduler.step():
            found = self._jobs.get(ticket)
            if found is None:
                continue
            job, underway, number = found
            if sent is ticket.error:
                from gen_serve.engine_process.jobs import failure

                del self._jobs[ticket]
                self._end(underway, number, failure(job.number, ticket.error or GenError(str(sent))))
            else:
                job.take(sent)
        for ticket in [each for each in self._jobs if each.is_over]:
            job, underway, number = self._jobs.pop(ticket)
            self._end(underway, number, self._told(job))

    def _told(self, job: Job) -> Failed | None:
        """Have the job tell its texts; what went wrong, if anything."""
        from gen_serve.engine_process.jobs import failure
        from gen_serve.engine_process.loop import prompt_tokens

        try:
            job.end(prompt_tokens(job.task))
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - plugins' code; one line never harms another
            return failure(job.number, problem)
        return None

    def _end(self, underway: Underway, number: int, failed: Failed | None) -> None:
        """A wish of a line is over. If it failed, those after it need not be written."""
        underway.going.discard(number)
        if failed is not None:
            underway.events[number] = [failed]
            underway.going -= {*range(number, len(underway.events))}
            for ticket in [t for t, (_, of, place) in self._jobs.items() if of is underway and place > number]:
                self._drop(ticket)
        if not underway.going:
            self._finished.append(underway.answer())

    def _drop(self, ticket: Ticket) -> None:
        del self._jobs[ticket]
        for each in self.served.values():
            each.scheduler.cancel(ticket)


def _key(wish: Wish, model: str) -> Any:
    """What tells wishes apart; None for one that is too long to be remembered."""
    words: tuple[Any, ...]
    if isinstance(wish, CommandWish):
        words = wish.arguments
    elif isinstance(wish, TextWish) and not wish.chat:
        words = (wish.prompt, *wish.processors)
    else:
        return None
    return (model, wish) if sum(map(len, words)) <= LONGEST else None
