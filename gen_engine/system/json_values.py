"""Values for JSON, which has neither infinity nor NaN, and objects whose keys occur once."""

from __future__ import annotations

import json
import sys
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


class UnreadableNumberError(ValueError):
    """NaN or infinity, which JSON lacks, or a whole number of more digits than are read."""


def strict_json(text: str | bytes) -> Any:
    """What JSON says.

    Raises JSONDecodeError for what is none, UnicodeDecodeError for bytes that are no text, UnreadableNumberError, and
    RepeatedKeyError for a key that occurs twice. All of them are ValueErrors.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except (json.JSONDecodeError, UnicodeDecodeError, UnreadableNumberError, RepeatedKeyError):
        raise
    except ValueError:  # of `int`, in words about Python's own settings
        most = sys.get_int_max_str_digits()
        raise UnreadableNumberError(f"a whole number has more than {most:,} digits") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise RepeatedKeyError(key)
        found[key] = value
    return found


def _no_number(name: str) -> Any:
    raise UnreadableNumberError(f"{name} is no number of JSON")
