"""Every error a user can meet: one sentence of what is wrong, ending in the remedy; and how it quotes others' text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

ECHO = 60
"""So many characters of what somebody wrote are echoed."""

LONGEST_WORD = 200
"""A run without a blank that is longer loses its middle: nobody reads it, and no terminal breaks it well."""

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys, or cannot write: controls but tab and line break, marks of direction, halves of characters."""

LONGEST = 1500
"""A longer message loses its middle; what is wrong stands at its beginning, the remedy at its end."""


class GenError(Exception):
    """What is wrong and how to mend it, in one sentence; the command line prints it and exits with `exit_code`.

    The sentence is made fit to be read: characters that a terminal would obey are escaped, endless words cut.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))


class ConflictError(GenError):
    """The constraints admit no text at all; `members` are a subset of which none can be dropped."""

    def __init__(self, message: str, members: Sequence[str]) -> None:
        super().__init__(message)
        self.members = tuple(members)


class UndecidedError(GenError):
    """Neither a legal text nor a proof that there is none was found within the search limit."""

    exit_code = 3


class BusyError(GenError):
    """So many requests wait already that no more are taken; the same may be taken later."""


class PluginError(GenError):
    """Code that is not the engine's failed or gave what it may not: a plugin's, or a processor of one's own.

    The sentence names plugin, processor and method; `__cause__` is what the code raised, if it raised something.
    """

    exit_code = 1


def quoted(value: object, most: int = ECHO) -> str:
    """What a user, a file or a plugin wrote, as a message quotes it: in quotes, escaped, cut to `most` characters."""
    return repr(_cut(value, most)) if isinstance(value, str) else brief(repr(value), most)


def brief(value: object, most: int = ECHO) -> str:
    """The same without quotes, for what is known by its place: `regex=...`, the label of a processor."""
    return escaped(_cut(str(value), most))


def reason_of(problem: BaseException) -> str:
    """What was raised in one line, with its own words if it has any: `KeyError: 'x'`."""
    words = "" if problem.args in ((), (None,)) else " ".join(str(problem).split())
    return brief(f"{type(problem).__name__}: {words}" if words else type(problem).__name__, 300)


def escaped(text: str) -> str:
    r"""`text` in characters that can be seen: controls, marks of direction, halves of characters as \x1b, \u202e."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def tame(text: str, file: TextIO) -> str:
    r"""`text` as it may be written to `file`: on a terminal, what that would obey is escaped as in JSON (\u001b)."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if file.isatty() else text


def readable(message: str) -> str:
    """A message in one line that a terminal shows as it is, without the middle of endless words."""
    message = message if len(message) <= LONGEST else _without_middle(message, LONGEST)
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda run: _without_middle(run[0], LONGEST_WORD), escaped(message))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _without_middle(text: str, most: int) -> str:
    kept = most // 3
    return f"{text[: most - kept - 1]}…{text[-kept:]}"
