"""The machines behind `ban`, `only`, `no_unk`, `no_special` and `stop`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .text import CLASSES, CharSet, Ranges, Vocabulary, in_a_row
from .tokensets import Mask, TokenSet, token_set
from .types import Prompt

SHOWN = 6
"""How many characters are spelled out in words."""


def chars_of(items: Iterable[str]) -> CharSet:
    """The characters of these classes (by name) and strings."""
    items = tuple(items)
    classes = sorted({item for item in items if item in CLASSES})
    chars = frozenset(char for item in items if item not in CLASSES for char in item)
    if not classes:
        return CharSet(chars)
    base = CharSet("|".join(classes))
    return CharSet(base.kind, plus=frozenset(char for char in chars if not base.in_base(char)))


def without(chars: CharSet, out: frozenset[str]) -> CharSet:
    """The characters of a set that are not among `out`."""
    minus = frozenset(char for char in out if chars.in_base(char))
    return CharSet(chars.kind, chars.inverted, chars.minus | minus, chars.plus - out) if out else chars


def complement(chars: CharSet) -> CharSet:
    """All other characters."""
    return CharSet(chars.kind, not chars.inverted, chars.plus, chars.minus)


def in_words(chars: CharSet) -> str:
    """A set of characters in words: `han, ， or 。`, `anything but punctuation or 的`."""
    assert not isinstance(chars.kind, Ranges)  # of those only automata are made, which find words of their own
    named = chars.kind.split("|") if isinstance(chars.kind, str) else sorted(chars.kind or ())
    more, less = sorted(chars.plus), sorted(chars.minus)
    if chars.inverted:
        return f"anything but {_listed([*named, *less])}" if named or less else f"{_listed(more)}"
    if chars.kind is None:
        return f"anything but {_listed(less)}" if less else "any character"
    return _listed([*named, *more]) + (f" but {_listed(less)}" if less else "")


def _listed(words: Sequence[str]) -> str:
    shown = list(words[:SHOWN])
    if len(words) > SHOWN:
        shown.append(f"{len(words) - SHOWN} others")
    return in_a_row(shown) or "nothing"


@dataclass(frozen=True)
class EachChar:
    """Every character is one of these. There is one state."""

    chars: CharSet

    def start(self, text: str) -> int:
        return 0

    def step(self, state: int, char: str) -> int | None:
        return 0 if char in self.chars else None

    def accepts(self, state: int) -> bool:
        return True

    def allowed(self, state: int) -> CharSet:
        return self.chars

    def kind(self, char: str) -> bool:
        return char in self.chars

    def moves(self, state: int) -> list[tuple[CharSet, int]]:
        """All that is allowed, and the one state."""
        return [(self.chars, 0)]

    def wants(self, state: int) -> str:
        """What may follow, in words."""
        return in_words(self.chars)


@dataclass(frozen=True)
class BannedStrings:
    """State: the longest end of the text that begins a banned string (Aho and Corasick 1975, over prefixes).

    `chars` are those that may stand in the text at all.
    """

    chars: CharSet
    strings: tuple[str, ...]
    _known: dict[str, list[tuple[CharSet, str]]] = field(default_factory=dict, repr=False, compare=False)

    def start(self, text: str) -> str:
        return ""

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        return frozenset(string[:i] for string in self.strings for i in range(len(string)))

    @cached_property
    def _parts(self) -> frozenset[str]:
        return frozenset(char for string in self.strings for char in string)

    @cached_property
    def _following(self) -> dict[str, set[str]]:
        """For each beginning of a banned string the characters that lengthen it."""
        found: dict[str, set[str]] = {}
        for string in self.strings:
            for i, char in enumerate(string):
                found.setdefault(string[:i], set()).add(char)
        return found

    def step(self, state: str, char: str) -> str | None:
        if char not in self.chars:
            return None
        text = state + char
        if text.endswith(self.strings):
            return None
        return next((text[i:] for i in range(len(text)) if text[i:] in self._prefixes), "")

    def accepts(self, state: str) -> bool:
        return True

    def kind(self, char: str) -> Hashable:
        return char not in self.chars or (char if char in self._parts else False)

    def allowed(self, state: str) -> CharSet:
        out = frozenset(char for char in self._odd(state) if self.step(state, char) is None)
        return without(self.chars, out)

    def _odd(self, state: str) -> set[str]:
        """The characters that do not lead to the state of having begun nothing."""
        ends = (state[i:] for i in range(len(state) + 1))
        return {char for end in ends for char in self._following.get(end, ())}

    def moves(self, state: str) -> list[tuple[CharSet, str]]:
        """The characters that lengthen what was begun, by the state they lead to, and all others."""
        if state not in self._known:
            grouped: dict[str, set[str]] = {}
            odd = frozenset(self._odd(state))
            for char in odd:
                after = self.step(state, char)
                if after is not None:
                    grouped.setdefault(after, set()).add(char)
            begun = [(CharSet(frozenset(group)), after) for after, group in grouped.items()]
            self._known[state] = [*begun, (without(self.chars, odd), "")]
        return self._known[state]

    def wants(self, state: str) -> str:
        """What may not follow, in words."""
        return in_words(self.allowed(state))


@dataclass(frozen=True, eq=False)
class BannedTokens:
    """Certain tokens, never. There is one state."""

    vocabulary: Vocabulary
    banned: frozenset[int]

    def start(self, prompt: Prompt) -> int:
        return 0

    @cached_property
    def _set(self) -> TokenSet:
        array = np.ones(len(self.vocabulary), dtype=bool)
        array[list(self.banned)] = False
        return token_set(array)

    def allowed(self, state: int) -> TokenSet:
        return self._set

    def permits(self, state: int, token: int) -> bool:
        return token not in self.banned

    def next(self, state: int, token: int) -> int:
        return 0

    def accepts(self, state: int) -> bool:
        return True

    def kinds(self) -> list[Hashable]:
        return [token in self.banned for token in range(len(self.vocabulary))]

    def moves(self, state: int) -> list[tuple[Mask, int]]:
        """All other tokens, and the one state."""
        return [(self._set.mask, 0)]

    def wants(self, state: int) -> str:
        """What is banned, in words."""
        names = [self.vocabulary.names[token] for token in sorted(self.banned)]
        return f"any token but {_listed(names)}" if names else "any token"


Match = tuple[int, int, int]
"""A stop string that may be under way: its number, the bytes matched, the tokens they take (-1: it cannot count)."""

StopState = tuple[int, tuple[Match, ...]]
"""How many trailing tokens are cut (0: the text goes on), and the matches under way."""


@dataclass(frozen=True, eq=False)
class StopStrings:
    """Ends the text before a stop string, which must begin where a token begins.

    A string that began within a token is never completed, since the text before it would end within that token.
    """

    vocabulary: Vocabulary
    strings: tuple[bytes, ...]

    def start(self, prompt: Prompt) -> StopState:
        return 0, ()

    def accepts(self, state: StopState) -> bool:
        return True

    def cut(self, state: StopState) -> int:
        """How many trailing tokens are no part of the text."""
        return state[0]

    def held(self, state: StopState) -> int:
        """How many trailing bytes could still become a stop string."""
        return max((matched for _, matched, tokens in state[1] if tokens > 0), default=0)

    def next(self, state: StopState, token: int) -> StopState:
        after = self._after(state, token)
        if after is None:
            raise ValueError(f"token {token} is not allowed here")
        return after

    def permits(self, state: StopState, token: int) -> bool:
        return self._after(state, token) is not None

    def allowed(self, state: StopState) -> TokenSet:
        if state[0]:
            return self._nothing
        mask = self._anything.mask
        rests = [self.strings[i][matched:] for i, matched, _ in state[1]]
        completing = {token: self.permits(state, token) for rest in rests for token in self._beginning_with(rest)}
        minus = tuple(token for token, may in completing.items() if mask.array[token] and not may)
        return TokenSet(mask, minus, tuple(token for token, may in completing.items() if may and not mask.array[token]))

    def kinds(self) -> list[Hashable]:
        """Tokens that neither print a part of a stop string nor overlap with one behave alike."""
        parts = {s[i:j] for s in self.strings for i in range(len(s)) for j in range(i + 1, len(s) + 1)}
        heads = tuple({s[:i] for s in self.strings for i in range(1, len(s) + 1)})
        tails = tuple({s[i:] for s in self.strings for i in range(len(s))})

        def matters(surface: bytes) -> bool:
            overlaps = surface.startswith(tails) or surface.endswith(heads)
            return overlaps or surface in parts or any(string in surface for string in self.strings)

        surfaces = self.vocabulary.surfaces
        return [(i if matters(surface) else -1) if surface else -2 for i, surface in enumerate(surfaces)]

    def enders(self, state: StopState) -> list[int]:
        """The tokens that would complete a stop string."""
        if state[0]:
            return []
        wanted = [self.strings[i][matched:] for i, matched, tokens in state[1] if tokens > 0] + list(self.strings)
        found = {token for rest in wanted for token in self._beginning_with(rest)}
        return [token for token in found if (after := self._after(state, token)) is not None and after[0]]

    def _after(self, state: StopState, token: int) -> StopState | None:
        surface = self.vocabulary.surfaces[token]
        if state[0]:
            return None
        if not surface:
            return 0, tuple(sorted({(i, matched, self._one_more(n)) for i, matched, n in state[1]}))
        under_way: list[Match] = []
        cuts: list[int] = []
        for i, matched, tokens in (*state[1], *((i, 0, 0) for i in range(len(self.strings)))):
            rest = self.strings[i][matched:]
            count = -1 if tokens < 0 else tokens + 1
            if surface.startswith(rest):
                cuts.append(count)
            elif rest.startswith(surface):
                under_way.append((i, matched + len(surface), count))
        inner = self._within(surface)
        if -1 in cuts or (inner is None and not cuts):
            return None
        return (max(cuts), ()) if cuts else (0, tuple(sorted({*under_way, *(inner or ())})))

    def _one_more(self, tokens: int) -> int:
        """The tokens of a match after one that prints nothing; too many are given up, so that states stay few."""
        return tokens + 1 if 0 < tokens < self._longest else -1

    @cached_property
    def _longest(self) -> int:
        return max(len(string) for string in self.strings)

    def _within(self, surface: bytes) -> list[Match] | None:
        """The stop strings that begin within the token; None if one is complete in it."""
        found: list[Match] = []
        for offset in range(1, len(surface)):
            if surface[offset] not in self._first_bytes:
                continue
            tail = surface[offset:]
            if any(tail.startswith(string) for string in self.strings):
                return None
            found += [(i, len(tail), -1) for i, string in enumerate(self.strings) if string.startswith(tail)]
        return found

    @cached_property
    def _first_bytes(self) -> frozenset[int]:
        return frozenset(string[0] for string in self.strings)

    @cached_property
    def _nothing(self) -> TokenSet:
        return token_set(np.zeros(len(self.vocabulary), dtype=bool))

    @cached_property
    def _anything(self) -> TokenSet:
        array = np.ones(len(self.vocabulary), dtype=bool)
        for token, surface in enumerate(self.vocabulary.surfaces):
            if self._first_bytes & set(surface[1:]):
                array[token] = self._after((0, ()), token) is not None
        return token_set(array)

    @cached_property
    def _sorted(self) -> list[tuple[bytes, int]]:
        return sorted((surface, token) for token, surface in enumerate(self.vocabulary.surfaces) if surface)

    def _beginning_with(self, rest: bytes) -> list[int]:
        found: list[int] = []
        for surface, token in self._sorted[bisect_left(self._sorted, (rest, -1)) :]:
            if not surface.startswith(rest):
                break
            found.append(token)
        return found
