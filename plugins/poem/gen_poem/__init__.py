"""Chinese verse for gen-engine: the form of regular verse, a model trained on it, and `gen poem`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl
from gen_engine.hooks.lazy import LazyCommand, LazyMapping

if TYPE_CHECKING:
    import click

WEIGHTS = Path(__file__).parent / "weights" / "poem"

COMMANDS = (
    ("poem", "poem:poem",
     "Write poems of exactly ROWS lines of COLS Chinese characters, or of a FORM with its tones and rhymes."),
    ("ci", "ci:ci",
     "Write words to a TUNE, with the lengths, tones and rhymes that one of its forms has."),
    ("forms", "forms:forms",
     "List the forms of verse and the tunes of ci; NAME (or a part of one) shows the patterns in full."),
    ("check", "check:check",
     "Judge the poems in FILE (- for standard input) against a form or a tune and a rhyme book."),
    ("nearest", "nearest:nearest",
     "Show the lines of real poems that are nearest to each LINE, and so what it borrows."),
    ("couplet", "couplet:couplet_command",
     "Write couplets (对联): two lines of one length, opposed in tone, that share no character."),
)  # fmt: skip


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount the commands of verse."""
    for name, function, summary in COMMANDS:
        gen.add_command(LazyCommand(name, f"gen_poem.commands.{function}", summary))


@hookimpl
def add_evaluators(group: click.Group) -> None:
    """Mount `gen eval poem` and `gen eval couplet`."""
    group.add_command(
        LazyCommand(
            "poem", "gen_poem.commands.eval_poem:poem", "Judge poems: those that --model writes, or those of FILE."
        )
    )
    summary = "Judge the second lines that --model writes to first lines of FILE."
    group.add_command(LazyCommand("couplet", "gen_poem.commands.eval_couplet:couplet", summary))


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The model of verse."""
    summary = "verse of Tang and Song, character by character; can be told what to write about"
    return {"poem": ShippedModel(WEIGHTS, summary, ("form=4x5", "temperature=0.9"))}


@hookimpl
def processors() -> Mapping[str, Any]:
    """The form of a poem, and where characters stand in it."""
    return LazyMapping(
        {
            "form": "gen_poem.rules.form:form",
            "distinct_rhymes": "gen_poem.rules.form:distinct_rhymes",
            "acrostic": "gen_poem.rules.characters:acrostic",
            "template": "gen_poem.rules.templates:template",
            "require": "gen_poem.rules.characters:require",
            "spread": "gen_poem.rules.spreading:spread",
            "distinct": "gen_poem.rules.characters:distinct",
            "parallel": "gen_poem.rules.parallel:parallel",
            "couplet": "gen_poem.rules.couplet:couplet",
        }
    )
