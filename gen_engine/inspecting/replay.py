"""A finished text run through its rules again, position by position: what each rule alone allowed there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..chain import Plan
from ..decoding.viable import Viable
from ..proving.product import Joint
from ..proving.rule import Rule
from ..text.token_sets import Ids, marked

BROKEN = object()
"""The state of a rule once the text has broken it."""


@dataclass(frozen=True, eq=False)
class View:
    """What one rule alone allows at one position, and what it wants in words. `label` is its name as written."""

    label: str
    wants: str
    allowed: np.ndarray


@dataclass(frozen=True, eq=False)
class Sight:
    """What was allowed at one position. All arrays are bool, [vocab], and include the end of the text.

    `views` are the rules one by one. `permitted` is what all rules together allow among the `usable` tokens. `left` is
    that without tokens that are known to lead nowhere. A rule that the text has broken earlier allows everything.
    """

    views: tuple[View, ...]
    usable: np.ndarray
    permitted: np.ndarray
    left: np.ndarray
    forced: bool
    broken: tuple[str, ...]
    dead_because: str

    def alone(self, label: str) -> np.ndarray:
        """What the rules of one name allow together."""
        found: np.ndarray = np.logical_and.reduce([view.allowed for view in self.views if view.label == label])
        return found


@dataclass
class Replay:
    """The states of all rules along a text. `joint` is None once the text has broken a rule. `rest` holds the tokens of
    a legal rest, as far as it is written out.
    """

    plan: Plan
    states: list[Any]
    joint: Joint | None
    place: int = 0
    rest: Ids = ()

    @classmethod
    def begin(cls, plan: Plan) -> Replay:
        """Where the prompt ends."""
        return cls(plan, list(plan.start.states), plan.start, rest=plan.rest)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the constraints, as written. One constraint may consist of several rules."""
        return tuple(dict.fromkeys(rule.label for rule in self._rules))

    @property
    def _rules(self) -> tuple[Rule, ...]:
        return self.plan.product.rules

    @property
    def _left(self) -> int:
        return self.plan.budget - self.place

    @property
    def may_end(self) -> bool:
        """Whether every rule that is not broken accepts the text here."""
        pairs = zip(self._rules, self.states, strict=True)
        return all(state is BROKEN or rule.constraint.accepts(state) for rule, state in pairs)

    @property
    def is_full(self) -> bool:
        """Whether the rules that are not broken allow nothing but the end."""
        if self.joint is not None:
            return self.plan.product.allowed(self.joint).is_empty()
        allowed = np.logical_and.reduce([self._usable(), *map(self._alone, self._rules, self.states)])
        return not any(token != self._end for token in allowed.nonzero()[0].tolist())

    def look(self, chosen: int, likeliest: list[int]) -> Sight:
        """What is allowed here. For the `likeliest` tokens and `chosen`, also whether a text lies behind."""
        pairs = zip(self._rules, self.states, strict=True)
        views = tuple(View(rule.label, _wants(rule, state), self._alone(rule, state)) for rule, state in pairs)
        usable = self._usable()
        permitted = np.logical_and.reduce([usable, *(view.allowed for view in views)])
        left = permitted.copy()
        if self.joint is not None:
            permitted &= self._with_end(self.plan.product.allowed(self.joint).to_array())
            tokens = self.plan.tokens(self.joint, self._left)
            left = permitted & self._with_end(tokens.to_array())
            for token in {*likeliest, chosen}:
                left[token] = left[token] and (token == self._end or self._is_alive(self.joint, token))
        return Sight(
            views=views,
            usable=usable,
            permitted=permitted,
            left=left,
            forced=int(left.sum()) == 1,
            broken=tuple(dict.fromkeys(view.label for view in views if not view.allowed[chosen])),
            dead_because=f"no text of at most {self._left} tokens obeys all rules after it",
        )

    def go(self, token: int) -> None:
        """Take the text's own next token, allowed or not."""
        if token == self._end:
            return
        whole = self.joint is not None and self.plan.product.permits(self.joint, token)
        if self.joint is not None:
            self.rest = self._viable.look(self.joint, self._left, token, self.rest).rest if whole else ()
            self.joint = self.plan.product.next(self.joint, token) if whole else None
        for i, rule in enumerate(self._rules):
            if self.states[i] is not BROKEN:
                fine = rule.permits(self.states[i], token)
                self.states[i] = rule.constraint.next(self.states[i], token) if fine else BROKEN
        self.place += 1

    def _is_alive(self, joint: Joint, token: int) -> bool:
        return self._viable.look(joint, self._left, token, self.rest).answer != "no"

    @cached_property
    def _viable(self) -> Viable:
        return Viable(self.plan)

    @property
    def _end(self) -> int | None:
        return self.plan.chain.vocabulary.end

    def _usable(self) -> np.ndarray:
        vocabulary = self.plan.chain.vocabulary
        return self._with_end(marked(vocabulary.usable, len(vocabulary)))

    def _with_end(self, array: np.ndarray) -> np.ndarray:
        """The array with the end of the text added; each rule says by itself whether it allows the end."""
        if self._end is None:
            return array
        array = array.copy()
        array[self._end] = True
        return array

    def _alone(self, rule: Rule, state: Any) -> np.ndarray:
        """What one rule alone allows next."""
        if state is BROKEN:
            return np.ones(len(self.plan.chain.vocabulary), dtype=bool)
        array = self.plan.product.intern.adopt(rule.constraint.allowed(state)).to_array().copy()
        if self._end is not None:
            array[self._end] = rule.constraint.accepts(state)
        return array


def _wants(rule: Rule, state: Any) -> str:
    """What a rule wants next in its own words, if it has any."""
    return "" if state is BROKEN else str(rule.promises.describe_next(state))
