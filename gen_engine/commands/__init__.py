"""The commands of the core."""

from __future__ import annotations

import click

from . import listing, model_files, text


def add(gen: click.Group) -> None:
    """Mount every command of the core on `gen`."""
    for command in (
        text.text,
        listing.models,
        listing.processors,
        listing.plugins,
        listing.doctor,
        model_files.convert,
        model_files.train_group(),
        listing.completion,
    ):
        gen.add_command(command)
