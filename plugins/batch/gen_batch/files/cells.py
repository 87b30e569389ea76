"""What the cell of a table means: a table holds texts, and a command says which of its fields are numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from gen_engine.system.json_values import strict_json

BODY = "body"
"""The field that is an object of JSON."""

TRUTHS = {"true": True, "false": False}


def fields_in(cells: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a request whose cells these are. An empty cell is no field.

    What is no number where its command wants one stays a text, and is refused as such.
    """
    command = cells.get("command", "")
    return {name: _meant(command, name, text) for name, text in cells.items() if text}


def _meant(command: str, name: str, text: str) -> Any:
    read = strict_json if name == BODY else _readers(command).get(name, str)
    with suppress(ValueError, RecursionError):
        return read(text)
    return text


def _truth(text: str) -> Any:
    return TRUTHS.get(text.lower(), text)


def _listed(text: str) -> Any:
    found = strict_json(text) if text.startswith("[") else None
    return found if isinstance(found, list) else [text]


@lru_cache(64)
def _readers(command: str) -> dict[str, Callable[[str], Any]]:
    """How the fields of a command that are no texts are read out of texts."""
    import click

    from gen_serve.api.fields import fields_of, installed

    found = installed(command) if command else None
    readers: dict[str, Callable[[str], Any]] = {"seed": int}
    for name, option in fields_of(found, command).options.items() if found is not None else ():
        if option.is_flag or getattr(option, "_flag_needs_value", False):
            readers[name] = _truth
        elif option.multiple:
            readers[name] = _listed
        elif isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType)):
            readers[name] = float if isinstance(option.type, click.types.FloatParamType) else int
    return readers
