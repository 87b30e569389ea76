"""The commands of the core. Each is imported when it runs, except the groups on which plugins mount theirs."""

from __future__ import annotations

import click

from ...hooks.lazy import LazyCommand
from . import model_files

COMMANDS = {
    "text:text": "Continue a text with any model and any processors.",
    "explain:explain": "Show what the model preferred at each position, and what each choice cost.",
    "replay:replay": "Write the texts of JSON results again, and tell what differs.",
    "lint:lint": "Report contradictions, redundancy and order dependence in a chain.",
    "models:models": "List models; fetch one of the hub, or give one a name.",
    "config:config": "Set defaults of options.",
    "listing:processors": "List what --with understands, with parameters.",
    "listing:decoders": "List what --decoder understands, with parameters.",
    "listing:recipes": "List what --recipe of `gen convert` understands.",
    "plugins:plugins": "List plugins, their hooks, and what failed to load and why.",
    "listing:doctor": "Show versions, threads, dtypes and start-up times.",
    "model_files:convert": "Turn a pickled state dict NET into a model folder OUT.",
    "listing:completion": "Print the script that completes `gen` in a shell.",
}


def add(gen: click.Group) -> None:
    """Mount every command of the core on `gen`."""
    for place, summary in COMMANDS.items():
        gen.add_command(LazyCommand(place.partition(":")[2], f"gen_engine.cli.commands.{place}", summary))
    gen.add_command(model_files.train_group())
    gen.add_command(model_files.eval_group())
