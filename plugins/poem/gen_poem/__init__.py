"""Chinese verse for gen-engine: the form of regular verse, a model trained on it, and `gen poem`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl
from gen_engine.builtin import Lazy

if TYPE_CHECKING:
    import click

WEIGHTS = Path(__file__).parent / "weights" / "poem"


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount the commands of verse."""
    from .check_command import check
    from .ci_command import ci
    from .command import poem
    from .couplet_command import couplet_command
    from .forms_command import forms

    gen.add_command(poem)
    gen.add_command(ci)
    gen.add_command(forms)
    gen.add_command(check)
    gen.add_command(couplet_command)


@hookimpl
def add_evaluators(group: click.Group) -> None:
    """Mount `gen eval poem`."""
    from .eval_command import poem

    group.add_command(poem)


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The model of regular verse."""
    summary = "regular verse of Tang and Song, character by character"
    return {"poem": ShippedModel(WEIGHTS, summary, ("form=4x5", "top_k=200"))}


@hookimpl
def processors() -> Mapping[str, Any]:
    """The form of a poem, and where characters stand in it."""
    return Lazy(
        {
            "form": "gen_poem.form:form",
            "distinct_rhymes": "gen_poem.form:distinct_rhymes",
            "acrostic": "gen_poem.places:acrostic",
            "template": "gen_poem.places:template",
            "require": "gen_poem.places:require",
            "distinct": "gen_poem.places:distinct",
            "parallel": "gen_poem.parallel:parallel",
            "couplet": "gen_poem.couplet:couplet",
        }
    )
