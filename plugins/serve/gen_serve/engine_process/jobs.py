"""A wish under way in the engine process: from its task to the events that the server is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.output import as_shown, record
from gen_engine.cli.provenance import origin_of
from gen_engine.errors import BusyError, ConflictError, GenError, PluginError, UndecidedError, reason_of
from gen_engine.system.json_values import finite
from gen_engine.system.screen import notes_kept

from ..messages import Begun, Code, Drawing, Event, Failed, Over, Submit, Text, TextDone

if TYPE_CHECKING:
    from gen_engine.cli.tasks import Show, Task
    from gen_engine.decoding.tickets import Ticket
    from gen_engine.types import Completion, Piece

CODES: tuple[tuple[type[BaseException], Code], ...] = (
    (ConflictError, "conflict"),
    (UndecidedError, "undecided"),
    (BusyError, "busy"),
    (PluginError, "plugin"),
    (GenError, "bad_request"),
    (click.ClickException, "bad_request"),
)

Details = Callable[["Completion"], Mapping[str, Any]]
"""What the protocol tells of a finished text beyond its record."""


class BoundError(GenError):
    """A wish asks for more than the server writes at once. `field` is that of the request: "num" or "max_new"."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


def failure(number: int, problem: BaseException) -> Failed:
    """An exception as an event, in one sentence."""
    code: Code = next((code for kind, code in CODES if isinstance(problem, kind)), "failed")
    members = problem.members if isinstance(problem, ConflictError) else ()
    param = problem.field if isinstance(problem, BoundError) else getattr(getattr(problem, "param", None), "name", None)
    message = problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
    if code == "failed":
        message = f"Something went wrong inside ({reason_of(problem)}); please report it."
    return Failed(number, code, message, tuple(members), param, bool(getattr(problem, "unproven", ())))


@dataclass(eq=False)
class Streamed:
    """A text that is told while it is written: all that is told is together the new part of its record."""

    show: Show
    prompt: str
    _piece: Callable[[str], str] = str
    _shown: str = ""
    _told: int = 0

    def __post_init__(self) -> None:
        self._piece = self.show.pieces()
        self._shown = self._piece(self.prompt)

    def take(self, piece: Piece) -> str:
        """What can be told after this piece."""
        self._shown += self._piece(piece.text)
        new = self._shown[len(self.prompt) :]
        if piece.completion is not None:  # nothing that follows can change what was held back
            new = self.show.text(piece.completion.new)
        told, self._told = self._told, max(self._told, len(new))
        return new[told:]


@dataclass(eq=False)
class Job:
    """A wish that the scheduler runs: `pieces` of its ticket become events, which go to `send`.

    Texts are told in order. `details` adds what the protocol tells of each. Each streamed text begins with `before`.
    """

    asked: Submit
    task: Task
    send: Callable[[Event], None]
    details: Details = field(default=lambda _: {})
    before: str = ""
    ticket: Ticket | None = None
    # Each holds at most one entry for each text of the wish.
    _done: dict[int, Completion] = field(default_factory=dict)
    _streamed: dict[int, Streamed] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return self.asked.number

    @property
    def is_in_pieces(self) -> bool:
        """Whether its texts are told while they are written."""
        return self.asked.is_streamed and self.task.choosing.of == 1 and self.task.show.streams

    def begin(self, ticket: Ticket, notes: tuple[str, ...]) -> None:
        """The scheduler took it."""
        self.ticket = ticket
        self.send(Begun(self.number, notes))
        for sample in range(self.task.request.num if self.before and self.is_in_pieces else 0):
            self.send(Text(self.number, sample, self.before))

    def take(self, piece: Piece) -> None:
        """A piece of one of its texts."""
        if self.is_in_pieces and (text := self._streamed_of(piece.sample).take(piece)):
            self.send(Text(self.number, piece.sample, text))
        if piece.completion is not None:
            self._done[piece.sample] = piece.completion
            if self.asked.is_streamed and self.task.choosing.of > 1:
                self.send(Drawing(self.number, len(self._done), self.task.request.num))

    def _streamed_of(self, sample: int) -> Streamed:
        prompt = self.task.request.prompt
        typed = prompt if isinstance(prompt, str) else prompt.text
        return self._streamed.setdefault(sample, Streamed(self.task.show, typed))

    def end(self, prompt_tokens: int) -> None:
        """All texts are written: choose among them, and tell them."""
        drawn = [self._done[sample] for sample in sorted(self._done)]
        with notes_kept() as notes:
            told = list(self.task.choosing.choose(iter(drawn)))
            origin = origin_of(self.task)
        for place, (done, more) in enumerate(told):
            shown = as_shown(done, self.task.show)
            values = finite({**record(shown, self.task.show.lines), **self.task.beside, **more, **origin(done)})
            self.send(TextDone(self.number, place, values, self.details(done)))
        new = sum(len(done.tokens) for done in drawn)
        self.send(Over(self.number, {"prompt_tokens": prompt_tokens, "completion_tokens": new}, tuple(notes)))

    def fail(self, problem: BaseException) -> None:
        """It cannot go on."""
        self.send(failure(self.number, problem))


def with_patience(task: Task, seconds: float) -> Task:
    """The same task with another limit of its searches, for all of its texts together; it never changes a text.

    Otherwise a command that draws eight texts for one would search eight times as long while others wait.
    """
    return replace(task, request=replace(task.request, patience=seconds, draws=1))
