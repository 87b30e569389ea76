"""What an engine process does before the first wish comes, so that it need not do it then."""

from __future__ import annotations

from collections.abc import Mapping

from gen_engine.cli.main import make_cli

from ..messages import CommandWish, Submit

WARMING = -1
"""The numbers of the wishes that warm up the process are this and less; the server waits for none of them."""


def warming(sources: Mapping[str, str]) -> list[Submit]:
    """For each model (`sources` has its name in `load`) that a command is named after: what that writes by default.

    It fills the tables of the command's form, and of the model.
    """
    commands = make_cli().commands
    return [
        Submit(WARMING, name, CommandWish(source, ()), seed=0, patience=8.0)
        for name, source in sources.items()
        if source in commands
    ]
