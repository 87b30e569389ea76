"""What a command has a model write: the command itself runs it, or whoever hosts the command (a server, a batch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .cards.setting import UNHEADED, Setting

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Completion, Request
    from .options import Choice

Layout = Callable[[str], Sequence[str]]
"""How a text is laid out in lines, for people and for `lines` in JSON."""


@dataclass(frozen=True)
class Show:
    """How texts are shown: a text on one line, its lines, and its pieces as they are streamed, if they are (`streams`).

    `pieces()` begins one text: what it returns shows the pieces of that text in order, the prompt first. `broken` puts
    line breaks into them for people. `setting` is how a picture of a text is headed, signed and set.
    """

    text: Callable[[str], str] = str
    lines: Layout = str.splitlines
    pieces: Callable[[], Callable[[str], str]] = lambda: str
    broken: Callable[[str], str] = str
    streams: bool = True
    setting: Setting = UNHEADED


PLAIN = Show()

NOTHING: Mapping[str, Any] = {}

Drawn = tuple["Completion", Mapping[str, Any]]
"""A text, and further values for its JSON."""


@dataclass(frozen=True)
class Choosing:
    """Which of the drawn texts are written: `choose` takes one of every `of` texts, lazily."""

    of: int
    choose: Callable[[Iterator[Completion]], Iterator[Drawn]]


def every_one(drawn: Iterator[Completion]) -> Iterator[Drawn]:
    """All of them, with nothing further to say."""
    return ((each, {}) for each in drawn)


EVERY_ONE = Choosing(1, every_one)


@dataclass(frozen=True)
class Task:
    """What a command has a model write, and how it is told.

    `request` counts all texts that are drawn; `choosing` takes some of them. `beside` holds further values for the JSON
    of each text. `explain` asks for explanations: "" or the name of an HTML page; None for none. `chosen` is what the
    user chose with the shared options.
    """

    engine: Engine
    request: Request
    show: Show = PLAIN
    choosing: Choosing = EVERY_ONE
    beside: Mapping[str, Any] = field(default_factory=dict)
    explain: str | None = None
    chosen: Choice | None = None

    @property
    def is_streamed(self) -> bool:
        """Whether its only text may be shown while it is being written."""
        return self.request.num == self.choosing.of == 1 and self.explain is None and self.show.streams


class Host(Protocol):
    """Runs commands for others: it has the engines, and takes what a command would run."""

    def engine(self, chosen: Choice) -> Engine: ...

    def take(self, task: Task) -> None: ...


_host: ContextVar[Host | None] = ContextVar("host", default=None)


def host() -> Host | None:
    """Who hosts the running command; None if it runs by itself."""
    return _host.get()


@contextmanager
def hosted(by: Host) -> Iterator[None]:
    """Inside, commands leave it to `by` to run what they ask for."""
    token = _host.set(by)
    try:
        yield
    finally:
        _host.reset(token)
