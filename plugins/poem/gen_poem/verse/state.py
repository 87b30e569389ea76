"""The states of a verse: each is every way to read a text so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from gen_engine.text import CharSet

from .marks import PRINTED
from .suffixes import Suffix, ToneOptions

Config = tuple[Suffix, ToneOptions, tuple[int, ...]]
"""One way to read the text so far: what is left of the pattern, the alternatives of what is left of the line, and
readings. The latter are those that the rhyme words of each letter in play may still have, as bits."""

LINE_END: ToneOptions = ("",)
"""What is left of a line at its end."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class VerseState:
    """A state: every way to read the text so far. Equal ones are one object, so it is compared by identity.

    `after` caches what follows, by kind; `transitions` and `allowed` cache all of it, once it was needed. At most
    `verse.STATES` states of a verse have such caches. A state without them is freed when nothing refers to it.
    """

    configs: frozenset[Config]
    after: dict[int, VerseState | None] = field(default_factory=dict, repr=False)
    transitions: tuple[tuple[CharSet, VerseState], ...] | None = field(default=None, repr=False)
    allowed: CharSet | None = field(default=None, repr=False)

    def forget(self) -> None:
        """Drop the caches of what follows."""
        self.after.clear()
        self.transitions = self.allowed = None


def is_rhyming(config: Config) -> bool:
    """Whether a rhyme word is wanted next."""
    suffix, options, _ = config
    return suffix.letter is not None and len(options[0]) == 1


def marks_at(state: VerseState) -> frozenset[str]:
    """The marks that may follow."""
    return frozenset(char for suffix, _, _ in state.configs for char in PRINTED.get(suffix.mark, ()))
