"""Serve models: the completions protocol, the commands as typed endpoints, and a studio in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_engine import hookimpl
from gen_engine.hooks.lazy import LazyCommand

if TYPE_CHECKING:
    import click


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount `gen serve` and `gen studio`."""
    gen.add_command(LazyCommand("serve", "gen_serve.commands:serve", "Serve models to programs and browsers."))
    gen.add_command(LazyCommand("studio", "gen_serve.commands:studio", "Write poems in the browser."))
