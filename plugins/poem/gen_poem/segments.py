"""A text taken apart at its pauses."""

from __future__ import annotations

from dataclasses import dataclass

from gen_engine.text import is_han

PAUSES = frozenset("，。！？；：,.!?;:｡…")
"""What ends a line, whichever of them it is; so does a line break."""

HALTS = frozenset("、､")
"""What may stand for a short pause (读) or be missing there."""

BESIDE = frozenset("“”‘’「」『』（）()【】[]《》〈〉\"'·—～-")
"""What a text may have beside its characters."""


@dataclass(frozen=True)
class Segment:
    """Characters that stand together, and whether a full pause ends them."""

    chars: str
    pause: bool = True


def segments(text: str) -> tuple[list[Segment], list[str]]:
    """The segments of a text, and the characters in it that verse does not have, once each."""
    found: list[Segment] = []
    odd: dict[str, None] = {}
    chars = ""
    for char in text + "\n":
        if is_han(char):
            chars += char
        elif char in PAUSES or char in HALTS or char.isspace():
            found += [Segment(chars, char not in HALTS)] if chars else []
            chars = ""
        elif char not in BESIDE:
            odd[char] = None
    return found, list(odd)
