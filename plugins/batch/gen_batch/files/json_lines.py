"""Requests as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gen_engine.errors import brief, escaped
from gen_engine.system.bounds import LINE
from gen_engine.system.json_values import RepeatedKeyError, strict_json

from .bounded import RawLine, without_end
from .entries import Entry, Understood


def json_entries(lines: Iterable[RawLine]) -> Iterator[Entry]:
    """The requests among the lines: all that are not blank."""
    for line in lines:
        raw = without_end(line.content)
        where = f"Line {line.number:,}"
        if line.is_cut:
            yield Entry(raw, where, f"The line is longer than {LINE:,} bytes; shorten it.", line=line.number)
        elif raw.strip():
            yield Entry(raw, where, line=line.number)


def understand_json(entry: Entry) -> Understood:
    """The object of a line."""
    if entry.flaw:
        return {}, entry.flaw
    try:
        text = entry.raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        return {}, f"{entry.where} is not UTF-8 (byte {problem.start + 1:,}); convert it."
    return understand_text(text, entry.where)


def understand_text(text: str, where: str) -> Understood:
    """The object that a text of JSON holds."""
    try:
        found: Any = strict_json(text)
    except RecursionError:
        return {}, f"{where} is nested too deeply; a request is an object of texts, numbers and lists."
    except RepeatedKeyError as problem:
        return {}, f"{where}: {problem}; give it once."
    except ValueError as problem:
        reason = escaped(str(problem))
        return {}, f"{where} is no JSON ({reason}); write one object a line."
    if not isinstance(found, dict):
        return {}, f"{where} holds {brief(found, 40)}, no JSON object; write one object a line."
    return found, ""
