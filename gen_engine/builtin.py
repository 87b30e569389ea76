"""What the core itself offers, through the same door as every plugin; the rooms behind it are imported when used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .hookspecs import hookimpl

if TYPE_CHECKING:
    import click

CONSTRAINTS = ("ban no_unk no_special only no_repeat no_repeat_ngram length stop force no_double_punctuation").split()
SHAPERS = "temperature top_k top_p min_p typical repetition_penalty frequency_penalty presence_penalty".split()


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


@hookimpl
def processors() -> Mapping[str, Any]:
    """The constraints and shapers of the core."""
    constraints = {name: f"gen_engine.constraints:{name}" for name in CONSTRAINTS}
    return Lazy(constraints | {name: f"gen_engine.shapers:{name}" for name in SHAPERS})


@hookimpl
def decoders() -> Mapping[str, Any]:
    """The decoding strategies of the core."""
    return Lazy({name: f"gen_engine.decoders.sample:{name}" for name in ("sample", "greedy")})


@hookimpl
def add_commands(gen: click.Group) -> None:
    """The commands of the core."""
    from . import commands

    commands.add(gen)
