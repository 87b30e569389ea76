"""Characters that must still come, and whether they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .product import Joint, Product
from .tokensets import TokenSet, marked


@dataclass(frozen=True, eq=False)
class Needs:
    """What some rules of a product need, and others let never come again; `room` is how many characters a text may
    have at most (None: unknown)."""

    product: Product
    room: int | None

    def are_missed(self, joint: Joint) -> bool:
        """Whether one rule needs a character that never comes again by another."""
        if self.room is None or not self._using_up:
            return False
        for i, needs in self._needy:
            wanted = needs(joint.states[i])
            if not wanted:
                continue
            for j in self._using_up:
                gone = self.product.rules[j].used_up(joint.states[j], self.room)
                if gone is not None and (not gone.isdisjoint(wanted) or self._repeats(wanted, j)):
                    return True
        return False

    def gathered(self, joint: Joint) -> tuple[str, ...]:
        """The characters that need only come, in any order, each once."""
        if not self._gathering:
            return ()
        return tuple(dict.fromkeys(char for i, gathers in self._gathering for char in gathers(joint.states[i])))

    def due(self, joint: Joint, left: int) -> TokenSet | None:
        """The tokens of which one must come now, since so many must come as are left; None if there is more room."""
        vocabulary, wanted = self.product.vocabulary, self.gathered(joint)
        if not wanted or len(wanted) < left or vocabulary.longest > 1 or vocabulary.partial:
            return None
        tokens = [token for char in wanted for token in vocabulary.singles.get(char, ())]
        return TokenSet(self.product.intern.mask(marked(tokens, len(vocabulary))))

    @cached_property
    def _gathering(self) -> list[tuple[int, Callable[[Any], Sequence[str]]]]:
        return [(i, rule.gathers) for i, rule in enumerate(self.product.rules) if rule.gathers is not None]

    def _repeats(self, chars: Sequence[str], number: int) -> bool:
        """Whether a character comes twice that the rule of this number does not spare."""
        if len(set(chars)) == len(chars):
            return False
        singles, spares = self.product.vocabulary.singles, self.product.rules[number].spares
        twice = {char for char in chars if chars.count(char) > 1}
        return not all(spares(token) for char in twice for token in singles.get(char, ()))

    @cached_property
    def _needy(self) -> list[tuple[int, Callable[[Any], Sequence[str]]]]:
        return [(i, rule.needs) for i, rule in enumerate(self.product.rules) if rule.needs is not None]

    @cached_property
    def _using_up(self) -> list[int]:
        return [i for i, rule in enumerate(self.product.rules) if rule.uses_up]
