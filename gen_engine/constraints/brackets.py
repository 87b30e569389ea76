"""`balanced`: every opened quote or bracket is closed, in order."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import GenError, brief
from ..text.char_sets import CharSet
from ..types import CharMachine

PAIRS = ("《》", "〈〉", "“”", "‘’", "（）", "「」", "『』", "【】")
DEPTH = 3
"""The default number of pairs that may be open at once; each further level makes nine times as many states."""


def balanced(pairs: tuple[str, ...] = PAIRS, *, depth: int = DEPTH) -> CharMachine:
    r"""Close every quote and bracket of the whole text in order, none that is not open (`balanced=《》|“”,depth=2`).

    A pair is two characters; a quote that closes itself is one, as in `balanced=\"`. New text may have at most `depth`
    pairs open at once. All pairs that the prompt leaves open are closed, however many.
    """
    pairs = (pairs,) if isinstance(pairs, str) else tuple(pairs)
    wrong = [pair for pair in pairs if len(pair) not in (1, 2)]
    if wrong or not pairs:
        raise GenError(
            f"balanced={brief('|'.join(pairs))} holds no pairs of characters; write them as balanced=《》|“”."
        )
    chars = [char for pair in pairs for char in dict.fromkeys(pair)]
    if len(set(chars)) < len(chars):
        twice = next(char for char in chars if chars.count(char) > 1)
        raise GenError(f"balanced={brief('|'.join(pairs))} has {twice} in two pairs; keep one of them.")
    if depth < 1:
        raise GenError(f"balanced with depth={depth} could never open a pair; give a number from 1.")
    return Balanced(tuple((pair[0], pair[-1]) for pair in pairs), depth)


@dataclass(frozen=True)
class Balanced:
    """State: the closing characters of the open pairs, the innermost last."""

    pairs: tuple[tuple[str, str], ...]
    depth: int
    # At most two for each closing character, and one for each character of the pairs.
    _sets: dict[tuple[str, bool], CharSet] = field(default_factory=dict, repr=False, compare=False)
    _alone: dict[str, CharSet] = field(default_factory=dict, repr=False, compare=False)

    def start(self, text: str) -> str:
        state = ""
        for place, char in enumerate(text, 1):
            after = self._after(state, char)
            if after is None:
                meant = f"where {state[-1]} is still missing" if state else "which nothing opened"
                raise GenError(
                    f"The prompt has {char} at place {place}, {meant}; mend it, or name other pairs in balanced=."
                )
            state = after
        return state

    @cached_property
    def _closing(self) -> dict[str, str]:
        return dict(self.pairs)

    @cached_property
    def _chars(self) -> frozenset[str]:
        return frozenset(char for pair in self.pairs for char in pair)

    @cached_property
    def _others(self) -> CharSet:
        return CharSet(self._chars, inverted=True)

    def _after(self, state: str, char: str) -> str | None:
        if char not in self._chars:
            return state
        if state.endswith(char):
            return state[:-1]
        return state + self._closing[char] if char in self._closing else None

    def step(self, state: str, char: str) -> str | None:
        after = self._after(state, char)
        return None if after is None or (len(after) > len(state) and len(state) >= self.depth) else after

    def accepts(self, state: str) -> bool:
        return not state

    def allowed(self, state: str) -> CharSet:
        key = state[-1:], len(state) >= self.depth
        if key not in self._sets:
            out = frozenset(char for char in self._chars if self.step(state, char) is None)
            self._sets[key] = CharSet(out, inverted=True)
        return self._sets[key]

    def kind(self, char: str) -> Hashable:
        return char if char in self._chars else None

    def transitions(self, state: str) -> list[tuple[CharSet, str]]:
        """The characters that are in no pair, and each character that opens or closes one."""
        pairs = [(char, self.step(state, char)) for char in sorted(self._chars)]
        return [(self._others, state), *((self._only(char), after) for char, after in pairs if after is not None)]

    def _only(self, char: str) -> CharSet:
        return self._alone.setdefault(char, CharSet(frozenset(char)))

    def min_remaining(self, state: str) -> int:
        """The fewest characters that close all open pairs."""
        return len(state)

    def describe_next(self, state: str) -> str:
        """What is missing before the text may end."""
        if not state:
            return "no closing quote or bracket, since none is open"
        rest = " and ".join(dict.fromkeys(reversed(state[:-1])))
        return f"{state[-1]} before the end" + (f", then {rest}" if rest else "")
