"""Chinese verse for gen-engine: the form of regular verse, a model trained on it, and `gen poem`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl

if TYPE_CHECKING:
    import click

WEIGHTS = Path(__file__).parent / "weights" / "poem"


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount `gen poem`."""
    from .command import poem

    gen.add_command(poem)


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The model of regular verse."""
    summary = "regular verse of Tang and Song, character by character"
    return {"poem": ShippedModel(WEIGHTS, summary, ("form=4x5", "top_k=200"))}


@hookimpl
def processors() -> Mapping[str, Any]:
    """The form of a poem."""
    from .form import form

    return {"form": form}
