"""Masked-LM pretraining of a BERT from scratch: `gen train mlm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_engine.hookspecs import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train mlm`."""
    from gen_mlm.train_command import mlm_command

    train.add_command(mlm_command)
