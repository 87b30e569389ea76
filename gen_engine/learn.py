"""What makes tokens behave alike under a rule that does not say so, found out by running the rule."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from .memory import Memory, remembered
from .patience import check
from .text import Vocabulary

STATES = 64
"""How many states of a rule are explored before it is left alone."""

RUNS = 400_000
"""And how often it is run, in tokens times states."""

STARTS = 64
"""For how many beginnings the answer is remembered."""


@dataclass(frozen=True, eq=False)
class Learner:
    """Explores the states of one rule as long as they are few; tokens that do the same in all of them are alike.

    Vocabularies with parts of characters are not explored: what these spell could lead to states that no whole token
    leads to.
    """

    vocabulary: Vocabulary
    permits: Callable[[Any, int], bool]
    next: Callable[[Any, int], Any]
    _known: Memory[Any, Sequence[Hashable]] = remembered(STARTS)

    def kinds(self, start: Any) -> Sequence[Hashable] | None:
        """A key for each token, which holds in every state that follows `start`; None if these are too many.

        It is a function of `start` alone: that more was explored before would change how a later request is searched.
        """
        if self.vocabulary.partial:
            return None
        known = self._known.get(start)
        if known is None:
            known = self._known.put(start, self._explore(start))
        return known or None

    def _explore(self, start: Any) -> Sequence[Hashable]:
        """Run every token in every state that follows; () if these are too many."""
        usable = self.vocabulary.usable
        numbers: dict[Any, int] = {start: 0}
        effects: list[list[int]] = []
        waiting = [start]
        while waiting:
            state = waiting.pop()
            check()
            own = [-1] * len(self.vocabulary)
            for token in usable:
                if self.permits(state, token):
                    after = self.next(state, token)
                    if after not in numbers:
                        numbers[after] = len(numbers)
                        waiting.append(after)
                        if len(numbers) > STATES:
                            return ()
                    own[token] = numbers[after]
            effects.append(own)
            if len(effects) * len(usable) > RUNS:
                return ()
        return list(zip(*effects, strict=True))
