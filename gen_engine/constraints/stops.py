"""`stop`: strings that end the text before themselves, found with a trie of all of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..text.token_sets import TokenSet, token_set
from ..text.vocabulary import Vocabulary
from ..types import Constraint, Prompt
from .strings import given

Match = tuple[int, int]
"""A stop string that may be in progress: its trie node, and the number of tokens matched (-1: it cannot count)."""

StopState = tuple[int, tuple[Match, ...]]
"""How many trailing tokens are cut (0: the text continues), and the matches in progress."""


def stop(vocabulary: Vocabulary, strings: tuple[str, ...]) -> Constraint:
    """End the text before any of these strings; a string that begins inside a token is never completed."""
    return StopStrings(vocabulary, tuple(string.encode() for string in given("stop", strings)))


@dataclass(frozen=True, eq=False)
class Trie:
    """A trie of byte strings. Node 0 is the empty string; `depth` counts bytes."""

    strings: tuple[bytes, ...]
    children: list[dict[int, int]] = field(default_factory=lambda: [{}])
    depth: list[int] = field(default_factory=lambda: [0])
    wholes: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for string in self.strings:
            node = 0
            for byte in string:
                if byte not in self.children[node]:
                    self.children[node][byte] = len(self.children)
                    self.children.append({})
                    self.depth.append(self.depth[node] + 1)
                node = self.children[node][byte]
            self.wholes.add(node)

    def follow(self, node: int, data: bytes) -> int | None:
        """The node that `data` leads to, or the first complete string on the way; None if there is no such node."""
        for byte in data:
            after = self.children[node].get(byte)
            if after is None or after in self.wholes:
                return after
            node = after
        return node

    def rests(self, node: int, most: int) -> Iterator[bytes]:
        """The missing ends, of at most `most` bytes, of the strings that begin with `node`; first strings only."""
        waiting = [(node, b"")]
        while waiting:
            here, rest = waiting.pop()
            if rest and here in self.wholes:
                yield rest
            elif len(rest) < most:
                waiting += [(child, rest + bytes([byte])) for byte, child in self.children[here].items()]


@dataclass(frozen=True, eq=False)
class StopStrings:
    """Ends the text before a stop string, which must begin where a token begins.

    A string that begins inside a token is never completed, since the text before it would end inside that token.
    """

    vocabulary: Vocabulary
    strings: tuple[bytes, ...]
    # At most one for each beginning of a string.
    _completing: dict[int, list[int]] = field(default_factory=dict, repr=False)

    def start(self, prompt: Prompt) -> StopState:
        return 0, ()

    def accepts(self, state: StopState) -> bool:
        return True

    def cut(self, state: StopState) -> int:
        """How many trailing tokens are not part of the text."""
        return state[0]

    def held(self, state: StopState) -> int:
        """How many trailing bytes could still become a stop string."""
        return max((self._trie.depth[node] for node, tokens in state[1] if tokens > 0), default=0)

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
        completing = {token: self.permits(state, token) for node, _ in state[1] for token in self._completes(node)}
        minus = tuple(token for token, may in completing.items() if mask.array[token] and not may)
        return TokenSet(mask, minus, tuple(token for token, may in completing.items() if may and not mask.array[token]))

    def kinds(self) -> list[Hashable]:
        """Token classes: tokens that neither print a part of a stop string nor overlap with one behave alike."""
        surfaces = self.vocabulary.surfaces
        sizes = {len(surface) for surface in surfaces if surface}
        parts = {s[i : i + size] for s in self.strings for size in sizes for i in range(len(s) - size + 1)}
        tails = {s[-size:] for s in self.strings for size in range(1, min(len(s), self._widest) + 1)}

        def matters(surface: bytes) -> bool:
            if surface in parts or any(surface[:size] in tails for size in range(1, len(surface) + 1)):
                return True
            return any(self._trie.follow(0, surface[i:]) is not None for i in range(len(surface)))

        return [(i if matters(surface) else -1) if surface else -2 for i, surface in enumerate(surfaces)]

    def enders(self, state: StopState) -> list[int]:
        """The tokens that would complete a stop string."""
        if state[0]:
            return []
        nodes = [0, *(node for node, tokens in state[1] if tokens > 0)]
        found = {token for node in nodes for token in self._completes(node)}
        return [token for token in found if (after := self._after(state, token)) is not None and after[0]]

    def _after(self, state: StopState, token: int) -> StopState | None:
        surface = self.vocabulary.surfaces[token]
        if state[0]:
            return None
        if not surface:
            return 0, tuple(sorted({(node, self._one_more(n)) for node, n in state[1]}))
        under_way: list[Match] = []
        cuts: list[int] = []
        for node, tokens in (*state[1], (0, 0)):
            count = -1 if tokens < 0 else tokens + 1
            after = self._trie.follow(node, surface)
            if after in self._trie.wholes:
                cuts.append(count)
            elif after is not None:
                under_way.append((after, count))
        inner = self._within(surface)
        if -1 in cuts or (inner is None and not cuts):
            return None
        return (max(cuts), ()) if cuts else (0, tuple(sorted({*under_way, *(inner or ())})))

    def _one_more(self, tokens: int) -> int:
        """A match's token count after a token that prints nothing; long ones are given up, so that states stay few."""
        return tokens + 1 if 0 < tokens < self._longest else -1

    @cached_property
    def _trie(self) -> Trie:
        return Trie(self.strings)

    @cached_property
    def _longest(self) -> int:
        return max(len(string) for string in self.strings)

    def _within(self, surface: bytes) -> list[Match] | None:
        """The stop strings that begin inside the token; None if one is complete in it."""
        found: list[Match] = []
        for offset in range(1, len(surface)):
            if surface[offset] in self._trie.children[0]:
                after = self._trie.follow(0, surface[offset:])
                if after in self._trie.wholes:
                    return None
                found += [(after, -1)] if after is not None else []
        return found

    @cached_property
    def _widest(self) -> int:
        """The largest number of bytes that a token prints."""
        return max(map(len, self.vocabulary.surfaces), default=0)

    @cached_property
    def _nothing(self) -> TokenSet:
        return token_set(np.zeros(len(self.vocabulary), dtype=bool))

    @cached_property
    def _anything(self) -> TokenSet:
        array = np.ones(len(self.vocabulary), dtype=bool)
        for token, surface in enumerate(self.vocabulary.surfaces):
            if not self._trie.children[0].keys().isdisjoint(surface[1:]):
                array[token] = self._after((0, ()), token) is not None
        return token_set(array)

    @cached_property
    def _sorted(self) -> list[tuple[bytes, int]]:
        return sorted((surface, token) for token, surface in enumerate(self.vocabulary.surfaces) if surface)

    def _completes(self, node: int) -> list[int]:
        """The tokens that complete a string whose beginning is `node`."""
        if node not in self._completing:
            tokens = (token for rest in self._trie.rests(node, self._widest) for token in self._beginning_with(rest))
            self._completing[node] = list(dict.fromkeys(tokens))
        return self._completing[node]

    def _beginning_with(self, rest: bytes) -> list[int]:
        found: list[int] = []
        for surface, token in self._sorted[bisect_left(self._sorted, (rest, -1)) :]:
            if not surface.startswith(rest):
                break
            found.append(token)
        return found
