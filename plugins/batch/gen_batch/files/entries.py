"""A request as a file holds it, before it is understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """The bytes of one request, which the hash of the input covers, and where it stands ("Line 7"): `line` is the line
    of the file in which it begins, or the row of a table without lines, from 1; 0 if nobody knows.

    `flaw` is one sentence if the bytes cannot be a request. `progress` is how far the file has been read, from 0 to 1,
    if that is known.
    """

    raw: bytes
    where: str
    flaw: str = ""
    progress: float | None = None
    line: int = 0


Understood = tuple[Asked, str]
"""The object of a request, or none and one sentence on what is wrong with it."""

Understand = Callable[[Entry], Understood]
