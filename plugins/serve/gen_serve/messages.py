"""What the server and its engine processes tell each other. All of it can be pickled, and wishes can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Code = Literal["bad_request", "conflict", "undecided", "busy", "plugin", "failed", "gone", "timeout"]
"""Why a wish failed. `undecided` in the quick lane sends it to the patient one. `gone` means that the engine process
ended, or the server does. `timeout` means that the wish took longer than any may.
"""


@dataclass(frozen=True)
class CommandWish:
    """A command that writes texts (`gen poem`), with its arguments as they are typed. They hold no --seed."""

    command: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class TextWish:
    """A text by any processors, as the completions protocol asks for it.

    `prompt` is text or tokens; of a `chat` it is the beginning of the answer. `chat` holds (role, text) pairs.
    `logprobs` is how many of the likeliest tokens are told for each token, None for no log-probabilities at all; `echo`
    tells the prompt's, too. `draws` texts are drawn in all (None: `num`), and the `num` likeliest a token are kept.
    A `max_new` of None is as many as the model has room for. `patience` are seconds of search, if fewer than usual.
    """

    prompt: str | tuple[int, ...] = ""
    chat: tuple[tuple[str, str], ...] = ()
    processors: tuple[str, ...] = ()
    decoder: str = "sample"
    num: int = 1
    draws: int | None = None
    max_new: int | None = 16
    logprobs: int | None = None
    echo: bool = False
    patience: float | None = None


@dataclass(frozen=True)
class ExplainWish:
    """What each choice of a finished text cost, under the rules of a command; `top` tokens are told for each place."""

    command: CommandWish
    text: str
    top: int = 10


@dataclass(frozen=True)
class PossibleWish:
    """Whether a command's rules admit any text. Nothing is written."""

    command: CommandWish


Wish = CommandWish | TextWish | ExplainWish | PossibleWish


@dataclass(frozen=True)
class Submit:
    """Take up a wish. `number` names it in everything that follows. `patience` are seconds of search."""

    number: int
    model: str
    wish: Wish
    seed: int
    patience: float
    is_streamed: bool = False


@dataclass(frozen=True)
class Cancel:
    """Give a wish up: its rows are in no later pass."""

    number: int


@dataclass(frozen=True)
class Stop:
    """End the process now."""


# ------------------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class ModelFacts:
    """What clients may know of a model. `hash` names its weights; `has_chat` says that it has a chat template."""

    name: str
    hash: str
    dtype: str
    device: str
    reproducible: bool
    positions: int | None
    has_chat: bool
    summary: str = ""


@dataclass(frozen=True)
class Ready:
    """The engines are loaded. `problems` are sentences about those that could not be."""

    models: tuple[ModelFacts, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Begun:
    """The wish obeys: its text is possible, and it waits or runs. `notes` are sentences for the user."""

    number: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A stretch of a sample's new text, final and in whole characters."""

    number: int
    sample: int
    text: str


@dataclass(frozen=True)
class Drawing:
    """So many texts are drawn, of which the best will be told."""

    number: int
    drawn: int
    of: int


@dataclass(frozen=True)
class TextDone:
    """A finished text, as commands write it with --json; `details` are for the protocol, such as tokens and scores."""

    number: int
    sample: int
    record: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Over:
    """Nothing more comes. `usage` counts tokens."""

    number: int
    usage: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """Nothing more comes, because of this. `members` are those of a conflict, `param` is a wrong field.

    `is_cut` says that a longer search may find a smaller conflict.
    """

    number: int
    code: Code
    message: str
    members: tuple[str, ...] = ()
    param: str | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class Scored:
    """A token of a prompt or a new text: the bytes that it prints, and `name`, how the tokenizer spells it.

    It begins at character `offset` of its text. `logprob` is in nats under the model's own distribution, None where
    the model read nothing before. `top` are the likeliest tokens at its place: name, bytes and log-probability.
    """

    name: str
    printed: bytes
    offset: int
    logprob: float | None
    top: tuple[tuple[str, bytes, float], ...] = ()


Event = Begun | Text | Drawing | TextDone | Over | Failed


@dataclass(frozen=True)
class Busyness:
    """How busy an engine process is, for the metrics."""

    waiting: int
    running: int
    rows: int
    tokens: int


def renumbered(event: Event, number: int) -> Event:
    """The same event of a wish of another number."""
    return replace(event, number=number)
