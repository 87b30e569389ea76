"""Values for JSON, which has neither infinity nor NaN."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any


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
