"""What follows a state of a rule, as few sets of tokens: one for each state that may come next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .alike import partition
from .patience import check
from .product import Rule
from .text import Vocabulary
from .tokensets import Intern, Mask

State = tuple[Any, ...]
"""One state for each of several rules."""

Move = tuple[Mask, Any]
"""Tokens that do the same, and the state they lead to (None: they complete a stop string)."""


@dataclass(frozen=True, eq=False)
class RuleMoves:
    """The moves of one rule, remembered; its own if it offers any, else one step for each kind of token."""

    rule: Rule
    intern: Intern
    usable: Mask
    single: bool = False
    _known: dict[Any, tuple[Move, ...]] = field(default_factory=dict, repr=False)

    def of(self, state: Any) -> tuple[Move, ...]:
        """Disjoint sets of usable tokens which together are what may follow `state`; none of them is empty."""
        found = self._known.get(state)
        if found is None:
            offered = self.rule.moves(state, single=self.single)
            moves = self._by_kind(state) if offered is None else self._own(offered)
            found = self._known[state] = tuple((mask, after) for mask, after in moves if mask.size)
        return found

    def _own(self, offered: Iterable[tuple[Any, Any]]) -> Iterable[Move]:
        for tokens, after in offered:
            mask = tokens if isinstance(tokens, Mask) else self.intern.mask(np.asarray(tokens, dtype=bool))
            yield self.intern.meet_masks([mask, self.usable]), self._past(after)

    def _past(self, after: Any) -> Any:
        """The state, or None where a stop string is complete."""
        return None if self.rule.cut is not None and self.rule.cut(after) else after

    @cached_property
    def _classes(self) -> np.ndarray:
        kinds = self.rule.kinds
        assert kinds is not None
        return partition([kinds], len(kinds))

    @cached_property
    def _samples(self) -> list[int]:
        """One usable token of each class, -1 where it has none."""
        found = np.full(int(self._classes.max(initial=-1)) + 1, -1)
        ids = self.usable.array.nonzero()[0][::-1]
        found[self._classes[ids]] = ids
        return [int(token) for token in found]

    def _by_kind(self, state: Any) -> Iterable[Move]:
        numbers: dict[Any, int] = {}
        lookup = np.full(len(self._samples), -1)
        for kind, token in enumerate(self._samples):
            if token >= 0 and self.rule.permits(state, token):
                after = self._past(self.rule.constraint.next(state, token))
                lookup[kind] = numbers.setdefault(after, len(numbers))
        where = lookup[self._classes]
        for after, number in numbers.items():
            yield self.intern.mask((where == number) & self.usable.array), after


@dataclass(frozen=True, eq=False)
class JointMoves:
    """The moves of several rules at once, without the tokens that print parts of characters; of those that print one
    character only, if `single`."""

    rules: tuple[Rule, ...]
    vocabulary: Vocabulary
    intern: Intern
    single: bool = False

    @cached_property
    def _usable(self) -> Mask:
        lengths = self.vocabulary.arrays.lengths
        return self.intern.mask(self.vocabulary.is_usable & (lengths == 1 if self.single else lengths >= 0))

    @cached_property
    def _each(self) -> list[Callable[[Any], tuple[Move, ...]]]:
        return [RuleMoves(rule, self.intern, self._usable, self.single).of for rule in self.rules]

    def of(self, state: State) -> list[tuple[Mask, State | None]]:
        """Disjoint sets of tokens which together are what may follow, each with the joint state that does."""
        found: list[tuple[Mask, State | None]] = [(self._usable, ())]
        meet = self.intern.meet_masks
        for moves, part in zip(self._each, state, strict=True):
            options = moves(part)
            longer: list[tuple[Mask, State | None]] = []
            for mask, before in found:
                check()
                for option, after in options:
                    both = meet((mask, option))
                    if both.size:
                        ended = before is None or after is None
                        longer.append((both, None if ended else (*before, after)))  # type: ignore[misc]
            found = longer
        return found
