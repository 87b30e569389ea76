"""Which of many tokens have a text behind them: what decoders ask of one token at a time, answered for whole sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from .chain import Plan
from .product import Joint
from .prover import Answer, Prover

STATES = 4096
"""For how many states the answers are remembered."""

NEAR, TRIES = 3, 2000
"""So few tokens before the end all rests of a token are tried, with so many tokens at most, before it is drawn."""


@dataclass(eq=False)
class Living:
    """Tells the tokens that have a witness behind them from those that have none, for one plan.

    Tokens that behave alike share one proof, and answers are remembered. `exact` turns False where a search ended at
    its limit: such a token is taken for dead.
    """

    plan: Plan
    exact: bool = True
    _seen: dict[tuple[Joint, int], dict[tuple[str, int], bool]] = field(default_factory=dict, repr=False)
    _known: dict[tuple[Joint, int], dict[tuple[str, int], Answer]] = field(default_factory=dict, repr=False)

    def among(self, joint: Joint, left: int, tokens: Iterable[int]) -> set[int]:
        """Those of `tokens`, all of them permitted, behind which a text of at most `left` tokens, this one included."""
        tokens = list(tokens)
        return set(tokens) - self.dead(joint, left, tokens)[0]

    def seen_dead(self, joint: Joint, left: int, tokens: Sequence[int]) -> set[int]:
        """Those of the tokens that are seen to be dead, without a search that goes further than `NEAR` tokens. What
        searches remember is not asked: what is drawn would depend on what was drawn before."""
        prover = self.plan.prover
        sure = prover.unfailing(joint, np.array(tokens, dtype=np.int64), left - 1).tolist()
        if all(sure):
            return set()
        if len(self._seen) > STATES:
            self._seen.clear()
        seen = self._seen.setdefault((joint, left), {})
        mentioned, group_of = prover.mentioned(joint), prover.group_of
        found: set[int] = set()
        with self.plan.patience:
            for token in (token for token, is_sure in zip(tokens, sure, strict=True) if not is_sure):
                key = ("itself", token) if token in mentioned else ("alike", group_of[token])
                if key not in seen:
                    seen[key] = is_dead(prover, self.plan.product.next(joint, token), left - 1, [TRIES])
                found |= {token} if seen[key] else set()
        self.plan.patience.forgive()
        return found

    def dead(self, joint: Joint, left: int, tokens: Sequence[int], doubts: float = inf) -> tuple[set[int], int]:
        """The others, and how many of them are only taken for dead, since their searches ended at their limit.

        After so many `doubts` the tokens that stand behind are not asked about.
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
                known[key] = self.plan.is_alive(after, left - 1, joint)
            if known[key] != "yes":
                found.add(token)
                undecided += known[key] == "undecided"
            if undecided >= doubts:
                break
        self.exact = self.exact and not undecided
        return found, undecided


def is_dead(prover: Prover, joint: Joint, budget: int, tries: list[int]) -> bool:
    """Whether it is seen that a state has no rest of at most `budget` tokens: by what follows from it at once, or, near
    the end, by trying all rests, with at most `tries[0]` tokens.

    That is a function of the state and the budget alone, whatever the prover remembers.
    """
    if prover.product.accepts(joint) or budget <= 0:
        return not prover.product.accepts(joint)
    state, wanted = prover.structural(joint), prover.needs.gathered(joint)
    if prover.automaton.relaxed(state, budget) > budget or prover.needs.are_missed(joint):
        return True
    if wanted and prover.fresh is not None and prover.fresh.rooms(wanted).lack(state, budget):
        return True
    if budget > NEAR:
        return False
    for token in prover.alike(joint):
        tries[0] -= 1
        if tries[0] < 0:
            return False
        permitted = prover.product.permits(joint, token)
        if permitted and not is_dead(prover, prover.product.next(joint, token), budget - 1, tries):
            return False
    return True
