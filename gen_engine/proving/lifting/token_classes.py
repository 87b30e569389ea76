"""Which tokens behave alike under a rule that does not say so, found out by running the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...memory import Memory, remembered
from ...patience import check
from ...text.vocabulary import Vocabulary
from .partitions import Keys, partition

STATES = 64
"""The most states of a rule that are explored; a rule with more gets no classes."""

RUNS = 400_000
"""The most runs of a rule, in tokens times states."""

STARTS = 64
"""For how many beginnings the answer is remembered."""


@dataclass(frozen=True, eq=False)
class TokenClasses:
    """Explores the states of one rule while they are few; tokens with the same effect in all of them are alike.

    Vocabularies with parts of characters are not explored: what they spell could lead to states that no whole token
    leads to.
    """

    vocabulary: Vocabulary
    permits: Callable[[Any, int], bool]
    next: Callable[[Any, int], Any]
    _known: Memory[Any, np.ndarray | None] = remembered(STARTS)

    def kinds(self, start: Any) -> Keys | None:
        """A key for each token that is valid in every state reachable from `start`; None if there are too many states.

        The answer depends on `start` alone. If earlier exploration counted, it would change how later requests are
        searched.
        """
        if self.vocabulary.partial:
            return None
        if start not in self._known:
            self._known.put(start, self._explore(start))
        return self._known.get(start)

    def _explore(self, start: Any) -> np.ndarray | None:
        """Run every token in every reachable state; None if there are too many."""
        usable = self.vocabulary.usable
        numbers: dict[Any, int] = {start: 0}
        effects: list[np.ndarray] = []
        waiting = [start]
        while waiting:
            state = waiting.pop()
            check()
            own = np.full(len(self.vocabulary), -1)
            for token in usable:
                if self.permits(state, token):
                    after = self.next(state, token)
                    if after not in numbers:
                        numbers[after] = len(numbers)
                        waiting.append(after)
                        if len(numbers) > STATES:
                            return None
                    own[token] = numbers[after]
            effects.append(own)
            if len(effects) * len(usable) > RUNS:
                return None
        return partition(effects, len(self.vocabulary))
