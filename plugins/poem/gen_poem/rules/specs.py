"""Processors as a user writes them: the names in errors and reports of those that the commands of verse make."""

from __future__ import annotations

from gen_engine.types import Spec


def as_spec(name: str, *pieces: object, **options: object) -> str:
    """`NAME=PIECE|PIECE,key=value`, with quotes where they are needed; options that are None are left out."""
    given = {key: value if isinstance(value, tuple) else (value,) for key, value in options.items()}
    kept = {key: tuple(map(str, value)) for key, value in given.items() if value != (None,)}
    return str(Spec(name, tuple(map(str, pieces)), kept))
