"""History rules over tokens of several characters: which tokens may follow, without testing each.

Answers differ for each history, so they are not remembered. Facts that hold for all states are stored as arrays. What
a state mentions is looked up among the tokens that carry a character.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...memory import Memory, remembered
from ...patience import check
from ...text.token_sets import TokenSet
from ...text.vocabulary import Vocabulary
from ...types import CharMachine
from .walks import KindTrie, kind_trie

COMMON = 2048
"""For characters carried by more tokens than this, the set of tokens without them is remembered."""

REMEMBERED = 512
"""For how many pairs of a character and a number of places it is remembered."""


@dataclass(frozen=True, eq=False)
class Narrowing:
    """A machine whose states mention characters. `kind` is its own; `permits` judges one token of whole characters."""

    machine: CharMachine
    kind: Callable[[str], Hashable]
    vocabulary: Vocabulary
    permits: Callable[[Any, int], bool]
    _free: Memory[tuple[str, int], np.ndarray] = remembered(REMEMBERED)

    def among(self, state: Any, tokens: TokenSet) -> np.ndarray:
        """Which of the `tokens` with whole characters may follow a state; a new bool array, [vocab]."""
        arrays = self.vocabulary.arrays
        bars, spent = getattr(self.machine, "bars", None), getattr(self.machine, "only_forbids_repeats_of", None)
        if callable(bars):
            barred = list(bars(state))
            common = [self._free_of(*bar) for bar in barred if arrays.count(bar[0]) > COMMON]
            # Intersect packed bits, an eighth of the bytes, and unpack the result once.
            free = self._as_array(np.bitwise_and.reduce([_bits(tokens), self._never_barred, *common]))
            for char, places in barred:
                if arrays.count(char) <= COMMON:
                    free[arrays.carrying_before(char, places)] = False
            return free
        taken = spent(state) if callable(spent) else None
        array = tokens.to_array()
        if taken is None:
            found = np.zeros(len(array), dtype=bool)
            doubtful = (array & (arrays.lengths >= 0)).nonzero()[0]
        else:
            found = self._as_array(_bits(tokens) & self._unrepeating_bits)
            parts = [self._repeating, *map(arrays.carrying, taken)]
            doubtful = np.unique(np.concatenate([part[array[part]] for part in parts]))
        found[doubtful] = self._ask_for_each_kind(state, doubtful)
        return found

    def _as_array(self, bits: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.unpackbits(bits, count=len(self.vocabulary)).view(bool)
        return found

    def _free_of(self, char: str, places: int) -> np.ndarray:
        """The tokens without `char` at their first `places` places, as bits; remembered."""
        key = char, min(places, self.vocabulary.longest)
        found = self._free.get(key)
        if found is None:
            array = np.ones(len(self.vocabulary), dtype=bool)
            array[self.vocabulary.arrays.carrying_before(*key)] = False
            found = self._free.put(key, np.packbits(array))
        return found

    @cached_property
    def _never_barred(self) -> np.ndarray:
        """The tokens of whole characters that may follow where nothing is barred, as bits."""
        found = self.vocabulary.is_usable & (self.vocabulary.arrays.lengths >= 0)
        tokens = found.nonzero()[0]
        found[tokens] = self._ask_for_each_kind(self.machine.start(""), tokens)
        return np.packbits(found)

    @cached_property
    def _unrepeating(self) -> np.ndarray:
        """The tokens of whole characters in which no character occurs twice, unless it is spared, [vocab]."""
        arrays, spares = self.vocabulary.arrays, getattr(self.machine, "never_forbids", None)
        spared = np.array([bool(spares(char)) if callable(spares) else False for char in arrays.chars] + [False])
        twice = np.zeros(len(arrays.symbols) + 1, dtype=bool)
        levels = zip(arrays.levels, arrays.levels[1:], arrays.levels[2:], strict=False)
        for depth, (above, low, high) in enumerate(levels):
            before = np.repeat(twice[above:low], np.diff(arrays.children[above : low + 1]))
            again = (arrays.firsts[low:high] < depth) & ~spared[arrays.symbols[low:high]]
            twice[low:high] = before | again
        found: np.ndarray = (arrays.lengths >= 0) & ~twice[arrays.nodes]
        return found

    @cached_property
    def _unrepeating_bits(self) -> np.ndarray:
        return np.packbits(self._unrepeating)

    @cached_property
    def _repeating(self) -> np.ndarray:
        """The other tokens of whole characters, in order."""
        found: np.ndarray = ((self.vocabulary.arrays.lengths >= 0) & ~self._unrepeating).nonzero()[0]
        return found

    def _ask_for_each_kind(self, state: Any, tokens: np.ndarray) -> np.ndarray:
        """Which tokens may follow; one token of each kind stands for those that the state does not mention."""
        is_mentioned = self._mentioned(state)[tokens]
        found = np.zeros(len(tokens), dtype=bool)
        free = (~is_mentioned).nonzero()[0]
        classes = self._kinds.nodes[tokens[free]]
        _, firsts, inverse = np.unique(classes, return_index=True, return_inverse=True)
        found[free] = self._ask(state, tokens[free[firsts]])[inverse]
        found[is_mentioned] = self._ask(state, tokens[is_mentioned])
        return found

    def _ask(self, state: Any, tokens: np.ndarray) -> np.ndarray:
        check()
        return np.array([self.permits(state, token) for token in tokens.tolist()], dtype=bool)

    def _mentioned(self, state: Any) -> np.ndarray:
        """The tokens that carry a character that the state mentions, [vocab]."""
        found = np.zeros(len(self.vocabulary), dtype=bool)
        mentions: Any = self.machine
        for char in mentions.mentions(state):
            found[self.vocabulary.arrays.carrying(char)] = True
        return found

    @cached_property
    def _kinds(self) -> KindTrie:
        return kind_trie(self.vocabulary.arrays, self.kind, repeats=True)


def _bits(tokens: TokenSet) -> np.ndarray:
    """A set as bits; those of its mask if nothing is removed or added."""
    is_mask = tokens.removed_at_most == 0 and not tokens.plus
    return tokens.mask.bits if is_mask else np.packbits(tokens.to_array())
