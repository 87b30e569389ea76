"""Continuous batching: runs any number of decoders over one model; they may come and go at any step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from threading import Lock, RLock
from typing import Any

from ..errors import BusyError, GenError, quoted
from ..models.device import full_memory
from ..types import LanguageModel
from .generation import Generation
from .logits import Logits
from .packing import Made, Prefixes, Running, Scoring, pack, score_all
from .sampling import Scores
from .tickets import Job, Load, Sent, Ticket, TicketState

ROWS = 64
"""The most rows in one forward pass."""

LESS = "ask for fewer at once (--num), take a smaller model, or compute on the CPU (--device cpu)"
"""What to do when a device's memory is full."""

OTHERS = (Exception, SystemExit)
"""What a model raises when it fails."""


@dataclass(eq=False)
class Scheduler:
    """Steps many decoders over one model, with one forward pass per step for all of them.

    **Bounds.** One pass has at most `rows` rows, and keeps at most `tokens` tokens for them (None: any number). Both
    are counted in full when a job begins. A job counts `decoder.rows` rows, or one per text. Each row counts its prompt
    and whole budget, but no more than the model reads at once. Rows of finished texts count no longer. Jobs that do not
    fit wait in order of arrival, and nothing overtakes the first in line. A ticket with many jobs goes back to the end
    of the line after each job. At most `queue` tickets wait (None: any number).

    **Sharing.** A context is read first, then the prompt. Jobs that read the same context, or the same context and
    prompt, share the row if they begin in one step. A later job continues from that row without a pass of its own. This
    needs the row to be there still, and a model that `rewinds` exactly. Prompts that merely begin alike are read apart.
    In most models, reading a prompt in parts changes its last bits, and a text must always be the same to the last bit.

    **Errors.** An error of a decoder, a processor or a generation ends its own ticket, and is the last thing it sends.
    An error of the model ends all that are running; a full memory is told in one sentence (GenError). So does an
    interrupt, which `step` raises; texts finished before it come with the next step.

    **Threads.** Any thread may call `submit`, `cancel`, `load` and `is_idle`; only one at a time may call `step` and
    `run`. `read` never runs during a step of another thread, nor a step during `read`: a `submit` may wait for a step,
    or delay one. Code that a step or `read` runs must not call `step`.

    `read` turns what is submitted into jobs, and raises what is wrong with it. `told` turns an exception into the error
    that is reported.
    """

    model: LanguageModel
    rows: int = ROWS
    tokens: int | None = None
    queue: int | None = None
    read: Callable[[Any], Iterable[Job[Any]]] = iter
    told: Callable[[BaseException], BaseException | None] = lambda _: None
    _line: dict[Ticket, None] = field(default_factory=dict, repr=False)
    _live: list[Running] = field(default_factory=list, repr=False)
    _sent: list[tuple[Ticket, Any]] = field(default_factory=list, repr=False)
    _prefixes: Prefixes = field(default_factory=Prefixes, repr=False)
    _cache: Any = None
    _is_swept: bool = True
    _beginning: Ticket | None = field(default=None, repr=False)
    _is_working: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)
    _work: RLock = field(default_factory=RLock, repr=False)

    def __post_init__(self) -> None:
        for name, bound in (("rows", self.rows), ("tokens", self.tokens), ("queue", self.queue)):
            if bound is not None and not isinstance(bound, int):
                raise GenError(f"{name}={quoted(bound)} is no whole number; give one from 1.")
            if bound is not None and bound < 1:
                raise GenError(f"{name}={bound} leaves room for nothing; give a number from 1.")

    # ------------------------------------------------------------------------------------------ coming and going

    def submit(self, wanted: Any) -> Ticket:
        """Put a request into the line: jobs, or what `read` turns into jobs.

        Raises what `read` raises, BusyError if too many wait already, and GenError for a request that can never fit.
        """
        self._check_queue()
        ticket = Ticket()
        with self._working():
            ticket._jobs = iter(self.read(wanted))
            self._make_next(ticket)
        made = ticket._next
        if made is not None:
            for count, bound, what in ((made.rows, self.rows, "rows"), (made.tokens, self.tokens, "tokens")):
                if bound is not None and count > bound:
                    raise GenError(f"It may take {count:,} {what}, and {bound:,} fit; ask for less.")
        self._enter(ticket)
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Give up unfinished work: its rows are in no later pass, and it sends nothing more.

        Raises GenError if this is no ticket.
        """
        if not isinstance(ticket, Ticket):
            raise GenError(f"{quoted(ticket)} is no ticket; give what `submit` returned.")
        self._end(ticket, "cancelled")

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do, and nothing left to be told by a step."""
        return not self._line and not self._live and not self._sent

    @property
    def load(self) -> Load:
        """How much there is to do."""
        live = [job for job in self._live if not job.owner.is_over]
        return Load(len(self._line), len(live), sum(job.rows for job in live), sum(job.tokens for job in live))

    def run(self, jobs: Iterable[Job[Sent]]) -> Iterator[tuple[int, Sent]]:
        """Run jobs to their end and yield what they send as soon as it is final, with the job's number. Raises their
        errors.

        Jobs are taken from the iterable when there is room. A job that can never fit runs alone. What others send
        meanwhile comes with the next `step`.
        """
        numbered = ((decoder, _numbering(number, make)) for number, (decoder, make) in enumerate(jobs))
        ticket = Ticket(_jobs=numbered)
        self._make_next(ticket)
        self._enter(ticket)
        others: list[tuple[Ticket, Any]] = []
        try:
            while not ticket.is_over:
                found = self.step()
                others += (item for item in found if item[0] is not ticket)
                yield from (sent for owner, sent in found if owner is ticket and sent is not ticket.error)
        finally:
            self.cancel(ticket)
            self._sweep()
            self._sent = others + [item for item in self._sent if item[0] is not ticket]
        if ticket.error is not None:
            raise ticket.error

    def _check_queue(self) -> None:
        if self.queue is not None and len(self._line) >= self.queue:
            waiting = "1 request waits" if self.queue == 1 else f"{self.queue:,} requests wait"
            raise BusyError(f"{waiting} already, and no more may; try again later.")

    def _enter(self, ticket: Ticket) -> None:
        if ticket._next is None:
            ticket.state = "done"
            return
        with self._lock:
            self._check_queue()
            self._line[ticket] = None

    def _end(self, ticket: Ticket, state: TicketState) -> None:
        with self._lock:
            if not ticket.is_over:
                ticket.state, ticket._next, self._is_swept = state, None, False
                self._line.pop(ticket, None)

    def _fail_alone(self, ticket: Ticket, problem: BaseException) -> None:
        """Whatever the code of others raises ends one ticket, but an interrupt is the user's own."""
        if isinstance(problem, KeyboardInterrupt):
            raise problem
        self._fail(ticket, problem)

    def _fail(self, ticket: Ticket, problem: BaseException) -> None:
        if not ticket.is_over:
            problem = full_memory(problem, "the texts that are being written", LESS) or problem
            ticket.error = self.told(problem) or problem
            self._sent.append((ticket, ticket.error))
            self._end(ticket, "failed")

    def _send(self, ticket: Ticket, sent: Any) -> None:
        if not ticket.is_over:
            self._sent.append((ticket, sent))

    def _make_next(self, ticket: Ticket) -> None:
        """Make the next job of a ticket; nothing of it is computed yet."""
        found = next(ticket._jobs, None)
        ticket._next = None if found is None else Made(found[0], found[1](partial(self._send, ticket)))

    # ------------------------------------------------------------------------------------------------- the step

    def step(self) -> list[tuple[Ticket, Any]]:
        """Begin what fits, and compute one forward pass for all running jobs. Returns what they send, with their
        tickets.

        A ticket that fails sends its error last. Raises interrupts, and GenError if code that a step runs calls it.
        """
        with self._working(alone=True):
            try:
                self._sweep()
                self._admit()
                if self._live:
                    self._pass()
                self._sweep()
            except BaseException as problem:  # an interrupt: the state of every decoder is unknown
                self._fail_all(problem)
                raise
            sent, self._sent = self._sent, []
            return [(ticket, each) for ticket, each in sent if ticket.state != "cancelled"]

    @contextmanager
    def _working(self, *, alone: bool = False) -> Iterator[None]:
        """One thread at a time reads a request or makes a step; what it runs makes no other step (`alone`)."""
        with self._work:
            was, self._is_working = self._is_working, True
            try:
                if alone and was:
                    raise GenError("A step is called by what a step runs; call `step` when that one has returned.")
                yield
            finally:
                self._is_working = was

    def _sweep(self) -> None:
        """Close decoders whose ticket is over. If none is left, drop the model's cache."""
        if not self._is_swept:
            self._is_swept = True
            over = [job for job in self._live if job.owner.is_over]
            self._live = [job for job in self._live if not job.owner.is_over]
            for job in over:
                job.close()
        if not self._live:
            self._cache, self._prefixes = None, Prefixes()

    def _fail_all(self, problem: BaseException) -> None:
        begun = {job.owner: None for job in self._live} | ({self._beginning: None} if self._beginning else {})
        for ticket in begun:
            self._fail(ticket, problem)
        self._beginning, self._cache, self._prefixes = None, None, Prefixes()
        self._sweep()

    def _admit(self) -> None:
        """Begin jobs in order as long as they fit. A job that can never fit runs alone."""
        if not self._line:
            return
        rows, tokens = self.load.rows, self.load.tokens
        while (ticket := self._head()) is not None:
            made = ticket._next
            if made is None:  # it was just cancelled, or by a scheduler that is not its own
                with self._lock:
                    self._line.pop(ticket, None)
                continue
            fits = rows + made.rows <= self.rows and (self.tokens is None or tokens + made.tokens <= self.tokens)
            if self._live and not fits:
                return
            self._beginning = ticket
            job = self._begin(ticket, made)
            if job is not None:
                self._live.append(job)
                rows, tokens = rows + job.rows, tokens + job.tokens
            self._beginning = None

    def _head(self) -> Ticket | None:
        """The first ticket in the line that may begin another text."""
        with self._lock:
            return next((ticket for ticket in self._line if not ticket._is_held_back), None)

    def _begin(self, ticket: Ticket, made: Made) -> Running | None:
        """Begin a ticket's next job, made before; None if it ended without a row of its own."""
        job = Running(ticket, made.generation, ticket._texts, made.most, made.decoder)
        ticket._texts += len(made.generation.samples)
        ticket._running[job] = None
        try:
            self._make_next(ticket)
            job.begin()
        except BaseException as problem:  # noqa: BLE001 - the code of others
            self._fail_alone(ticket, problem)
            return None
        with self._lock:
            if not ticket.is_over:  # else it was just cancelled
                ticket.state = "running"
                del self._line[ticket]
                self._line.update({ticket: None} if ticket._next is not None else {})
        return job if self._go_on(job, None) and self._is_still_open(job) else None

    def _is_still_open(self, job: Running) -> bool:
        """Answer what a job reads first from memory, while a row is there that read it. Returns whether it goes on."""
        while (known := self._prefixes.find(job)) is not None:
            job.first_row = 0
            job.prefixes.append(known)
            if not self._answer([job], known.logits, job.wanted):
                return False
            job.first_row = known.row
        return True

    def _pass(self) -> None:
        """Do one forward pass and let every decoder respond to it."""
        begun = [job for job in self._live if job.beginning]
        feed = pack(self._live, self.model.positions)
        with without_gradients():
            try:
                if self._cache is None:
                    self._cache = self.model.open(self.load.rows)
                logits = feed(self.model, self._cache)
            except OTHERS as problem:
                self._fail_all(problem)
                return
            self._prefixes.follow(self._live)
            if getattr(self.model, "rewinds", False):
                self._prefixes.add(begun, logits, feed.last, self.model.positions)
            self._live = self._answer(self._live, logits, feed.last)

    def _answer(self, jobs: Sequence[Running], logits: Logits, last: Sequence[int]) -> list[Running]:
        """Send each decoder its scores. Returns the jobs that go on.

        The scores of all chains are computed before the first is read, for which the host may have to wait.
        """
        by_chain: dict[int, list[Running]] = {}
        for job in jobs:
            by_chain.setdefault(id(job.generation.plan.chain), []).append(job)
        begun = [each for group in by_chain.values() for each in self._score(group, logits, last)]
        scores: dict[Running, Scores] = {}
        for scoring in begun:
            scores |= self._read_scores(scoring, logits, last)
        return [job for job in jobs if job in scores and self._go_on(job, scores.pop(job))]

    def _score(self, jobs: Sequence[Running], logits: Logits, last: Sequence[int]) -> list[Scoring]:
        """The scores of jobs of one chain. If a shaper fails, only the jobs that it fails for have none."""
        try:
            return [score_all(jobs, logits, last)]
        except BaseException as problem:  # noqa: BLE001 - the code of others
            self._fail_if_alone(jobs, problem)
        return [found for job in jobs if len(jobs) > 1 for found in self._score([job], logits, last)]

    def _read_scores(self, scoring: Scoring, logits: Logits, last: Sequence[int]) -> dict[Running, Scores]:
        """The same, read: a shaper may also be called then."""
        try:
            return scoring.scores()
        except BaseException as problem:  # noqa: BLE001 - the code of others
            self._fail_if_alone(scoring.jobs, problem)
        found: dict[Running, Scores] = {}
        for job in scoring.jobs if len(scoring.jobs) > 1 else ():
            for alone in self._score([job], logits, last):
                found |= self._read_scores(alone, logits, last)
        return found

    def _fail_if_alone(self, jobs: Sequence[Running], problem: BaseException) -> None:
        """The error is that of a job if it is alone; several are tried one by one."""
        if isinstance(problem, KeyboardInterrupt):
            raise problem
        if len(jobs) == 1:
            self._fail(jobs[0].owner, problem)

    def _go_on(self, job: Running, scores: Scores | None) -> bool:
        """Send a decoder its scores, or begin it (None). Returns whether it asks for more."""
        ticket: Ticket = job.owner
        if ticket.is_over:
            return True  # to be closed with the others
        try:
            job.go_on(scores, self.model.positions)
        except StopIteration:
            ticket._running.pop(job)
            if not ticket._running and ticket._next is None:
                self._end(ticket, "done")
            return False
        except BaseException as problem:  # noqa: BLE001 - the code of others
            self._fail_alone(ticket, problem)
            job.close()
            return False
        return True


def without_gradients() -> AbstractContextManager[Any]:
    """No gradients, if anybody has torch; it is not imported for that."""
    inference_mode = getattr(sys.modules.get("torch"), "inference_mode", None)
    return nullcontext() if inference_mode is None else inference_mode()


def _numbering(number: int, make: Callable[[Callable[[Any], None]], Generation]) -> Any:
    """A maker of a generation that also sends the job's number."""
    return lambda send: make(lambda sent: send((number, sent)))
