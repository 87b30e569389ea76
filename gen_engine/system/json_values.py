"""Values for JSON, which has neither infinity nor NaN, and objects whose keys occur once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ..errors import quoted


def finite(value: Any) -> Any:
    """The value with None for each number that JSON lacks, in objects and lists as well."""
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def json_line(value: Any) -> str:
    """The value on one line of JSON; numbers that JSON lacks are null."""
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False)


class RepeatedKeyError(ValueError):
    """An object of JSON has a key more than once, so that one of its values would be ignored."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{quoted(key)} occurs twice in an object")
        self.key = key


def strict_json(text: str | bytes) -> Any:
    """What JSON says. Raises ValueError for what is none, for NaN and infinity, and for a key that occurs twice."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise RepeatedKeyError(key)
        found[key] = value
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
