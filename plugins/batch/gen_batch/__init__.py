"""Write the texts that a file asks for: `gen batch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_engine import hookimpl
from gen_engine.hooks.lazy import LazyCommand

if TYPE_CHECKING:
    import click


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount `gen batch`."""
    gen.add_command(LazyCommand("batch", "gen_batch.command:batch", "Write the texts that the file IN asks for."))
