"""Characters that must still come, and whether they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..memory import Memory, remembered
from ..text.token_sets import Mask, TokenSet, marked
from .product import Joint, Product
from .states import Node

NODES = 8192
"""For how many nodes the characters needed behind each edge are remembered."""

Wanted = tuple[tuple[str, ...], Mask, Mask]
"""Needed characters, a mask of tokens, and the mask of those tokens that print one of the characters."""

Asked = Callable[[Joint], Sequence[str]]
"""What a rule answers about a joint state."""


@dataclass(frozen=True, eq=False)
class Needs:
    """The characters that some rules of a product need, and others never permit again.

    `room` is the largest number of characters a text may have (None: unknown).
    """

    product: Product
    room: int | None
    _wanted: Memory[Node, Sequence[Wanted]] = remembered(NODES)

    def are_missed(self, joint: Joint) -> bool:
        """Whether one rule needs a character that another rule never permits again."""
        if self.room is None or not self._using_up:
            return False
        for needs in self._needy:
            wanted = needs(joint)
            if not wanted:
                continue
            for number, used_up in self._using_up:
                gone = used_up(joint)
                if gone is not None and (not gone.isdisjoint(wanted) or self._repeats(wanted, number)):
                    return True
        return False

    def suspects(self, joint: Joint, tokens: np.ndarray) -> np.ndarray:
        """The permitted tokens after which a needed character may be unavailable or have no place.

        A token uses up only the characters that it prints. So if the automaton knows what is needed behind each edge,
        few tokens remain to be checked.
        """
        if self._gathering or (self._needy and not self._is_known):
            return tokens
        if self.room is None or not self._using_up or not self._needy:
            return tokens[:0]
        gone = frozenset[str]().union(*(used_up(joint) or () for _, used_up in self._using_up))
        left = np.zeros(len(tokens), dtype=bool)
        for wanted, mask, printing in self._wanted_behind(joint.node):
            is_grim = not gone.isdisjoint(wanted) or any(self._repeats(wanted, number) for number, _ in self._using_up)
            left |= (mask if is_grim else printing).array[tokens]
        return tokens[left]

    @cached_property
    def _is_known(self) -> bool:
        """Whether the automaton knows all rules that need characters, and all tokens that may follow."""
        needy = (i for i, rule in enumerate(self.product.rules) if rule.promises.needs is not None)
        return self.product.table.is_complete and all(i in self.product.known for i in needy)

    def _wanted_behind(self, node: Node) -> Sequence[Wanted]:
        """What is needed behind the edges of a node.

        Each entry has the characters, the tokens of these edges, and the tokens among them that print one of the
        characters.
        """
        found = self._wanted.get(node)
        if found is None:
            edges: dict[tuple[str, ...], list[Mask]] = {}
            for mask, after in self.product.table.edges(node):
                if after is not None:
                    chars = tuple(char for needs in self._needy for char in needs(Joint(after, ())))
                    edges.setdefault(chars, []).append(mask)
            found = self._wanted.put(node, [self._of_edges(chars, masks) for chars, masks in edges.items() if chars])
        return found

    def _of_edges(self, chars: tuple[str, ...], masks: Sequence[Mask]) -> Wanted:
        intern, carriers = self.product.intern, self.product.vocabulary.carriers
        together = intern.mask(np.logical_or.reduce([mask.array for mask in masks]))
        tokens = {token for char in chars for token in carriers.get(char, ())}
        return chars, together, intern.meet_two(together, intern.mask(marked(tokens, len(self.product.vocabulary))))

    def gathered(self, joint: Joint) -> tuple[str, ...]:
        """The characters that must come in any order, each once."""
        if not self._gathering:
            return ()
        return tuple(dict.fromkeys(char for gathers in self._gathering for char in gathers(joint)))

    def due(self, joint: Joint, left: int) -> TokenSet | None:
        """The tokens of which one must come now, since every remaining place is needed; None if there is more room."""
        vocabulary, wanted = self.product.vocabulary, self.gathered(joint)
        if not wanted or len(wanted) < left or vocabulary.longest > 1 or vocabulary.partial:
            return None
        tokens = [token for char in wanted for token in vocabulary.singles.get(char, ())]
        return TokenSet(self.product.intern.mask(marked(tokens, len(vocabulary))))

    @property
    def gathers(self) -> bool:
        """Whether some rule wants characters in any order."""
        return bool(self._gathering)

    @cached_property
    def _gathering(self) -> list[Asked]:
        return [self._asked(i, own) for i, rule in enumerate(self.product.rules) if (own := rule.promises.gathers)]

    @cached_property
    def _needy(self) -> list[Asked]:
        return [self._asked(i, own) for i, rule in enumerate(self.product.rules) if (own := rule.promises.needs)]

    @cached_property
    def _using_up(self) -> list[tuple[int, Callable[[Joint], frozenset[str] | None]]]:
        using = ((i, rule.promises.never_again) for i, rule in enumerate(self.product.rules))
        return [(i, self._asked(i, partial(_in_room, own, self.room))) for i, own in using if own is not None]

    def _asked(self, number: int, method: Callable[[Any], Any]) -> Callable[[Joint], Any]:
        """A method of one rule, applied to joint states."""
        state_of = self.product.state_of(number)
        return lambda joint: method(state_of(joint))

    def _repeats(self, chars: Sequence[str], number: int) -> bool:
        """Whether a character occurs twice that rule `number` may forbid."""
        if len(set(chars)) == len(chars):
            return False
        singles, spares = self.product.vocabulary.singles, self.product.rules[number].promises.never_forbids
        twice = {char for char in chars if chars.count(char) > 1}
        return not all(spares(token) for char in twice for token in singles.get(char, ()))


def _in_room(
    used_up: Callable[[Any, int], frozenset[str] | None], room: int | None, state: Any
) -> frozenset[str] | None:
    return None if room is None else used_up(state, room)
