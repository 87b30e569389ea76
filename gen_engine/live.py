"""Which of many tokens have a text behind them: what decoders ask of one token at a time, answered for whole sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .chain import Plan
from .product import Joint

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
    _known: dict[tuple[Joint, int], dict[tuple[str, int], bool]] = field(default_factory=dict, repr=False)

    def among(self, joint: Joint, left: int, tokens: Iterable[int]) -> set[int]:
        """Those of `tokens`, all of them permitted, behind which a text of at most `left` tokens, this one included."""
        if len(self._known) > STATES:
            self._known.clear()
        known = self._known.setdefault((joint, left), {})
        mentioned, group_of = self.plan.prover.mentioned(joint), self.plan.prover.group_of
        found: set[int] = set()
        for token in tokens:
            key = ("itself", token) if token in mentioned else ("alike", group_of[token])
            if key not in known:
                answer = self.plan.is_alive(self.plan.product.next(joint, token), left - 1, joint)
                self.exact = self.exact and answer != "undecided"
                known[key] = answer == "yes"
            if known[key]:
                found.add(token)
        return found
