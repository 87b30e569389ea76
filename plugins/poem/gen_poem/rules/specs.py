"""Processors as a user writes them: what errors and reports call those that the commands of verse make."""

from __future__ import annotations

import re


def as_spec(name: str, *pieces: object, **options: object) -> str:
    """`NAME=PIECE|PIECE,key=value`, with quotes where they are needed; options that are None are left out."""
    lists = {
        key: value if isinstance(value, tuple) else (value,) for key, value in options.items() if value is not None
    }
    return f"{name}={_list(pieces)}" + "".join(f",{key}={_list(value)}" for key, value in lists.items())


def _list(pieces: tuple[object, ...]) -> str:
    return "|".join(_quoted(str(piece)) for piece in pieces)


def _quoted(piece: str) -> str:
    if not re.search(r"[,|'\"\\]", piece):
        return piece
    return "'" + piece.replace("\\", r"\\").replace("'", r"\'") + "'"
