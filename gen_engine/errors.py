"""Every error a user can meet: one sentence that says what is wrong and ends in the remedy; how input is quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

ECHO = 60
"""How many characters of quoted input a message repeats."""

REASON = 300
"""How many characters of an exception's words a message repeats: enough for every sentence of a parser."""

LONGEST_WORD = 200
"""A longer run without a blank loses its middle: nobody reads it, and terminals do not wrap it well."""

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What terminals interpret or cannot write: controls except tab and line break, direction marks, lone surrogates."""

LONGEST = 1500
"""A longer message loses its middle: the problem is at the beginning, the remedy at the end."""


class GenError(Exception):
    """One sentence that says what is wrong and how to fix it; the command line prints it and exits with `exit_code`.

    The message is made safe to print: characters that a terminal would interpret are escaped, endless words shortened.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))


class ConflictError(GenError):
    """The constraints admit no text at all; `members` is a conflicting subset, none of which can be dropped.

    Of those in `unproven`, it was not decided whether they can be dropped; a longer search may tell.
    """

    def __init__(self, message: str, members: Sequence[str], unproven: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.members: tuple[str, ...] = tuple(members)
        self.unproven: tuple[str, ...] = tuple(unproven)


class UndecidedError(GenError):
    """The search limit was reached before a legal text, or a proof that there is none, was found."""

    exit_code = 3


class BusyError(GenError):
    """The queue of waiting requests is full; the same request may be accepted later."""


class PluginError(GenError):
    """Code from outside the engine (a plugin, or the user's own processor) failed or returned something invalid.

    The sentence names plugin, processor and method. `__cause__` is the exception that the code raised, if any.
    """

    exit_code = 1


def quoted(value: object, most: int = ECHO) -> str:
    """Input from a user, file or plugin as a message quotes it: in quotes, escaped, cut to `most` characters."""
    return repr(_cut(value, most)) if isinstance(value, str) else brief(repr(value), most)


def brief(value: object, most: int = ECHO) -> str:
    """The same without quotes, for input whose context identifies it: `regex=...`, the label of a processor."""
    return escaped(_cut(str(value), most))


def reason_of(problem: BaseException) -> str:
    """An exception on one line, with its own words if it has any: `KeyError: 'x'`."""
    words = "" if problem.args in ((), (None,)) else " ".join(str(problem).split())
    return brief(f"{type(problem).__name__}: {words}" if words else type(problem).__name__, REASON)


def words_of(problem: BaseException) -> str:
    """The words of an exception alone, on one line: `Unclosed array (at end of document)`."""
    return brief(" ".join(str(problem).split()), REASON)


def escaped(text: str) -> str:
    r"""`text` in printable characters: controls, direction marks and lone surrogates appear as \x1b, \u202e."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def tame(text: str, file: TextIO) -> str:
    r"""`text` as it may be written to `file`: for a terminal, control sequences are escaped as in JSON (\u001b)."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if file.isatty() else text


def readable(message: str) -> str:
    """A message on one line that is safe on a terminal, with the middle of endless words left out."""
    message = message if len(message) <= LONGEST else _without_middle(message, LONGEST)
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda run: _without_middle(run[0], LONGEST_WORD), escaped(message))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _without_middle(text: str, most: int) -> str:
    kept = most // 3
    return f"{text[: most - kept - 1]}…{text[-kept:]}"
