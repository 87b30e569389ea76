"""The note in a model's folder: how to tell a model what to write about, if it was trained on texts behind contexts.

`context.json` gives the order of a context's parts, how each is written, and what ends the context. It also lists
values of a part that the model has seen:

    {"order": ["author", "title"], "parts": {"author": "{}", "title": "《{}》"}, "end": "：",
     "known": {"author": ["陆游", "李白"]}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import GenError, brief, quoted
from ..system.unchanged import until_changed
from .checkpoint import read_json

NOTE = "context.json"
"""The name of the note's file."""

PLACE = "{}"
"""The placeholder for the value of a part."""

KEYS = ("order", "parts", "end", "known")

PARTS, WRITTEN = 20, 100
"""The most parts of a note, and the most characters of a name, a known value, or a part's pattern."""

REMEDY = "the README of gen-engine-poem shows what stands in one; mend it, or remove it"


@dataclass(frozen=True)
class ModelNote:
    """How a context is written: its parts in `order`, each by its pattern in `parts` ({} is its value), then `end`.

    `known` are the values of a part that the model has seen, the most frequent first. A part that is not in it, such as
    a title, takes any value.
    """

    order: tuple[str, ...]
    parts: Mapping[str, str]
    end: str = ""
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def write(self, told: Mapping[str, str]) -> str:
        """The context with these parts, in order, without empty ones; "" if all are empty.

        Raises GenError for a part that the model does not have.
        """
        for part in told:
            if part not in self.parts:
                raise GenError(f"The model cannot be told {quoted(part)}; it can be told {', '.join(self.order)}.")
        written = [self.parts[part].replace(PLACE, told[part]) for part in self.order if told.get(part)]
        return "".join(written) + self.end if written else ""


def read_note(folder: Path) -> ModelNote | None:
    """The note of a model folder, None if it has none. Raises GenError if it is damaged, too large or nonsense."""
    path = folder / NOTE
    if not path.exists():
        return None
    return read_note_file(path.resolve())


@until_changed
def read_note_file(path: Path) -> ModelNote:
    """The note in a file of any name. Raises GenError as `read_note` does, or if there is no file."""
    if not path.exists():
        raise GenError(f"There is no file {path}; name a note such as {NOTE}.")
    found = read_json(path)
    for key in found:
        if key not in KEYS:
            raise _wrong(path, f"{quoted(key)} means nothing in it")
    order = _order(path, found.get("order"))
    return ModelNote(
        order=order,
        parts=_parts(path, found.get("parts"), order),
        end=_text(path, found.get("end", ""), "end"),
        known=_known(path, found.get("known", {}), order),
    )


def save_note(note: ModelNote, folder: Path) -> None:
    """Write the note into a model folder."""
    text = json.dumps(asdict(note), ensure_ascii=False, indent=1)
    (folder / NOTE).write_text(text + "\n", encoding="utf-8")


def _order(path: Path, found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not 0 < len(found) <= PARTS:
        raise _wrong(path, f'"order" is no list of 1 to {PARTS} parts')
    order = tuple(_text(path, name, "order") for name in found)
    if "" in order or len(set(order)) < len(order):
        raise _wrong(path, '"order" names a part twice, or one without a name')
    return order


def _parts(path: Path, found: Any, order: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(found, dict) or set(found) != set(order):
        raise _wrong(path, '"parts" does not say how each part of "order" is written, and no other')
    parts = {part: _text(path, found[part], part) for part in order}
    for part, written in parts.items():
        if written.count(PLACE) != 1:
            raise _wrong(path, f"{quoted(part)} is written {quoted(written)}, without one {PLACE} for what is told")
    return parts


def _known(path: Path, found: Any, order: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if not isinstance(found, dict) or not set(found) <= set(order):
        raise _wrong(path, '"known" does not list what is known of parts in "order"')
    for part, values in found.items():
        if not isinstance(values, list) or not values or "" in values:
            raise _wrong(path, f'"known" has no list of values for {quoted(part)}, or an empty one')
    return {part: tuple(dict.fromkeys(_text(path, each, part) for each in found[part])) for part in found}


def _text(path: Path, found: Any, what: str) -> str:
    """A string that is valid text and not too long."""
    if not isinstance(found, str):
        raise _wrong(path, f"{quoted(found)} in {quoted(what)} is no string")
    if len(found) > WRITTEN:
        raise _wrong(path, f"{quoted(found)} in {quoted(what)} is longer than {WRITTEN} characters")
    if any("\ud800" <= char <= "\udfff" for char in found):
        raise _wrong(path, f"{quoted(found)} in {quoted(what)} has half of a character")
    return found


def _wrong(path: Path, what: str) -> GenError:
    return GenError(f"{brief(path, 200)} is no note of a model: {what}; {REMEDY}.")
