"""Which of many tokens have a text behind them: what decoders ask of one token at a time, answered for whole sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from .chain import Plan
from .product import Joint
from .prover import Answer

STATES = 4096
"""For how many states the answers are remembered."""


@dataclass(eq=False)
class Living:
    """Tells the tokens that have a witness behind them from those that have none, for one plan.

    Tokens that behave alike share one proof, and answers are remembered. `exact` turns False where a search ended at
    its limit: such a token is taken for dead.
    """

    plan: Plan
    exact: bool = True
    _known: dict[tuple[Joint, int], dict[tuple[str, int], Answer]] = field(default_factory=dict, repr=False)

    def among(self, joint: Joint, left: int, tokens: Iterable[int]) -> set[int]:
        """Those of `tokens`, all of them permitted, behind which a text of at most `left` tokens, this one included."""
        tokens = list(tokens)
        return set(tokens) - self.dead(joint, left, tokens)[0]

    def dead(
        self, joint: Joint, left: int, tokens: Sequence[int], doubts: float = inf, searches: float = inf
    ) -> tuple[set[int], int]:
        """The others, and how many of them are only taken for dead, since their searches ended at their limit.

        After so many `doubts` the tokens that stand behind are not asked about; after so many `searches`, only those
        are of which an answer is known without one.
        """
        if len(self._known) > STATES:
            self._known.clear()
        sure = self.plan.prover.unfailing(joint, np.array(tokens, dtype=np.int64), left - 1).tolist()
        if all(sure):
            return set(), 0
        known = self._known.setdefault((joint, left), {})
        mentioned, group_of = self.plan.prover.mentioned(joint), self.plan.prover.group_of
        found: set[int] = set()
        undecided = 0
        for token in (token for token, is_sure in zip(tokens, sure, strict=True) if not is_sure):
            key = ("itself", token) if token in mentioned else ("alike", group_of[token])
            if key not in known:
                after = self.plan.product.next(joint, token)
                answer = self.plan.at_once(after, left - 1)
                if answer is None and searches <= 0:
                    continue
                searches -= answer is None
                known[key] = self.plan.is_alive(after, left - 1, joint) if answer is None else answer
            if known[key] != "yes":
                found.add(token)
                undecided += known[key] == "undecided"
            if undecided >= doubts:
                break
        self.exact = self.exact and not undecided
        return found, undecided
