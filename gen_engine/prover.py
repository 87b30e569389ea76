"""Is there a legal rest of the text within the budget? Yes with a witness, no with a proof, or undecided.

Three methods, the cheapest first. *Exact over classes*: rules that tell tokens apart only by kind make a small
automaton, whose distances to the end prove "no" (`relaxed`). *Counting*: where the other rules remove at most k
tokens a place, a path of that automaton on which every step has more than k tokens proves "yes" (`robust`).
*Bounded search*: depth first over joint states, one token for each set of tokens that behave alike, with failures
remembered; it ends in a witness, in a proof by exhaustion, or at its limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from .automaton import Automaton
from .product import Joint, Product
from .tokensets import Ids, TokenSet

Answer = Literal["yes", "no", "undecided"]
NODES = 20_000
"""How many states one search may visit before the question is undecided."""

REMEMBERED = 200_000
"""Of how many states failures and witnesses are remembered."""

NODE, DEAD, REFUSAL = 64, 16, 1
"""What it costs to visit a state, to see at once that one is dead, and to be refused a token, in parts of a node."""


def partition(keys: Sequence[Sequence[Hashable]], count: int) -> np.ndarray:
    """The class of each token under several keyings at once, [count]."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in zip(*keys, strict=True)] or [0] * count)


@dataclass(frozen=True, eq=False)
class Prover:
    """Answers for one product of rules; `bound` is how many tokens the counted rules remove at any one place.

    `tokens` is for whoever asks what may follow a state with so many tokens to go, to remember the answer in.
    """

    product: Product
    bound: int | None
    nodes: int = NODES
    tokens: dict[tuple[Joint, int], TokenSet] = field(default_factory=dict)
    _failed: dict[Joint, int] = field(default_factory=dict)
    _witness: dict[Joint, tuple[int, int]] = field(default_factory=dict)

    def feasible(self, joint: Joint, budget: int, before: Joint | None = None) -> Answer:
        """Whether a text of at most `budget` more tokens exists behind `joint`.

        The witness of `before`, the state one token earlier, is tried first: much of it may still be legal.
        """
        known = self._at_once(joint, budget)
        return known if known is not None else self._search(joint, budget, self._rest(before)[1:])

    def _rest(self, joint: Joint | None) -> Ids:
        """The witness that is written down for a state, if any."""
        rest: list[int] = []
        while joint in self._witness:
            rest.append(self._witness[joint][0])
            joint = self.product.next(joint, rest[-1])
        return tuple(rest)

    def witness(self, joint: Joint, budget: int) -> Ids:
        """The tokens of one legal rest, for a joint state that was found feasible; the end is not among them."""
        rest: list[int] = []
        while not self.product.accepts(joint):
            if not self._is_concrete(joint, budget - len(rest)):
                self._search(joint, budget - len(rest), (), materialise=True)
            token = self._witness[joint][0]
            rest.append(token)
            joint = self.product.next(joint, token)
        return tuple(rest)

    def _at_once(self, joint: Joint, budget: int) -> Answer | None:
        if self.product.accepts(joint):
            return "yes"
        if budget <= 0:
            return "no"
        sure = self._sure(joint, budget)
        if sure is not None:
            return sure
        if self._failed.get(joint, -1) >= budget:
            return "no"
        known = self._witness.get(joint)
        return "yes" if known is not None and known[1] <= budget else None

    def _sure(self, joint: Joint, budget: int) -> Answer | None:
        state = self.structural(joint)
        if self.automaton.robust(state) <= budget:
            return "yes"
        return "no" if self.automaton.relaxed(state) > budget else None

    # ------------------------------------------------------------------------------------------ the automaton

    @cached_property
    def _structural_rules(self) -> tuple[int, ...]:
        rules = enumerate(self.product.rules)
        return tuple(i for i, rule in rules if rule.kinds is not None and rule.mentions is None)

    def structural(self, joint: Joint) -> tuple[Any, ...]:
        """The part of a joint state that the automaton knows."""
        return tuple(joint.states[i] for i in self._structural_rules)

    @cached_property
    def automaton(self) -> Automaton:
        """What the rules that tell tokens apart only by kind allow."""
        rules = tuple(self.product.rules[i] for i in self._structural_rules)
        keys = [rule.kinds for rule in rules if rule.kinds is not None]
        count = len(self.product.vocabulary)
        return Automaton(rules, partition(keys, count), self.product.vocabulary, self.bound, self._spared())

    def _spared(self) -> frozenset[int]:
        """The tokens that no rule outside the automaton ever forbids."""
        others = [rule for i, rule in enumerate(self.product.rules) if i not in self._structural_rules]
        usable = self.product.vocabulary.usable
        return frozenset(token for token in usable if all(rule.spares(token) for rule in others))

    # --------------------------------------------------------------------------------------------- the search

    @cached_property
    def _groups(self) -> dict[int, list[Ids]]:
        """For each class of the automaton its tokens, grouped into those that behave alike under all rules.

        Tokens that print the same may be told apart by one rule and confused by another; so tokens behave alike
        only if the tokens that print the same as each do, too.
        """
        count = len(self.product.vocabulary)
        keys = [rule.kinds if rule.kinds is not None else range(count) for rule in self.product.rules]
        fine = partition(keys, count)
        usable = self.product.vocabulary.usable
        print_alike: dict[bytes, list[int]] = defaultdict(list)
        for token in usable:
            print_alike[self.product.vocabulary.surfaces[token]].append(int(fine[token]))
        groups: dict[tuple[int, int, tuple[int, ...]], list[int]] = defaultdict(list)
        for token in usable:
            family = tuple(sorted(print_alike[self.product.vocabulary.surfaces[token]]))
            groups[int(self.automaton.classes[token]), int(fine[token]), family].append(token)
        found: dict[int, list[Ids]] = defaultdict(list)
        prints_nothing = [not surface for surface in self.product.vocabulary.surfaces]  # these lead nowhere: last
        for (coarse, _, _), tokens in sorted(
            groups.items(), key=lambda item: (prints_nothing[item[1][0]], -len(item[1]))
        ):
            found[coarse].append(tuple(tokens))
        return found

    @cached_property
    def _twins(self) -> dict[int, Ids]:
        """For each token that does not print its text alone all that print it."""
        families: dict[bytes, list[int]] = defaultdict(list)
        for token in self.product.vocabulary.usable:
            families[self.product.vocabulary.surfaces[token]].append(token)
        return {token: tuple(f) for text, f in families.items() if text and len(f) > 1 for token in f}

    def _mentioned(self, joint: Joint) -> set[int]:
        """The tokens that a rule singles out, and those that print the same: what one rule says of a token, another
        may say of its text."""
        pairs = zip(self.product.rules, joint.states, strict=True)
        found = {token for rule, state in pairs if rule.mentions is not None for token in rule.mentions(state)}
        return found.union(*(self._twins[token] for token in found if token in self._twins)) if self._twins else found

    def _candidates(self, joint: Joint, budget: int, hint: int | None, spent: list[int]) -> Iterator[int]:
        """Tokens to try, so that if none of them leads to the end, no token does; refusals count as work."""
        for token in self._worth_asking(joint, budget, hint):
            if self.product.permits(joint, token):
                yield token
            else:
                spent[0] += REFUSAL

    def _worth_asking(self, joint: Joint, budget: int, hint: int | None) -> Iterator[int]:
        """One token for each set of tokens that behave alike, the hint first, then those nearest to the end."""
        if hint is not None:
            yield hint
        mentioned = self._mentioned(joint)
        for coarse in self.automaton.order(self.structural(joint), budget, tuple(self._groups)):
            for tokens in self._groups.get(coarse, ()):
                fresh = next((token for token in tokens if token not in mentioned), None)
                if fresh is not None:
                    yield fresh
        yield from sorted(mentioned)

    def _search(self, joint: Joint, budget: int, hint: Ids, materialise: bool = False) -> Answer:
        self._forget()
        spent = [0]
        stack = [(joint, self._candidates(joint, budget, hint[0] if hint else None, spent))]
        path: list[int] = []
        while stack:
            here, candidates = stack[-1]
            token = next(candidates, None)
            if spent[0] > self.nodes * NODE:
                return "undecided"
            if token is None:
                self._failed[here] = max(budget - len(path), self._failed.get(here, -1))
                stack.pop()
                del path[-1:]
                continue
            there = self.product.next(here, token)
            left = budget - len(path) - 1
            known = self._at_once(there, left)
            if known == "yes" and (not materialise or self._is_concrete(there, left)):
                if self._is_concrete(there, left):
                    self._remember([*(frame[0] for frame in stack), there], [*path, token])
                return "yes"
            if known == "no":
                spent[0] += DEAD
                continue
            spent[0] += NODE
            path.append(token)
            follow = hint[len(path)] if len(hint) > len(path) else None
            stack.append((there, self._candidates(there, left, follow, spent)))
        return "no"

    def _is_concrete(self, joint: Joint, left: int) -> bool:
        """Whether one rest of at most `left` tokens is written down, not only proven to exist."""
        return (joint in self._witness and self._witness[joint][1] <= left) or self.product.accepts(joint)

    def _remember(self, joints: list[Joint], tokens: list[int]) -> None:
        last = joints[-1]
        rest = 0 if self.product.accepts(last) else self._witness[last][1]
        for joint, token in zip(reversed(joints[:-1]), reversed(tokens), strict=True):
            rest += 1
            if joint not in self._witness or self._witness[joint][1] > rest:
                self._witness[joint] = token, rest

    def _forget(self) -> None:
        for memory in (self._failed, self._witness):
            if len(memory) > REMEMBERED:
                memory.clear()
