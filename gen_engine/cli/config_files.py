"""The files that hold defaults of options: where they are, what they say, and edits that keep all the rest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import GenError, brief, words_of
from ..system.bounds import read_settings
from ..system.screen import note
from ..system.whole_files import edited_alone, write_whole

PROJECT = Path("gen.toml")
"""The file in the working folder."""

VARIABLE = "GEN_CONFIG"
"""Names the user's file; if it is empty, there is none."""

REMEDY = f"make room, or set {VARIABLE}"

Keys = tuple[str, ...]
"""The names of a value, from the outermost table inwards."""


def user_file() -> Path | None:
    """The user's file, whether it is there or not: what `GEN_CONFIG` names, or one in the platform's config folder."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_config_path

    return user_config_path("gen-engine", appauthor=False) / "config.toml"


def files() -> list[Path]:
    """The files whose defaults count, the stronger one first."""
    user = user_file()
    return [PROJECT] if user is None else [PROJECT, user]


def read(path: Path) -> dict[str, Any]:
    """What a file says, {} if it is not there. Raises GenError if it cannot be read."""
    import tomllib

    text = _text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise GenError(f"{path} cannot be read as TOML ({words_of(problem)}); mend it, or move it away.") from None


def _text(path: Path) -> str:
    try:
        return read_settings(path)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or words_of(problem)
        raise GenError(f"{path} cannot be read ({why}); mend it, or move it away.") from None


def put(path: Path, keys: Keys, value: Any) -> None:
    """Set a value in a file, or remove it if `value` is None. Everything else stays, comments included.

    Lines that are no TOML become comments. Raises GenError for a value that is not there to be removed, for files that
    are written in a way that this cannot edit, and if the file cannot be written.
    """
    with edited_alone(path, REMEDY):
        _put(path, keys, value)


def _put(path: Path, keys: Keys, value: Any) -> None:
    text = _without_damage(path, _text(path))
    found = _loads(text)
    if found is None:
        raise GenError(f"{path} says something twice, so that it cannot be edited; mend it, or move it away.")
    edited = _removed(text, keys) if value is None else _set(text, keys, written(value))
    if value is None and _value(found, keys) is None:
        raise GenError(f"{path} has no {'.'.join(keys)}; `gen config show` tells what is set.")
    wanted = _changed(found, keys, value)
    now = None if edited is None else _loads(edited)
    if edited is None or now is None or _pruned(now) != _pruned(wanted):
        raise GenError(f"{path} has {keys[0]} in a form that is not edited here; change {'.'.join(keys)} by hand.")
    write_whole(path, edited, REMEDY)


def written(value: Any) -> str:
    """A value in TOML: a truth, a number, a text or a list of these."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F") if isinstance(value, str) else repr(value)


# ----------------------------------------------------------------------------------------------------------- edits


@dataclass(frozen=True)
class Statement:
    """A stretch of a file: a value with its `keys`, the header of a table (`is_header`), or anything else."""

    text: str
    keys: Keys = ()
    is_header: bool = False


def statements(text: str) -> Iterator[Statement]:
    """The statements of a file, which together are its text. What is no TOML is a statement without keys."""
    lines = text.splitlines(keepends=True)
    table: Keys = ()
    while lines:
        size = next((n for n in range(1, len(lines) + 1) if _loads("".join(lines[:n])) is not None), 1)
        piece, lines = "".join(lines[:size]), lines[size:]
        keys, is_header = _keys(_loads(piece) or {}), piece.lstrip().startswith("[")
        table = keys if is_header else table
        yield Statement(piece, keys if is_header or not keys else (*table, *keys), is_header)


def _without_damage(path: Path, text: str) -> str:
    """The text with the lines that are no TOML as comments, which is said."""
    if _loads(text) is not None:
        return text
    kept = []
    for each in statements(text):
        is_damaged = _loads(each.text) is None
        kept.append("# " * is_damaged + each.text)
        if is_damaged:
            note(f"{path} had a line that is no TOML, which is a comment now: {brief(each.text.strip())}")
    return "".join(kept)


def _set(text: str, keys: Keys, value: str) -> str | None:
    found = list(statements(text))
    own = [place for place, each in enumerate(found) if each.keys == keys and not each.is_header]
    if own:
        changed = _with_value(found[own[0]].text, value)
        return None if changed is None else _joined(found, own[0], [changed])
    line = f"{_key(keys[-1])} = {value}\n"
    within = [place for place, each in enumerate(found) if each.keys and _table(each) == keys[:-1]]
    if within:
        last = found[within[-1]].text
        return _joined(found, within[-1], [last if last.endswith("\n") else last + "\n", line])
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[{'.'.join(map(_key, keys[:-1]))}]\n{line}"


def _removed(text: str, keys: Keys) -> str:
    return "".join(each.text for each in statements(text) if each.is_header or each.keys != keys)


def _table(each: Statement) -> Keys:
    return each.keys if each.is_header else each.keys[:-1]


def _joined(found: Sequence[Statement], place: int, texts: Sequence[str]) -> str:
    return "".join([*(each.text for each in found[:place]), *texts, *(each.text for each in found[place + 1 :])])


def _with_value(text: str, value: str) -> str | None:
    """A statement with another value; a comment behind the value stays."""
    start = _first(text, "=", lambda place: _loads(text[:place] + "= 0") is not None)
    if start is None:
        return None
    same = _loads(text)
    comment = _first(text, "#", lambda place: place > start and _loads(text[:place]) == same)
    rest = "\n" * text.endswith("\n") if comment is None else "  " + text[comment:]
    return f"{text[:start]}= {value}{rest}"


def _first(text: str, char: str, fits: Callable[[int], bool]) -> int | None:
    return next((place for place, each in enumerate(text) if each == char and fits(place)), None)


def _loads(text: str) -> dict[str, Any] | None:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _keys(found: Mapping[str, Any]) -> Keys:
    """The names of the only value of a statement."""
    keys: Keys = ()
    while isinstance(found, Mapping) and len(found) == 1:
        [(name, found)] = found.items()
        keys = (*keys, name)
    return keys


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else json.dumps(name, ensure_ascii=False)


def _value(found: Any, keys: Keys) -> Any:
    for name in keys:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _changed(found: Mapping[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    """What a file should say after the edit."""
    name, *rest = keys
    if rest:
        inner = found.get(name)
        return {**found, name: _changed(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)}
    kept = {key: each for key, each in found.items() if key != name}
    return kept if value is None else {**kept, name: list(value) if isinstance(value, tuple) else value}


def _pruned(found: Mapping[str, Any]) -> dict[str, Any]:
    """The same without empty tables."""
    inner = {key: _pruned(each) if isinstance(each, Mapping) else each for key, each in found.items()}
    return {key: each for key, each in inner.items() if each != {}}
