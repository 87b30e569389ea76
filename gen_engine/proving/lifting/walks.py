"""Walks of a machine along a trie of tokens: where each token leads from a state, for all tokens at once.

Tokens whose characters have the same sequence of kinds share one path of the trie. The machine takes each step once per
state and kind; all nodes with that step look it up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ...memory import Memory, remembered
from ...patience import check
from ...text.char_sets import CharSet
from ...text.token_arrays import TokenArrays, different, runs
from ...text.token_sets import REMEMBERED, Mask

UNKNOWN = -2
"""The mark for what is not computed yet; -1 marks what is forbidden."""

STEPS = 1 << 24
"""The most steps of a machine that are remembered."""


PARTITIONS = 256
"""How many ways to group tokens by where they lead are remembered."""


@dataclass(frozen=True, eq=False)
class KindTrie:
    """A trie of strings of kinds. Nodes are numbered breadth-first, as in `TokenArrays`.

    `reps[k]` is a character of kind k. `symbols` [nodes] is the kind by which a node is reached. For a repeated
    character it is instead the number of kinds plus the depth of its first occurrence. `nodes` [vocab] is where each
    token ends; it is the number of nodes where a token prints parts of characters.
    """

    reps: str
    symbols: np.ndarray
    children: np.ndarray
    nodes: np.ndarray

    def __len__(self) -> int:
        return len(self.symbols)


def numbered(keys: Iterable[Hashable], count: int) -> tuple[np.ndarray, list[int]]:
    """A number for each of `count` keys, and the first index of each number.

    Equal keys share a number; numbers count from 0 by first occurrence.
    """
    numbers: dict[Hashable, int] = {}
    found = np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64, count=count)
    firsts = np.full(len(numbers), count)
    firsts[found[::-1]] = np.arange(count)[::-1]
    return found, firsts.tolist()


def kind_trie(arrays: TokenArrays, kind: Callable[[str], Hashable] | None, *, repeats: bool = False) -> KindTrie:
    """The trie of a vocabulary by kinds of characters (None: each character is its own kind).

    With `repeats` it also marks where a character occurs again.
    """
    outside = np.where(arrays.nodes < 0, len(arrays.symbols), arrays.nodes)
    if kind is None and not repeats:
        return KindTrie(arrays.chars, arrays.symbols, arrays.children, outside)
    keys = arrays.chars if kind is None else [kind(char) for char in arrays.chars]
    kinds, firsts = numbered(keys, len(arrays.chars))
    symbols = np.append(kinds, 0)[arrays.symbols]
    count = len(firsts)
    if repeats:
        depths = np.repeat(np.arange(len(arrays.levels) - 1), np.diff(arrays.levels)) - 1
        symbols = np.where(arrays.firsts < depths, count + arrays.firsts.astype(np.int64), symbols)
        count += len(arrays.levels)
    reps = "".join([arrays.chars[place] for place in firsts])
    return _joined(arrays, symbols, count, reps)


def _joined(arrays: TokenArrays, symbols: np.ndarray, count: int, reps: str) -> KindTrie:
    """The trie after merging nodes that are reached by the same symbols, level by level."""
    joined = np.zeros(len(symbols) + 1, dtype=np.int64)
    degrees = np.diff(arrays.children)
    found, parents = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    size, before = 1, 0
    for above, low, high in zip(arrays.levels, arrays.levels[1:], arrays.levels[2:], strict=False):
        parent = np.repeat(joined[above:low], degrees[above:low]) - before
        keys, places = different(parent * count + symbols[low:high], (size - before) * count)
        joined[low:high] = size + places
        found.append(keys % count)
        parents.append(keys // count + before)
        before, size = size, size + len(keys)
    counts = np.bincount(np.concatenate(parents), minlength=size)
    children = np.concatenate([[1], 1 + np.cumsum(counts)])
    joined[-1] = size
    return KindTrie(reps, np.concatenate(found), children, joined[arrays.nodes])


@dataclass(frozen=True, eq=False)
class Landings:
    """The `nodes` of a trie at which some tokens end; those of node i are `tokens[starts[i] : starts[i + 1]]`.

    `made` makes a mask of tokens.
    """

    nodes: np.ndarray
    tokens: np.ndarray
    starts: np.ndarray
    made: Callable[[np.ndarray], Mask]
    _masks: Memory[tuple[int, bytes], list[Mask]] = remembered(PARTITIONS)

    @classmethod
    def of(cls, tokens: np.ndarray, nodes: np.ndarray, made: Callable[[np.ndarray], Mask]) -> Landings:
        """Where these tokens end; `nodes` [vocab] is the end of every token."""
        ordered = tokens[np.argsort(nodes[tokens], kind="stable")]
        found, starts = np.unique(nodes[ordered], return_index=True)
        return cls(found, ordered, np.append(starts, len(ordered)), made)

    def parted(self, ends: np.ndarray) -> Iterator[tuple[Mask, int]]:
        """The tokens grouped by what their nodes lead to (`ends` [nodes]), in order of first occurrence, without -1.

        The groups are remembered, since very many states group the tokens in the same way.
        """
        states, firsts, inverse = np.unique(ends, return_index=True, return_inverse=True)
        firsts[states < 0] = len(ends)  # nodes that lead nowhere come last
        order = np.argsort(firsts, kind="stable")
        numbers = np.argsort(order)[inverse]
        count = int((states >= 0).sum())
        key = count, numbers.astype(np.min_scalar_type(count)).tobytes()
        masks = self._masks.get(key)
        if masks is None:
            masks = self._masks.put(key, self._parts(numbers, count))
        yield from zip(masks, states[order].tolist(), strict=False)

    def _parts(self, numbers: np.ndarray, count: int) -> list[Mask]:
        of_token = np.repeat(numbers, np.diff(self.starts))
        order = np.argsort(of_token, kind="stable")
        bounds = np.searchsorted(of_token[order], np.arange(count + 1)).tolist()
        return [self.made(self.tokens[order[first:last]]) for first, last in pairwise(bounds)]


@dataclass(frozen=True, eq=False)
class Walker:
    """A machine along a trie; its states are numbered on first visit, and what follows them is remembered."""

    step: Callable[[Any, str], Any]
    transitions: Callable[[Any], Iterable[tuple[CharSet, Any]]] | None
    trie: KindTrie
    states: list[Any] = field(default_factory=list, repr=False)
    _numbers: dict[Any, int] = field(default_factory=dict, repr=False)
    _rows: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    _sets: dict[CharSet, np.ndarray] = field(default_factory=dict, repr=False)
    _bases: dict[CharSet, np.ndarray] = field(default_factory=dict, repr=False)

    def ends(self, state: Any, depth: int) -> np.ndarray:
        """For each node of the trie the number of the state after it, [nodes + 1]; the last entry is -1.

        It is -1 where a node is forbidden or deeper than `depth`.
        """
        if len(self._numbers) * len(self.trie.reps) > STEPS:
            for memory in (self.states, self._numbers, self._rows, self._sets, self._bases):
                memory.clear()
        found = np.full(len(self.trie) + 1, -1)
        found[0] = self._number(state)
        here = np.zeros(1, dtype=np.int64)
        while len(here) and depth:
            check()
            depth -= 1
            firsts = self.trie.children[here].astype(np.int64)
            counts = self.trie.children[here + 1] - firsts
            below = np.repeat(firsts - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
            found[below] = behind = self._follow(np.repeat(found[here], counts), self.trie.symbols[below])
            here = below[behind >= 0]
        return found

    def _number(self, state: Any) -> int:
        number = self._numbers.get(state)
        if number is None:
            number = self._numbers[state] = len(self.states)
            self.states.append(state)
        return number

    def _follow(self, numbers: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """The state that each of these states leads to by its symbol."""
        if len(numbers) and (numbers == numbers[0]).all():
            return self._along(int(numbers[0]), symbols)
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        behind = np.empty(len(numbers), dtype=np.int64)
        for first, last in runs(ordered):
            which = order[first:last]
            behind[which] = self._along(int(ordered[first]), symbols[which])
        return behind

    def _along(self, number: int, symbols: np.ndarray) -> np.ndarray:
        """The states that one state leads to by each of these symbols."""
        row = self._row(number)
        found: np.ndarray = row[symbols]
        if self.transitions is None and (unknown := np.unique(symbols[found == UNKNOWN])).size:
            self._fill(row, number, unknown)
            found = row[symbols]
        return found

    def _row(self, number: int) -> np.ndarray:
        row = self._rows.get(number)
        if row is None:
            row = self._rows[number] = np.full(len(self.trie.reps), UNKNOWN, dtype=np.int32)
            if self.transitions is not None:
                row[:] = -1
                for chars, after in self.transitions(self.states[number]):
                    row[self._members(chars)] = self._number(after)
        return row

    def _members(self, chars: CharSet) -> np.ndarray:
        """The kinds whose characters are in a set."""
        found = self._sets.get(chars)
        if found is None:
            found = self._base(chars.kind) ^ chars.inverted
            found[[self._places[char] for char in self._places.keys() & chars.minus]] = False
            found[[self._places[char] for char in self._places.keys() & chars.plus]] = True
            if len(self._sets) > REMEMBERED:
                self._sets.clear()
            self._sets[chars] = found
        return found

    @cached_property
    def _places(self) -> dict[str, int]:
        return {char: place for place, char in enumerate(self.trie.reps)}

    def _base(self, kind: Any) -> np.ndarray:
        """The kinds whose characters are in the base set `kind` of a `CharSet`; a new array."""
        if isinstance(kind, frozenset):
            found = np.zeros(len(self.trie.reps), dtype=bool)
            found[[self._places[char] for char in self._places.keys() & kind]] = True
            return found
        plain = CharSet(kind)
        if plain not in self._bases:
            self._bases[plain] = np.array([plain.in_base(char) for char in self.trie.reps], dtype=bool)
        return self._bases[plain].copy()

    def _fill(self, row: np.ndarray, number: int, symbols: np.ndarray) -> None:
        state, step = self.states[number], self.step
        for symbol in symbols.tolist():
            after = step(state, self.trie.reps[symbol])
            row[symbol] = -1 if after is None else self._number(after)
