"""The commands of the core."""

from __future__ import annotations

import click

from . import explain, lint, listing, model_files, plugins, text


def add(gen: click.Group) -> None:
    """Mount every command of the core on `gen`."""
    for command in (
        text.text,
        explain.explain,
        lint.lint,
        listing.models,
        listing.processors,
        listing.decoders,
        plugins.plugins,
        listing.doctor,
        model_files.convert,
        model_files.train_group(),
        model_files.eval_group(),
        listing.completion,
    ):
        gen.add_command(command)
