"""`--interactive`, and which options it cannot go with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gen_engine.cli.options import Choice
from gen_engine.cli.tasks import host
from gen_engine.errors import GenError
from gen_engine.hooks.specs import parse_spec

from ..writing.best_of import WHY_ONE

Command = TypeVar("Command", bound=Callable[..., Any])


def interactive_option(command: Command) -> Command:
    """Give a command `--interactive`; inside it, `is_interactive` says whether it was given."""
    return click.option(
        "--interactive",
        is_flag=True,
        expose_value=False,
        callback=_keep,
        help="Show one text, and take commands: another one, a line anew, another title or form, fix, keep, save ...",
    )(command)


def _keep(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[__name__] = value


def is_interactive(chosen: Choice) -> bool:
    """Whether the running command has --interactive. GenError for an option that cannot go with it."""
    if not click.get_current_context().meta.get(__name__):
        return False
    if host() is not None:
        raise GenError("--interactive is for a person at a terminal; leave it out.")
    given = {
        "--num": chosen.num != 1,
        "--json": chosen.json,
        "--out": chosen.out is not None,
        "--explain": chosen.explain is not None,
        "--card": chosen.card is not None,
    }
    instead = {"--num": "n writes another", "--out": "s FILE saves", "--explain": "w 2.3 explains",
               "--card": "s FILE.png draws"}  # fmt: skip
    for option, is_given in given.items():
        if is_given:
            why = instead.get(option, "it talks to people")
            raise GenError(f"{option} does not go with --interactive, where {why}; leave out one of them.")
    name = parse_spec(chosen.decoder).name.rpartition(":")[2]
    if name in WHY_ONE:
        raise GenError(f"--interactive asks for another text each time, and {name} {WHY_ONE[name]}; leave it out.")
    return True
