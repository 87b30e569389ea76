"""Processors as a user writes them: what errors and reports call those that the commands of verse make."""

from __future__ import annotations

import re


def as_spec(name: str, *pieces: str, **options: object) -> str:
    """`NAME=PIECE|PIECE,key=value`, with quotes where they are needed; options that are None are left out."""
    told = [f",{key}={_as_value(value)}" for key, value in options.items() if value is not None]
    return name + ("=" + "|".join(map(_quoted, pieces)) if pieces else "") + "".join(told)


def _as_value(value: object) -> str:
    return "|".join(map(_quoted, value)) if isinstance(value, tuple) else _quoted(str(value))


def _quoted(piece: str) -> str:
    if not re.search(r"[,|'\"\\]", piece):
        return piece
    return "'" + piece.replace("\\", r"\\").replace("'", r"\'") + "'"
