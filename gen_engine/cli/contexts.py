"""The options of what a model reads before a text: `--context`, or `--chat` with `--system`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import GenError, quoted
from ..system.screen import note
from ..text.chats import Chat
from .options import read_text

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Prompt, Tokenizer

Command = TypeVar("Command", bound=Callable[..., Any])

FILED = "@"
"""Begins the name of a file that has the text; twice, it begins a text."""

TEXTS = ("context", "chat", "system")


@dataclass(frozen=True)
class GivenContext:
    """What a model is to read before the text: the context or chat that was given, "" for none.

    With `special`, special tokens in it and in the prompt are read as such; else they are characters.
    """

    told: str | Chat = ""
    special: bool = False

    @property
    def option(self) -> str:
        """The option that gave it, "" if none did."""
        return "--chat" if isinstance(self.told, Chat) else "--context" if self.told else ""

    @property
    def record(self) -> dict[str, Any]:
        """The entries in JSON results."""
        if isinstance(self.told, Chat):
            told = {"chat": self.told.user, "system": self.told.system}
        else:
            told = {"context": self.told} if self.told else {}
        return {**told, "special": True} if self.special else dict(told)

    def context(self, engine: Engine) -> str | Prompt | Chat:
        """The context for requests to `engine`."""
        return self._read(engine, self.told, begins=True) if isinstance(self.told, str) else self.told

    def prompt(self, engine: Engine, text: str) -> str | Prompt:
        """The prompt for requests to `engine`."""
        return self._read(engine, text, begins=not isinstance(self.told, Chat))

    def mention_unknown(self, tokenizer: Tokenizer) -> None:
        """Say once on standard error which of its characters the model does not know."""
        told = self.told if isinstance(self.told, str) else self.told.system + self.told.user
        unknown = tokenizer.encode(told).unknown if told else ()
        if unknown:
            note(f"the model does not know {''.join(unknown)} of what it is told, and reads [UNK] there.")

    def _read(self, engine: Engine, text: str, *, begins: bool) -> str | Prompt:
        return engine.encode(text, special=True, begins=begins) if text and self.special else text


def contexted(command: Command) -> Command:
    """Give a command `--context`, `--chat`, `--system` and `--special`. In the command, `read_context()` is what was
    given.
    """
    for option in reversed(_options()):
        command = option(command)
    return command


def read_context(file: str | None = None) -> GivenContext:
    """The context or chat of the command that is running; `file` is where it reads its prompt.

    Raises GenError for options that do not go together, or are empty.
    """
    given = click.get_current_context().meta.get(__name__, {})
    typed = {name: value for name in TEXTS if (value := given.get(name)) is not None}
    if "context" in typed and "chat" in typed:
        raise GenError("--chat is the context, written as the model knows chats; leave out --context.")
    if "system" in typed and "chat" not in typed:
        raise GenError("--system says how to answer a chat; add --chat TEXT, or put it into --context.")
    if [*typed.values(), file and FILED + file].count(FILED + "-") > 1:
        raise GenError("Standard input can be read once; give one of the texts otherwise.")
    texts = {name: _text(value) for name, value in typed.items()}
    for name in ("chat", "system"):
        if name in texts and not texts[name].strip():
            raise GenError(f"--{name} is empty; write a text, or leave it out.")
    special = bool(given.get("special"))
    if "chat" in texts:
        return GivenContext(Chat(texts["chat"], texts.get("system", ""), special), special)
    return GivenContext(texts.get("context", ""), special)


def refuse_beside(given: GivenContext, others: dict[str, object]) -> None:
    """Raise GenError if one of the `others`, options for a context that the command writes, was given as well."""
    other = next((option for option, value in others.items() if value), None)
    if given.option and other:
        raise GenError(f"{given.option} is all that the model is told; leave it out, or {other}.")


def _text(value: str) -> str:
    """A text as typed, or that of a file. The last line break of a file is dropped."""
    if not value.startswith(FILED) or value.startswith(FILED * 2):
        return value.removeprefix(FILED)
    if value == FILED:
        raise GenError(f"{quoted(value)} names no file; write @FILE, or @@ for a text that begins with @.")
    return read_text(value.removeprefix(FILED)).replace("\r\n", "\n").removesuffix("\n")


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(__name__, {})[parameter.name] = value


def _options() -> list[Callable[[Command], Command]]:
    def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
        return click.option(*names, expose_value=False, callback=_keep, **settings)

    return [
        option("--context", metavar="TEXT|@FILE",
               help="What the model reads before the text; it is not judged and not printed."),
        option("--chat", metavar="TEXT|@FILE",
               help="What to ask a chat model, by its own chat template; the text is the answer."),
        option("--system", metavar="TEXT|@FILE", help="With --chat: how to answer."),
        option("--special", is_flag=True, help="Read special tokens that are typed as such, not as characters."),
    ]  # fmt: skip
