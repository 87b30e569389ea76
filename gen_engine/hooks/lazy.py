"""Values by name, and commands, that are imported only when used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click

from ..system.help_pages import uncut


class LazyMapping(Mapping[str, Any]):
    """Names whose values are imported when they are looked up: `LazyMapping({"ban": "gen_mine.rules:ban"})`."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places: dict[str, str] = dict(places)

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self.places[name].partition(":")
        return getattr(import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class LazyCommand(click.Command):
    """A command that is imported when it runs or shows its own help. Until then, only one line of help is known.

    `LazyCommand("poem", "gen_poem.commands.poem:poem", "Write a poem.")`. click offers no way but inheritance.
    """

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self.place = place

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return uncut(command)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        return self.load().make_context(info_name, args, parent, **extra)
