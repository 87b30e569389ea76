"""Reads poems, couplets and lines from files; errors say what a file is if it is not plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from gen_engine.cli import options
from gen_engine.errors import GenError
from gen_engine.system.bounds import TEXTS, bounded
from gen_engine.system.text_files import HEAD, other_kind, text_field, text_flaw

from .marks import UNFINISHED
from .segments import is_title

PARTS = "give its poems in several files"


@dataclass(frozen=True)
class Row:
    """A poem of a file, with its title and the context after which it was written, from JSON; "" if there is none."""

    text: str
    title: str = ""
    context: str = ""


def read_lines(path: str, *, columns: bool = False) -> Iterator[str]:
    """The lines of a file (- is standard input; .xz and .gz are unpacked), without their ends.

    GenError if it cannot be read, is an HTML page or a JSON list, or is a table where `columns` is off.
    """
    lines = options.read_lines(path)
    head = list(islice(lines, HEAD))
    kind = other_kind("" if path == "-" else path, "".join(head))
    if kind and not (columns and kind == "a table"):
        remedy = "one a line" if columns else 'one a line, or as JSON lines with a "text"'
        raise GenError(f"{_named(path)} is {kind}, no plain text; save its texts alone, {remedy}.")
    yield from (line.rstrip("\r\n") for line in chain(head, lines))


def read_texts(path: str, *, columns: bool = False) -> Iterator[str]:
    """The texts of a file, one by one: the `text` of JSON lines, else the lines."""
    for number, line in enumerate(read_lines(path, columns=columns), 1):
        yield text_field(line, number, _named(path)) if line.startswith("{") else line


def read_poems(path: str) -> list[str]:
    """The poems of a file. Of JSON lines, each `text` is a poem. Otherwise each line is a poem, or, where there are
    empty lines, what stands between two of them. A file whose lines end in commas is one poem."""
    return [row.text for row in read_rows(path)]


def read_rows(path: str) -> list[Row]:
    """The poems that `read_poems` reads, with the fields `title` and `context` of JSON.

    What `gen poem --json` writes has its title among the `wishes`.
    """
    lines = [line.strip() for line in bounded(read_lines(path), TEXTS, _named(path), PARTS)]
    if next(filter(None, lines), "").startswith("{"):
        rows = [_row(line, number, path) for number, line in enumerate(lines, 1) if line]
        _checked([row.text for row in rows], path)
        return [row for row in rows if row.text.strip()]
    return [Row(text) for text in _parted(lines, path)]


def _row(line: str, number: int, path: str) -> Row:
    text, fields = text_field(line, number, _named(path)).strip(), json.loads(line)
    wishes = fields.get("wishes")
    told: dict[str, Any] = {**(wishes if isinstance(wishes, dict) else {}), **fields}
    for name in ("title", "context"):
        if flaw := text_flaw(told.get(name)):
            raise GenError(f'Line {number} of {_named(path)} has {flaw}, in "{name}". Mend it, or leave it out.')
    return Row(text, told.get("title") or "", told.get("context") or "")


def _parted(lines: list[str], path: str) -> list[str]:
    text = _untitled(lines)
    lines = text.split("\n")
    if "" in lines:
        return _checked(text.split("\n\n"), path)
    return _checked([text] if any(line.endswith(UNFINISHED) for line in lines) else lines, path)


def read_blocks(path: str, *, whole: bool = False) -> list[str]:
    """The poems of a file: separated by empty lines, or the whole file as one if `whole`, or the `text` of JSON
    lines."""
    lines = [line.strip() for line in bounded(read_lines(path), TEXTS, _named(path), PARTS)]
    if next(filter(None, lines), "").startswith("{"):
        return _checked(_fields(lines, path), path)
    text = _untitled(lines)
    return _checked([text] if whole else text.split("\n\n"), path)


def _fields(lines: list[str], path: str) -> list[str]:
    return [text_field(line, number, _named(path)) for number, line in enumerate(lines, 1) if line]


def _untitled(lines: list[str]) -> str:
    return "\n".join(line for line in lines if not is_title(line)).strip()


def _checked(poems: list[str], path: str) -> list[str]:
    """The poems without the empty ones; GenError if none is left."""
    found = [poem.strip() for poem in poems if poem.strip()]
    if not found:
        raise GenError(f"There is no poem in {_named(path).lower() if path == '-' else path}; give a file with one.")
    return found


def _named(path: str) -> str:
    return "Standard input" if path == "-" else path
