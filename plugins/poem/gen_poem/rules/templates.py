"""Templates: texts in which some characters are given and the others are blanks."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from gen_engine.errors import GenError, brief
from gen_engine.text import NO_CHAR, CharSet
from gen_engine.types import CharMachine

from ..verse.marks import BLANKS, widths
from .machine import Move, follow, known_han, line_and_place

LONGEST = 5_000
"""The longest acrostic or template: each of its characters is a state."""


def check_length(name: str, text: str) -> None:
    """Raise GenError for a text with more places than any poem has."""
    if len(text) > LONGEST:
        raise GenError(
            f"{name}={brief(text)} has {len(text)} characters, and no text is so long; give up to {LONGEST}."
        )


def template(pattern: str) -> CharMachine:
    """Make the whole text exactly this, with a Chinese character at each □ (`template='床前□□光，□□□□□。'`).

    _ and ○ are blanks, too; marks may be in half or full width.
    """
    check_length("template", pattern)
    if not pattern:
        raise GenError("template has no pattern; write template='床前□□光，□□□□□。', say.")
    return Template(pattern)


@dataclass(frozen=True)
class Template:
    """The whole text is `pattern`, with any Chinese character at each blank. State: how many places are filled."""

    pattern: str
    label: str = "template"

    def start(self, text: str) -> int:
        return follow(self, 0, text, self.label)  # type: ignore[no-any-return]

    def step(self, state: int, char: str) -> int | None:
        if state == len(self.pattern):
            return None
        wanted = self._wanted[state]
        return state + 1 if (known_han(char) if wanted is None else char in wanted) else None

    @cached_property
    def _wanted(self) -> tuple[frozenset[str] | None, ...]:
        """What may stand at each place, None for any Chinese character."""
        sets = {char: None if char in BLANKS else widths(char) for char in self.pattern}
        return tuple(sets[char] for char in self.pattern)

    def accepts(self, state: int) -> bool:
        return state == len(self.pattern)

    def kind(self, char: str) -> Hashable:
        return self._kinds.get(char, known_han(char))

    @cached_property
    def _kinds(self) -> dict[str, frozenset[str]]:
        return {char: chars for chars in self._wanted if chars is not None for char in chars}

    @cached_property
    def _sets(self) -> tuple[CharSet, ...]:
        han = CharSet("han")
        return (*(han if wanted is None else CharSet(wanted) for wanted in self._wanted), NO_CHAR)

    def allowed(self, state: int) -> CharSet:
        return self._sets[state]

    def transitions(self, state: int) -> tuple[Move, ...]:
        return () if state == len(self.pattern) else ((self._sets[state], state + 1),)

    @cached_property
    def _fixed(self) -> tuple[str, ...]:
        """The Chinese characters of the pattern from each place on."""
        fixed = [self.pattern[position:] for position in range(len(self.pattern) + 1)]
        return tuple("".join(char for char in rest if known_han(char) and char not in BLANKS) for rest in fixed)

    def needs(self, state: int) -> str:
        return self._fixed[state]

    def min_remaining(self, state: int) -> int:
        return len(self.pattern) - state

    max_remaining = min_remaining

    def describe_next(self, state: int) -> str:
        if state == len(self.pattern):
            return "nothing more"
        line, place = line_and_place(self.pattern[:state])
        what = "a Chinese character" if self._wanted[state] is None else self.pattern[state]
        return f"{what} at line {line}, place {place}"
