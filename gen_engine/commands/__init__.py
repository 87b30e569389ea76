"""The commands of the core."""

from __future__ import annotations

import click

from . import explain, listing, model_files, text


def add(gen: click.Group) -> None:
    """Mount every command of the core on `gen`."""
    for command in (
        text.text,
        explain.explain,
        listing.models,
        listing.processors,
        listing.plugins,
        listing.doctor,
        model_files.convert,
        model_files.train_group(),
        model_files.eval_group(),
        listing.completion,
    ):
        gen.add_command(command)
