"""The rule that a text is another one than before."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from gen_engine.text import EVERY_CHAR, CharSet

from ..rules.machine import Move
from ..verse.marks import widths

OTHER = -1
"""The state of a text that differs already."""


@dataclass(frozen=True)
class Differs:
    """The whole text is not `old`, marks in another width aside. State: how much of it is the same so far."""

    old: str

    def start(self, text: str) -> int:
        state = 0
        for char in text:
            state = self.step(state, char)
        return state

    def step(self, state: int, char: str) -> int:
        is_same = 0 <= state < len(self.old) and char in self._chars[state]
        return state + 1 if is_same else OTHER

    @cached_property
    def _chars(self) -> tuple[frozenset[str], ...]:
        return tuple(map(widths, self.old))

    def accepts(self, state: int) -> bool:
        return state != len(self.old)

    def kind(self, char: str) -> Hashable:
        return self._kinds.get(char)

    @cached_property
    def _kinds(self) -> dict[str, frozenset[str]]:
        return {char: chars for chars in self._chars for char in chars}

    def allowed(self, state: int) -> CharSet:
        return EVERY_CHAR

    def transitions(self, state: int) -> tuple[Move, ...]:
        if not 0 <= state < len(self.old):
            return ((EVERY_CHAR, OTHER),)
        same = self._chars[state]
        return ((CharSet(same), state + 1), (CharSet(minus=same), OTHER))

    def describe_next(self, state: int) -> str:
        return "another text than before" if state != OTHER else ""
