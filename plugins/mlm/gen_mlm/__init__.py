"""Masked-LM pretraining of a BERT from scratch: `gen train mlm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_engine.hooks.hookspecs import hookimpl
from gen_engine.hooks.lazy import LazyCommand

if TYPE_CHECKING:
    import click


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train mlm`."""
    summary = "Pretrain a BERT on FILES by guessing hidden tokens: lines, CSV/TSV columns, JSONL fields, datasets."
    train.add_command(LazyCommand("mlm", "gen_mlm.train_command:mlm_command", summary))
