"""`gen eval lm`: how good a language model is, compared with n-gram baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_engine.hooks.hookspecs import hookimpl
from gen_engine.hooks.lazy import LazyCommand

if TYPE_CHECKING:
    import click


@hookimpl
def add_evaluators(group: click.Group) -> None:
    """Mount `gen eval lm`."""
    summary = "Measure language models on texts, and texts against references."
    group.add_command(LazyCommand("lm", "gen_evaluate.command:lm_command", summary))
