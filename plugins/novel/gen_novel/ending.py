"""The constraint `sentence_end`: a text ends at the first sentence end after a given number of characters."""

from __future__ import annotations

from dataclasses import dataclass

from gen_engine.errors import GenError
from gen_engine.text import EVERY_CHAR, NO_CHAR, CharSet

MARKS = frozenset("。！？…")
"""The marks that end a sentence."""


@dataclass(frozen=True)
class SentenceEnd:
    """State: the number of new characters, counted up to `after`; -1 once the last one ended a sentence."""

    after: int

    def start(self, text: str) -> int:
        return 0

    def step(self, state: int, char: str) -> int | None:
        if state < 0:
            return None
        return -1 if state >= self.after and char in MARKS else min(state + 1, self.after)

    def accepts(self, state: int) -> bool:
        return state < 0

    def allowed(self, state: int) -> CharSet:
        return NO_CHAR if state < 0 else EVERY_CHAR

    def kind(self, char: str) -> bool:
        return char in MARKS


def sentence_end(after: int) -> SentenceEnd:
    """End the new text at the first sentence end (one of 。！？…) that follows the first AFTER characters."""
    if after < 0:
        raise GenError(f"sentence_end={after} is less than nothing; give a number of characters from 0.")
    return SentenceEnd(after)
