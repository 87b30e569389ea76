"""Continue novels: a model trained on old novels, the constraint `sentence_end`, and `gen novel`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl
from gen_engine.hooks.lazy import LazyCommand

if TYPE_CHECKING:
    import click

WEIGHTS = Path(__file__).parent / "weights" / "novel"


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount `gen novel`."""
    gen.add_command(LazyCommand("novel", "gen_novel.command:novel", "Continue a text by exactly LEN characters."))


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The model of old novels."""
    summary = "prose of old novels and of Lu Xun, character by character"
    return {
        "novel": ShippedModel(WEIGHTS, summary, ("no_repeat_ngram=6,within=300,exempt=punctuation|space", "top_p=0.85"))
    }


@hookimpl
def processors() -> Mapping[str, Any]:
    """The constraint that ends a text at the end of a sentence."""
    from .ending import sentence_end

    return {"sentence_end": sentence_end}
