"""What the tokens of a vocabulary print, as arrays: the characters, the tokens that carry each, and a trie of them all.

All of it is computed by operations on whole arrays, since a real model's vocabulary has up to 262,144 tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, eq=False)
class TokenArrays:
    """The characters that whole tokens print, the tokens that carry each, and the trie of all tokens.

    `codes` [chars] are the code points of these characters, in the order in which the tokens first print them. Other
    arrays refer to a character by its index in `codes`. `lengths` [vocab] counts the characters of each token; it is -1
    where a token prints parts of characters.
    `carriers[starts[c] : starts[c + 1]]` are the tokens that carry character c, in ascending order. `places` gives the
    character's first position in each of them, counted from 0.
    The trie's nodes are numbered breadth-first from the root, node 0. Character `symbols[n]` leads to node n (0 for the
    root); that character first occurred on the path at depth `firsts[n]`. The children of node n are the nodes from
    `children[n]` up to `children[n + 1]`. `nodes` [vocab] is where each token ends, -1 for parts of characters.
    """

    codes: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray
    carriers: np.ndarray
    places: np.ndarray
    symbols: np.ndarray
    firsts: np.ndarray
    children: np.ndarray
    nodes: np.ndarray

    @cached_property
    def chars(self) -> str:
        """All characters that whole tokens print, each once."""
        return self.codes.astype("<u4").tobytes().decode("utf-32-le")

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The index of each character."""
        return {char: number for number, char in enumerate(self.chars)}

    def carrying(self, char: str) -> np.ndarray:
        """The tokens that print a character, alone or among others."""
        return self.carriers[self._span(char)]

    def carrying_before(self, char: str, place: int) -> np.ndarray:
        """The tokens that print it at a position before `place`, counted from 0."""
        span = self._span(char)
        return self.carriers[span][self.places[span] < place]

    def count(self, char: str) -> int:
        """How many tokens print a character."""
        span = self._span(char)
        return int(span.stop - (span.start or 0))

    def _span(self, char: str) -> slice:
        number = self.numbers.get(char)
        return slice(0) if number is None else slice(int(self.starts[number]), int(self.starts[number + 1]))

    @cached_property
    def levels(self) -> list[int]:
        """Where each level of the trie begins, and where the last one ends."""
        found = [0, 1]
        while found[-1] > found[-2]:
            found.append(int(self.children[found[-1]]))
        return found[:-1]

    @cached_property
    def single(self) -> np.ndarray:
        """The index of the one character that each token prints, -1 where it prints none or several, [vocab]."""
        return np.where(self.lengths == 1, self.symbols.astype(np.int64)[self.nodes], -1)

    @cached_property
    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """The tokens that print exactly one character, sorted by character, and where each character's tokens begin.

        The second array is [chars + 1]: its last entry is where the last character's tokens end.
        """
        ordered = self.single.argsort(kind="stable")[int((self.single < 0).sum()) :]
        return ordered, np.searchsorted(self.single[ordered], np.arange(len(self.codes) + 1))

    def printing(self, chars: Collection[str]) -> np.ndarray:
        """The tokens that print exactly one of these distinct characters."""
        tokens, starts = self.spans
        joined = "".join(chars)
        if len(joined) != len(chars):  # no token prints an item that is not one character
            joined = "".join([char for char in chars if len(char) == 1])
        places = self._places[np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")]
        places = places[places >= 0]
        firsts, counts = starts[places], starts[places + 1] - starts[places]
        if not (counts == 1).all():
            within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            firsts = np.repeat(firsts, counts) + within
        found: np.ndarray = tokens[firsts]
        return found

    @cached_property
    def _places(self) -> np.ndarray:
        """For each code point the index of its character, -1 where it has none."""
        found = np.full(0x110000, -1, dtype=np.int32)
        found[self.codes] = np.arange(len(self.codes), dtype=np.int32)
        return found

    def as_mapping(self) -> dict[str, np.ndarray]:
        """The arrays by their names."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


NAMES = tuple(each.name for each in fields(TokenArrays))
"""The names of the arrays."""


def from_mapping(arrays: Mapping[str, np.ndarray]) -> TokenArrays:
    """Rebuild the object from the result of `as_mapping`; KeyError if an array is missing."""
    return TokenArrays(**{name: arrays[name] for name in NAMES})


def make_arrays(texts: Sequence[str | None]) -> TokenArrays:
    """The arrays of tokens that print these texts (None: parts of characters)."""
    lengths = np.array([-1 if text is None else len(text) for text in texts], dtype=np.int32)
    every = np.frombuffer("".join(filter(None, texts)).encode("utf-32-le"), dtype="<u4")
    codes, chars = _numbered(every)
    token_of = np.repeat(np.arange(len(texts), dtype=np.int32), np.maximum(lengths, 0))
    offsets = np.concatenate([[0], np.cumsum(np.maximum(lengths, 0))])
    place_of = np.arange(len(every)) - offsets[token_of]
    order = np.argsort(chars, kind="stable")  # by character, then by token, then by place
    by_char, by_token = chars[order], token_of[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (by_char[1:] != by_char[:-1]) | (by_token[1:] != by_token[:-1])
    where_first = place_of[order][is_first]
    first_place = np.empty(len(order), dtype=np.int64)
    first_place[order] = where_first[np.cumsum(is_first) - 1]
    counts = np.bincount(by_char[is_first], minlength=len(codes))
    return TokenArrays(
        codes,
        lengths,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        by_token[is_first],
        _small(where_first),
        *_trie(lengths, offsets, chars, first_place, len(codes)),
    )


def _numbered(every: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct code points in order of first occurrence, and for each item the index of its code point."""
    firsts = np.full(0x110000, len(every))
    firsts[every[::-1]] = np.arange(len(every))[::-1]
    present = np.flatnonzero(firsts < len(every))
    codes = present[np.argsort(firsts[present], kind="stable")]
    number = np.zeros(0x110000, dtype=np.uint16 if len(codes) < 1 << 16 else np.int32)
    number[codes] = np.arange(len(codes))
    return codes.astype(np.uint32), number[every]


def _small(array: np.ndarray) -> np.ndarray:
    """The same non-negative integers in the smallest type that holds them."""
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))


def _trie(
    lengths: np.ndarray, offsets: np.ndarray, chars: np.ndarray, first_place: np.ndarray, count: int
) -> tuple[np.ndarray, ...]:
    """The trie of the tokens with whole characters, level by level: symbols, firsts, children, nodes."""
    nodes = np.where(lengths < 0, -1, 0)
    symbols, firsts = [np.zeros(1, dtype=np.int64)], [np.zeros(1, dtype=np.int64)]
    parents = [np.zeros(0, dtype=np.int64)]
    size, depth = 1, 0
    here = np.flatnonzero(lengths > 0)
    while len(here):
        at = offsets[here] + depth
        keys, inverse = different(nodes[here] * count + chars[at], size * count)
        nodes[here] = size + inverse
        first = np.empty(len(keys), dtype=np.int64)
        first[inverse] = first_place[at]
        symbols.append(keys % count)
        firsts.append(first)
        parents.append(keys // count)
        size, depth = size + len(keys), depth + 1
        here = here[lengths[here] > depth]
    counts = np.bincount(np.concatenate(parents), minlength=size)
    children = np.concatenate([[1], 1 + np.cumsum(counts)]).astype(np.int32)
    return _small(np.concatenate(symbols)), _small(np.concatenate(firsts)), children, nodes.astype(np.int32)


def different(keys: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct numbers among `keys` (0 <= key < `size`) in ascending order, and the index of each key in them."""
    if size > 8 * len(keys) + (1 << 16):
        found, inverse = np.unique(keys, return_inverse=True)
        return found, inverse
    present = np.zeros(size, dtype=bool)
    present[keys] = True
    number = np.cumsum(present) - 1
    return np.flatnonzero(present), number[keys]


def runs(ordered: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where each run of equal numbers in a sorted array begins and ends."""
    bounds = [*np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1)).tolist(), len(ordered)]
    return pairwise(bounds)
