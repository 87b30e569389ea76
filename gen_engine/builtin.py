"""What the core itself offers, through the same door as every plugin; the rooms behind it are imported when used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click

from .hookspecs import hookimpl

ROOMS = {
    "gen_engine.constraints": (
        "ban only no_unk no_special no_repeat no_repeat_ngram no_double_punctuation length stop force"
    ),
    "gen_engine.regex": "regex",
    "gen_engine.finite": "choice",
    "gen_engine.brackets": "balanced",
    "gen_engine.shapers": "temperature dynatemp repetition_penalty frequency_penalty presence_penalty logit_bias",
    "gen_engine.truncation": "top_k top_p min_p typical epsilon eta top_n_sigma top_h xtc mirostat",
    "gen_engine.dry": "dry",
}


class Lazy(Mapping[str, Any]):
    """Names whose values are imported when they are looked up: `Lazy({"ban": "gen_engine.constraints:ban"})`."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = dict(places)

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self.places[name].partition(":")
        return getattr(import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class Later(click.Command):
    """A command that is imported when it is run or asked for its own help; until then only a line of it is known.

    `Later("poem", "gen_poem.command:poem", "Write a poem.")`; click offers no way but to inherit.
    """

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self.place = place

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        return self.load().make_context(info_name, args, parent, **extra)


@hookimpl
def processors() -> Mapping[str, Any]:
    """The constraints and shapers of the core."""
    return Lazy({name: f"{room}:{name}" for room, names in ROOMS.items() for name in names.split()})


@hookimpl
def decoders() -> Mapping[str, Any]:
    """The decoding strategies of the core."""
    rooms = {"sample": "sample", "greedy": "sample", "beam": "beam", "smc": "smc"}
    return Lazy({name: f"gen_engine.decoders.{room}:{name}" for name, room in rooms.items()})


@hookimpl
def add_commands(gen: click.Group) -> None:
    """The commands of the core."""
    from . import commands

    commands.add(gen)
