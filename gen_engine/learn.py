"""What makes tokens behave alike under a rule that does not say so, found out by running the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .alike import Keys, partition
from .patience import check
from .text import Vocabulary

STATES = 64
"""How many states of a rule are explored before it is left alone."""

RUNS = 400_000
"""And how often it is run, in tokens times states."""


@dataclass
class Learner:
    """Explores the states of one rule as long as they are few; tokens that do the same in all of them are alike.

    `kinds` is a key for each token, None while nothing was explored and for good once there are too many states;
    `version` tells one answer from the next. Vocabularies with parts of characters are not explored: what these spell
    could lead to states that no whole token leads to.
    """

    vocabulary: Vocabulary
    permits: Callable[[Any, int], bool]
    next: Callable[[Any, int], Any]
    kinds: Keys | None = None
    version: int = 0
    _effects: dict[Any, list[int]] = field(default_factory=dict)
    _numbers: dict[Any, int] = field(default_factory=dict)
    _is_hopeless: bool = False

    def cover(self, state: Any) -> int:
        """Make sure that `kinds` holds in every state that follows `state`; the version that does."""
        if self._is_hopeless or state in self._effects:
            return self.version
        self.version += 1
        self._is_hopeless = bool(self.vocabulary.partial) or not self._explore(state)
        self.kinds = None if self._is_hopeless else self._compare()
        return self.version

    def _explore(self, start: Any) -> bool:
        """Run every token in every state that follows; whether these were few."""
        usable = self.vocabulary.usable
        waiting = [start]
        while waiting:
            state = waiting.pop()
            if state in self._effects:
                continue
            check()
            effects = [-1] * len(self.vocabulary)
            for token in usable:
                if self.permits(state, token):
                    after = self.next(state, token)
                    if after not in self._numbers:
                        self._numbers[after] = len(self._numbers)
                        waiting.append(after)
                        if len(self._numbers) > STATES:
                            return False
                    effects[token] = self._numbers[after]
            self._effects[state] = effects
            if len(self._effects) * len(usable) > RUNS:
                return False
        return True

    def _compare(self) -> np.ndarray:
        return partition([np.array(effects) for effects in self._effects.values()], len(self.vocabulary))
