"""Settings in plain words rather than in Python's."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any


def in_words(value: Any) -> str:
    """A setting as people write it: yes, not True; None is "not set"."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return in_words(value.value)
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(in_words, value))
    return str(value)
