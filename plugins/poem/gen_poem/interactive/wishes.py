"""What is asked for, changed within a session: its command is read again with other options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gen_engine.cli.config import NOT_KEPT, Defaults, name_of
from gen_engine.cli.options import Choice
from gen_engine.cli.output import load_engine
from gen_engine.cli.tasks import Task, hosted
from gen_engine.errors import GenError, quoted

from ..verse.resolve import Wish
from ..writing.write import Wanted
from .session import Wishes

if TYPE_CHECKING:
    from gen_engine.engine import Engine

NOT_HERE = NOT_KEPT | {"num", "json", "seed"}
"""Options that a session does not change: its own commands write the next text, and save."""

NOTHING = ("-", "－", "—")
"""What is typed behind an option to take it back."""


@dataclass(frozen=True)
class Asked:
    """What a command is to write: `prepare` loads the model. Texts are heard by `wish`, else by the tones of `book`."""

    prepare: Callable[[], Wanted]
    chosen: Choice
    wish: Wish | None = None
    book: str | None = None


_taker: ContextVar[list[Asked] | None] = ContextVar("taker", default=None)


def is_taken(asked: Asked) -> bool:
    """Whether a session takes what the command asks for, so that it begins none of its own."""
    taker = _taker.get()
    if taker is not None:
        taker.append(asked)
    return taker is not None


def changeable(context: click.Context) -> dict[str, click.Option]:
    """The options of a command that a session can change, by the names that are typed."""
    found = (each for each in context.command.params if isinstance(each, click.Option))
    return {name_of(each).replace("_", "-"): each for each in found if name_of(each) not in NOT_HERE}


def given(context: click.Context) -> Wishes:
    """The options that were given on the command line."""

    def values(option: click.Option) -> tuple[str, ...]:
        kept = (each for each in (context.params, *context.meta.values()) if isinstance(each, dict))
        value = next(each[option.name] for each in kept if option.name in each)
        return () if option.is_flag else tuple(map(str, value if option.multiple else [value]))

    return tuple(
        (name, values(option))
        for name, option in changeable(context).items()
        if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    )


def changed(context: click.Context, wishes: Wishes, name: str, typed: str) -> Wishes:
    """The wishes with another value for an option. GenError if it takes no such, or was not given and is taken back."""
    option = changeable(context)[name]
    rest = {known: values for known, values in wishes if known != name}
    values = _values(name, option, typed)
    if values is None:
        is_filed = context.get_parameter_source(str(option.name)) is ParameterSource.DEFAULT_MAP
        if dict(wishes).get(name) is None and not is_filed:
            raise GenError(f"{name} is not asked for; a lists what is.")
        return (*rest.items(), (name, None)) if is_filed else tuple(rest.items())
    return (*rest.items(), (name, values))


def _values(name: str, option: click.Option, typed: str) -> tuple[str, ...] | None:
    if typed in NOTHING:
        return None
    if option.is_flag:
        if typed:
            raise GenError(f"{name} takes nothing behind it, or - to take it back.")
        return ()
    if not typed and isinstance(option.flag_value, str):
        return (option.flag_value,)
    if not typed:
        raise GenError(f"{name} takes a value, or - to take it back.")
    return tuple(typed.split()) if option.multiple else (typed,)


def arguments(context: click.Context, wishes: Wishes) -> Iterator[str]:
    """The wishes as they are typed on the command line."""
    has_files = isinstance(context.find_root().default_map, Defaults)
    for name, values in wishes:
        if values is None:
            yield from [f"--unset={name}"] * has_files
        elif changeable(context)[name].is_flag:
            yield f"--{name}"
        else:
            yield from (f"--{name}={value}" for value in values)


def ask(context: click.Context, wishes: Wishes) -> Asked:
    """What the command of a context asks for by these wishes. GenError if they do not go together."""
    taken: list[Asked] = []
    token = _taker.set(taken)
    try:
        with _meta_kept(context):
            words = ["--interactive", *arguments(context, wishes)]
            with context.command.make_context(context.info_name, words, parent=context.parent) as anew:
                anew.command.invoke(anew)
        return taken[0]
    except click.ClickException as problem:
        told = " ".join(problem.format_message().split()).rstrip(".")
        raise GenError(f"{told}; ? lists the commands.") from problem
    finally:
        _taker.reset(token)


@contextmanager
def _meta_kept(context: click.Context) -> Iterator[None]:
    """Inside, options are read anew. If they are refused, those of before count again: contexts share them."""
    before = {name: dict(each) if isinstance(each, dict) else each for name, each in context.meta.items()}
    try:
        yield
    except BaseException:
        context.meta.clear()
        context.meta.update(before)
        raise


def told(wishes: Wishes) -> str:
    """The wishes in the way they are typed."""
    return "; ".join(" ".join((name, *values)) for name, values in wishes if values is not None)


@dataclass
class Engines:
    """A host that loads each model once."""

    loaded: dict[Any, Engine] = field(default_factory=dict)  # one for each model that a person named

    def engine(self, chosen: Choice) -> Engine:
        """The engine as chosen."""
        how: Mapping[str, Any] = {name: getattr(chosen, name) for name in ("dtype", "fast", "device", "attention")}
        key = (chosen.model, *how.values())
        if key not in self.loaded:
            self.loaded[key] = load_engine(chosen.model, **how)
        return self.loaded[key]

    def take(self, task: Task) -> None:
        """Nothing is run for others."""
        raise GenError(f"{quoted(task.request.prompt)} cannot be written within a session; leave it out.")

    def prepared(self, asked: Asked) -> Wanted:
        """What is to be written, with its engine."""
        with hosted(self):
            return asked.prepare()
