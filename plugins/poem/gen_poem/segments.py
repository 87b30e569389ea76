"""A text taken apart at its pauses."""

from __future__ import annotations

from dataclasses import dataclass

from gen_engine.errors import GenError, brief
from gen_engine.text import is_han

PAUSES = frozenset("，。！？；：,.!?;:｡…")
"""What ends a line, whichever of them it is; so does a line break."""

HALTS = frozenset("、､")
"""What may stand for a short pause (读) or be missing there."""

BESIDE = frozenset("“”‘’「」『』（）()【】[]《》〈〉\"'·—～-")
"""What a text may have beside its characters."""


LONGEST = 5_000
"""The longest acrostic or template: each of its characters is a state."""


def check_text(name: str, text: str, example: str) -> None:
    """Raise GenError if `text`, the value of a processor, is empty or longer than any text is."""
    if not text:
        raise GenError(f"{name} has no characters; write {example}, say.")
    if len(text) > LONGEST:
        raise GenError(f"{name}={brief(text)} has {len(text)} characters, more than any text; give up to {LONGEST}.")


@dataclass(frozen=True)
class Segment:
    """Characters that stand together, and whether a full pause ends them."""

    chars: str
    pause: bool = True


def is_title(line: str) -> bool:
    """Whether a line of a file is a title: it begins with # or stands in 《》."""
    return line.startswith("#") or line[:1] + line[-1:] == "《》"


def segments(text: str) -> tuple[list[Segment], list[str]]:
    """The segments of a text, and the characters in it that verse does not have, once each."""
    found: list[Segment] = []
    odd: dict[str, None] = {}
    is_marked = not PAUSES.isdisjoint(text)
    chars = ""
    for char in text + "\n":
        if is_han(char):
            chars += char
        elif char.isspace() and char != "\n" and is_marked:
            continue  # blanks that were typed within lines
        elif char in PAUSES or char in HALTS or char.isspace():
            found += [Segment(chars, char not in HALTS)] if chars else []
            chars = ""
        elif char not in BESIDE:
            odd[char] = None
    return found, list(odd)
