"""Building blocks of rules that need no form: lines, kinds of characters, tables of states, joint machines.

A line ends at one of LINE_ENDS. Characters of PASSED (、, quotes, brackets, dashes, spaces and line breaks) may stand
anywhere in it and take up no place. A mark without characters before it ends no line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from gen_engine.errors import GenError, brief, quoted
from gen_engine.memory import Memory, remembered
from gen_engine.text import EVERY_CHAR, NO_CHAR, CharSet, is_han

from ..verse.marks import LINE_ENDS, PASSED

MARK, PASS = "a mark", "passed over"
"""The kinds of LINE_ENDS and of PASSED."""

REMEMBERED = 4096
"""How many states of one machine, and sets of characters, are remembered."""

Kind = str | None
Move = tuple[CharSet, Any]
known_han = cache(is_han)  # at most one for each character


@dataclass(frozen=True, eq=False)
class Kinds:
    """The characters that a rule distinguishes, by kind; all others are of the kind None."""

    named: Mapping[str, frozenset[str]]
    _sets: Memory[frozenset[Kind], CharSet] = remembered(REMEMBERED)

    @cached_property
    def of(self) -> Mapping[str, str]:
        """The kind of each character that has a name for it."""
        return {char: kind for kind, chars in self.named.items() for char in chars}

    def union(self, kinds: Iterable[Kind]) -> CharSet:
        """All characters of these kinds, the same object for the same kinds."""
        key = frozenset(kinds)
        found = self._sets.get(key)
        if found is None:
            inverted = None in key
            chars = frozenset(c for kind, chars in self.named.items() if (kind in key) is not inverted for c in chars)
            empty = EVERY_CHAR if inverted else NO_CHAR
            found = self._sets.put(key, CharSet(chars, inverted) if chars else empty)
        return found

    def after(self, step: Callable[[Any, Kind], Any], state: Any) -> dict[Any, list[Kind]]:
        """The kinds that may follow `state`, by the state they lead to."""
        found: dict[Any, list[Kind]] = {}
        for kind in (*self.named, None):
            following = step(state, kind)
            if following is not None:
                found.setdefault(following, []).append(kind)
        return found


@dataclass(frozen=True, eq=False)
class Table:
    """What may follow each state of a machine over `Kinds`, computed once."""

    kinds: Kinds
    step: Callable[[Any, Kind], Any]
    _rows: Memory[Any, tuple[CharSet, tuple[Move, ...]]] = remembered(REMEMBERED)

    def row(self, state: Any) -> tuple[CharSet, tuple[Move, ...]]:
        """All that is allowed, and its parts, each with the state that follows."""
        found = self._rows.get(state)
        if found is None:
            after = self.kinds.after(self.step, state)
            allowed = self.kinds.union(kind for kinds in after.values() for kind in kinds)
            moves = tuple((self.kinds.union(kinds), there) for there, kinds in after.items())
            found = self._rows.put(state, (allowed, moves))
        return found


def line_and_place(text: str) -> tuple[int, int]:
    """The line, and the place in it, of a character that would follow `text`, both counted from 1."""
    line, place = 1, 1
    for char in text:
        if char in LINE_ENDS:
            line, place = line + (place > 1), 1
        elif char not in PASSED:
            place += 1
    return line, place


def follow(machine: Any, state: Any, text: str, label: str) -> Any:
    """The state after `text`. GenError names the character of the prompt that breaks the rule, and what the rule wants
    there."""
    for number, char in enumerate(text):
        after = machine.step(state, char)
        if after is None:
            line, place = line_and_place(text[:number])
            raise GenError(
                f"The prompt {quoted(text)} has {char} at line {line}, place {place}, where {brief(label)} wants "
                f"{machine.describe_next(state)}; change one of them."
            )
        state = after
    return state


@dataclass(frozen=True, eq=False)
class Together:
    """Several machines as one. A chain takes the `parts` one by one, because it can prove some of them exactly."""

    parts: tuple[Any, ...]

    def start(self, text: str) -> tuple[Any, ...]:
        return tuple(part.start(text) for part in self.parts)

    def step(self, state: tuple[Any, ...], char: str) -> tuple[Any, ...] | None:
        found = []
        for part, each in zip(self.parts, state, strict=True):
            after = part.step(each, char)
            if after is None:
                return None
            found.append(after)
        return tuple(found)

    def accepts(self, state: tuple[Any, ...]) -> bool:
        return all(part.accepts(each) for part, each in zip(self.parts, state, strict=True))

    def min_remaining(self, state: tuple[Any, ...]) -> int:
        return max(int(part.min_remaining(each)) for part, each in zip(self.parts, state, strict=True))

    def describe_next(self, state: tuple[Any, ...]) -> str:
        return ", ".join(filter(None, (part.describe_next(each) for part, each in zip(self.parts, state, strict=True))))
