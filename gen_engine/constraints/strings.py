"""The machines behind `ban`, `only`, `no_unk` and `no_special`."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..errors import GenError
from ..text.char_sets import CLASSES, CharSet, Ranges
from ..text.token_sets import Mask, TokenSet, token_set
from ..text.vocabulary import Vocabulary, in_a_row
from ..types import Prompt

SHOWN = 6
"""How many items a message lists before it counts the rest."""


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
    assert not isinstance(chars.kind, Ranges)  # only automata use ranges, and they describe themselves
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
    """Every character is in this set. There is one state."""

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

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        """All allowed characters lead to the one state."""
        return [(self.chars, 0)]

    def describe_next(self, state: int) -> str:
        """What may follow, in words."""
        return in_words(self.chars)


@dataclass(frozen=True)
class BannedStrings:
    """State: the node of the text's longest suffix that begins a banned string (Aho and Corasick 1975).

    `chars` are the characters that the text may contain at all.
    """

    chars: CharSet
    strings: tuple[str, ...]
    # At most one for each beginning of a string.
    _known: dict[int, list[tuple[CharSet, int]]] = field(default_factory=dict, repr=False, compare=False)

    def start(self, text: str) -> int:
        return 0

    @cached_property
    def _machine(self) -> tuple[list[dict[str, int]], list[int], set[int]]:
        """For each node its children and its longest proper suffix node; and the nodes that end in a banned string."""
        children: list[dict[str, int]] = [{}]
        full: set[int] = set()
        for string in self.strings:
            node = 0
            for char in string:
                if char not in children[node]:
                    children.append({})
                    children[node][char] = len(children) - 1
                node = children[node][char]
            full.add(node)
        shorter = [0] * len(children)
        waiting = deque(children[0].values())
        while waiting:
            node = waiting.popleft()
            full |= {node} if shorter[node] in full else set()
            waiting += children[node].values()
            for char, child in children[node].items():
                shorter[child] = _longest_end(children, shorter, shorter[node], char)
        return children, shorter, full

    @cached_property
    def _parts(self) -> frozenset[str]:
        return frozenset(char for string in self.strings for char in string)

    def step(self, state: int, char: str) -> int | None:
        children, shorter, full = self._machine
        after = _longest_end(children, shorter, state, char)
        return None if char not in self.chars or after in full else after

    def accepts(self, state: int) -> bool:
        return True

    def kind(self, char: str) -> Hashable:
        return char not in self.chars or (char if char in self._parts else False)

    def allowed(self, state: int) -> CharSet:
        return without(self.chars, self.completing(state))

    def completing(self, state: int) -> frozenset[str]:
        """The characters that would complete a banned string."""
        children, _, full = self._machine
        begun = (children[node].items() for node in self._begun(state))
        return frozenset(char for each in begun for char, child in each if child in full).union(self._whole)

    @cached_property
    def _whole(self) -> frozenset[str]:
        """Banned strings of one character."""
        return frozenset(string for string in self.strings if len(string) == 1)

    def _begun(self, state: int) -> Iterator[int]:
        """The nodes of all non-empty suffixes of the text that begin a banned string."""
        while state:
            yield state
            state = self._machine[1][state]

    @cached_property
    def most(self) -> int:
        """The largest number of characters that complete a banned string in any one state."""
        return max(map(len, map(self.completing, range(len(self._machine[0])))))

    @cached_property
    def lasts(self) -> frozenset[str]:
        """The last characters of the banned strings."""
        return frozenset(string[-1] for string in self.strings)

    def _odd(self, state: int) -> set[str]:
        """The characters that may lead to a node other than the root."""
        children = self._machine[0]
        return set(children[0]).union(*(children[node] for node in self._begun(state)))

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        """The characters that extend a beginning, grouped by the state they lead to, and all others."""
        if state not in self._known:
            grouped: dict[int, set[str]] = {}
            odd = frozenset(self._odd(state))
            for char in odd:
                after = self.step(state, char)
                if after is not None:
                    grouped.setdefault(after, set()).add(char)
            begun = [(CharSet(frozenset(group)), after) for after, group in grouped.items()]
            self._known[state] = [*begun, (without(self.chars, odd), 0)]
        return self._known[state]

    def describe_next(self, state: int) -> str:
        """What may not follow, in words."""
        return in_words(self.allowed(state))


@dataclass(frozen=True)
class ManyStrings:
    """Banned strings that are too many for the automaton, which would need a state for each of their prefixes.

    They are a counted rule instead: at any place they forbid only the few characters that would complete one.
    """

    machine: BannedStrings

    def start(self, text: str) -> int:
        return self.machine.start(text)

    def step(self, state: int, char: str) -> int | None:
        return self.machine.step(state, char)

    def accepts(self, state: int) -> bool:
        return True

    def allowed(self, state: int) -> CharSet:
        return self.machine.allowed(state)

    def kind(self, char: str) -> Hashable:
        return self.machine.kind(char)

    def mentions(self, state: int) -> frozenset[str]:
        """The characters that would complete a banned string now."""
        return self.machine.completing(state)

    def removes_at_most(self, horizon: int) -> int:
        return self.machine.most

    def never_forbids(self, char: str) -> bool:
        return char not in self.machine.lasts

    def describe_next(self, state: int) -> str:
        """What may not follow, in words."""
        return in_words(self.allowed(state))


@dataclass(frozen=True, eq=False)
class BannedTokens:
    """Forbids certain tokens everywhere. There is one state."""

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

    def kinds(self) -> np.ndarray:
        return self._set.to_array()

    def transitions(self, state: int) -> list[tuple[Mask, int]]:
        """All other tokens lead to the one state."""
        return [(self._set.mask, 0)]

    def describe_next(self, state: int) -> str:
        """What is banned, in words."""
        names = [self.vocabulary.names[token] for token in sorted(self.banned)]
        return f"any token but {_listed(names)}" if names else "any token"


def _longest_end(children: Sequence[dict[str, int]], shorter: Sequence[int], node: int, char: str) -> int:
    """The node of the longest suffix of the string of `node` followed by `char`."""
    while node and char not in children[node]:
        node = shorter[node]
    return children[node].get(char, 0)


def given(name: str, items: Iterable[str]) -> tuple[str, ...]:
    """The non-empty ones of what a processor was given. Raises GenError if there are none."""
    items = (items,) if isinstance(items, str) else tuple(items)
    kept = tuple(item for item in items if item)
    if not kept:
        raise GenError(f"{name} needs a value; write it as {name}=VALUE.")
    return kept
