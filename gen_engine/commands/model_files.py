"""`gen convert`, and the groups that plugins mount trainers and evaluators on, `gen train` and `gen eval`."""

from __future__ import annotations

from pathlib import Path

import click

from ..options import debug_option
from ..plugins import registry


@click.command()
@click.argument("net", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--base",
    required=True,
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A model folder with the config.json and the tokenizer that NET was trained with.",
)
@debug_option()
def convert(net: Path, out: Path, base: Path) -> None:
    """Turn a pickled state dict NET into a model folder OUT."""
    from ..models.checkpoint import convert as write

    write(net, base, out)
    click.echo(f"{out} can be loaded with --model {out}")


def train_group() -> click.Group:
    """`gen train`, with the trainers that plugins mount."""
    group = click.Group("train", help="Train a model; plugins mount the trainers.")
    registry().mount(group, "add_trainers")
    return group


def eval_group() -> click.Group:
    """`gen eval`, with the evaluators that plugins mount."""
    group = click.Group("eval", help="Judge a model or a file of texts; plugins mount the evaluators.")
    registry().mount(group, "add_evaluators")
    return group
