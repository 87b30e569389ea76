"""Runs a command of `gen` up to the point where it would write: its options are read, its task is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import click

from gen_engine.cli.main import make_cli
from gen_engine.cli.options import Settings
from gen_engine.cli.tasks import Task, hosted
from gen_engine.errors import GenError, brief
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import is_opened, parameters, parse_spec
from gen_engine.system.screen import notes_kept

from ..messages import CommandWish

if TYPE_CHECKING:
    from gen_engine.cli.options import Choice
    from gen_engine.engine import Engine


WITH = "--with="


@dataclass
class Taker:
    """The host of a command: it gives the served engine, and keeps the task."""

    engines: Mapping[str, Engine]
    task: Task | None = field(default=None)

    def engine(self, chosen: Choice) -> Engine:
        return self.engines[chosen.model]

    def take(self, task: Task) -> None:
        self.task = task


def refuse_files(arguments: Iterable[str]) -> None:
    """Raise GenError for a processor among the arguments that would open a file or load a model: whoever may ask for
    texts may not have the server do that.
    """
    for spec in (parse_spec(each.removeprefix(WITH)) for each in arguments if each.startswith(WITH)):
        known = parameters(registry().find("processor", spec.name).function)
        opened = {each.name for each in known if is_opened(each.annotation)}
        given = {*spec.options, *(each.name for each in known[:1] if spec.value is not None)}
        if found := sorted(given & opened):
            raise GenError(
                f"--with {brief(spec.text)} has the server open what {found[0]} names, which only its owner may; "
                "leave it out."
            )


@lru_cache(1)
def _cli() -> click.Group:
    return make_cli()


def task_of(wish: CommandWish, model: str, engines: Mapping[str, Engine], seed: int) -> tuple[Task, tuple[str, ...]]:
    """What the command would write, and what it would say on standard error.

    Raises GenError or click.UsageError for what the command would refuse.
    """
    refuse_files(wish.arguments)
    taker = Taker(engines)
    arguments = [*wish.arguments, "--model", model, "--seed", str(seed), "--json"]
    # The group itself has nothing to read, and would take as long as half of a command's options.
    group = click.Context(_cli(), info_name="gen", obj=Settings(), **_cli().context_settings)
    with notes_kept() as notes, hosted(taker), suppress(click.exceptions.Exit), group:
        _, command, _ = _cli().resolve_command(group, [wish.command])
        assert command is not None  # it raises for an unknown one
        with command.make_context(wish.command, arguments, parent=group) as context:
            context.command.invoke(context)
    if taker.task is None:
        raise GenError(f"`gen {wish.command}` writes no texts; name a command that does.")
    return taker.task, tuple(notes)
