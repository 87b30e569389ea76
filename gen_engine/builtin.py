"""What the core itself offers, in the same way as every plugin. The modules behind it are imported when used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .hooks.hookspecs import hookimpl
from .hooks.lazy import LazyMapping

MODULES = {
    "gen_engine.constraints.bans": "ban only no_unk no_special no_double_punctuation",
    "gen_engine.constraints.lengths": "length force",
    "gen_engine.constraints.repeats": "no_repeat no_repeat_ngram",
    "gen_engine.constraints.stops": "stop",
    "gen_engine.constraints.regex": "regex",
    "gen_engine.constraints.finite": "choice",
    "gen_engine.constraints.brackets": "balanced",
    "gen_engine.shapers.penalties": (
        "temperature dynatemp repetition_penalty frequency_penalty presence_penalty logit_bias"
    ),
    "gen_engine.shapers.truncation": (
        "avoid_repeat top_k top_p min_p typical epsilon eta top_n_sigma top_h xtc mirostat"
    ),
    "gen_engine.shapers.dry": "dry",
}


@hookimpl
def processors() -> Mapping[str, Any]:
    """The constraints and shapers of the core."""
    return LazyMapping({name: f"{module}:{name}" for module, names in MODULES.items() for name in names.split()})


@hookimpl
def decoders() -> Mapping[str, Any]:
    """The decoding strategies of the core."""
    modules = {"sample": "sample", "greedy": "sample", "beam": "beam", "smc": "smc"}
    return LazyMapping({name: f"gen_engine.decoding.{module}:{name}" for name, module in modules.items()})


@hookimpl
def add_commands(gen: click.Group) -> None:
    """The commands of the core."""
    from .cli import commands

    commands.add(gen)
