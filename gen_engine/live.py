"""Which of many tokens have a text behind them: what decoders ask of one token at a time, answered for whole sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

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
    _known: dict[tuple[Joint, int], dict[Hashable, bool]] = field(default_factory=dict)

    def among(self, joint: Joint, left: int, tokens: Iterable[int]) -> set[int]:
        """Those of `tokens`, all of them permitted, behind which a text of at most `left` tokens, this one included."""
        if len(self._known) > STATES:
            self._known.clear()
        known = self._known.setdefault((joint, left), {})
        mentioned = self._mentioned(joint)
        found: set[int] = set()
        for token in tokens:
            key = ("itself", token) if token in mentioned else self._alike.get(token, ("itself", token))
            if key not in known:
                answer = self.plan.is_alive(self.plan.product.next(joint, token), left - 1, joint)
                self.exact = self.exact and answer != "undecided"
                known[key] = answer == "yes"
            if known[key]:
                found.add(token)
        return found

    @cached_property
    def _families(self) -> dict[bytes, tuple[int, ...]]:
        """The usable tokens that print each text."""
        families: dict[bytes, list[int]] = defaultdict(list)
        for token in self.plan.chain.vocabulary.usable:
            families[self.plan.chain.vocabulary.surfaces[token]].append(token)
        return {surface: tuple(tokens) for surface, tokens in families.items()}

    @cached_property
    def _alike(self) -> dict[int, Hashable]:
        """A key for each token; tokens of equal keys that no rule singles out lead to texts of the same lengths.

        Tokens that print the same may be told apart by one rule and confused by another, so the keys of all tokens
        that print a text count. Empty if a rule does not say what makes tokens alike.
        """
        kinds = [rule.kinds for rule in self.plan.product.rules]
        known = [kind for kind in kinds if kind is not None]
        if len(known) < len(kinds):
            return {}
        keys = list(zip(*known, strict=True)) if known else [()] * len(self.plan.chain.vocabulary)
        numbers: dict[Hashable, int] = {}
        fine = [numbers.setdefault(key, len(numbers)) for key in keys]
        return {
            token: (fine[token], tuple(sorted(fine[other] for other in tokens)), bool(surface))
            for surface, tokens in self._families.items()
            for token in tokens
        }

    def _mentioned(self, joint: Joint) -> set[int]:
        """The tokens that a rule singles out, and those that print the same."""
        pairs = zip(self.plan.product.rules, joint.states, strict=True)
        found = {token for rule, state in pairs if rule.mentions is not None for token in rule.mentions(state)}
        surfaces = self.plan.chain.vocabulary.surfaces
        return found.union(*(self._families.get(surfaces[token], ()) for token in found))
