"""The small automaton of the rules that tell tokens apart only by kind, with its distances to the end."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

import numpy as np

from .text import Vocabulary
from .tokensets import REMEMBERED, Mask

State = tuple[Any, ...]
EDGES = 1_000_000
"""How many steps are worked out before the automaton gives up and knows nothing."""


@dataclass
class _Node:
    accepts: bool
    after: dict[int, State | None] = field(default_factory=dict)  # class -> next state, None: a stop string is complete
    relaxed: float = inf
    robust: float = inf


@dataclass(frozen=True, eq=False)
class Automaton:
    """`relaxed(state)`: the fewest tokens to an accepting state if the other rules are forgotten (0 if unknown).
    `robust(state)`: the same along steps that have more than `bound` tokens to choose from, or one of the `spared`
    ones, which the counted rules never forbid (infinite if unknown).

    Tokens that print parts of characters are left out, and merged ones where `bound` counts single characters; with
    tokens left out the relaxed distance proves nothing and is given as 0.
    """

    rules: tuple[Any, ...]
    classes: np.ndarray  # [vocab] the class of each token
    vocabulary: Vocabulary
    bound: int | None
    spared: frozenset[int] = frozenset()
    _nodes: dict[State, _Node] = field(default_factory=dict)
    _dead: dict[tuple[State, int], Mask | None] = field(default_factory=dict)
    _spent: list[int] = field(default_factory=lambda: [0])

    @cached_property
    def _members(self) -> dict[int, tuple[int, ...]]:
        """For each class the tokens it has in play."""
        out = set(self.vocabulary.partial) | (set(self.vocabulary.merged) if self.bound else set())
        members: dict[int, list[int]] = {}
        for token in self.vocabulary.usable:
            if token not in out:
                members.setdefault(int(self.classes[token]), []).append(token)
        return {number: tuple(tokens) for number, tokens in members.items()}

    @cached_property
    def _is_complete(self) -> bool:
        """Whether no token was left out."""
        return not self.vocabulary.partial and not (self.bound and self.vocabulary.merged)

    @cached_property
    def _weights(self) -> dict[int, float]:
        """How many tokens each class has, infinitely many where one of them is spared."""
        spared = self.spared
        return {n: len(tokens) if spared.isdisjoint(tokens) else inf for n, tokens in self._members.items()}

    def relaxed(self, state: State) -> float:
        """A lower bound on the tokens to the end; infinite proves that there is none."""
        node = self._node(state)
        return node.relaxed if node is not None and self._is_complete else 0

    def robust(self, state: State) -> float:
        """An upper bound on the tokens to the end, whatever the counted rules remove."""
        if self.bound is None:
            return inf
        node = self._node(state)
        return node.robust if node is not None else inf

    def order(self, state: State, budget: int, every: Sequence[int]) -> Sequence[int]:
        """The classes worth trying within the budget, the nearest to the end first."""
        node = self._node(state)
        if node is None:
            return every
        distances = {number: self._distance(node, number) for number in every}
        inside = [number for number in every if distances[number] < budget]
        return sorted(inside, key=lambda number: distances[number])

    def _distance(self, node: _Node, number: int) -> float:
        if number not in self._members:
            return 0
        if number not in node.after:
            return inf
        after = node.after[number]
        return 0 if after is None or not self._is_complete else self._nodes[after].relaxed

    def dead(self, state: State, left: int) -> Mask | None:
        """The tokens that do not lead beyond every end within `left` more tokens after them; None if all do."""
        node = self._node(state)
        if node is None or not self._is_complete:
            return None
        far = [number for number, after in node.after.items() if after and self._nodes[after].relaxed > left]
        if not far:
            return None
        key = (state, min(left, 10_000))
        if key not in self._dead:
            if len(self._dead) > REMEMBERED:
                self._dead.clear()
            array = np.ones(len(self.vocabulary), dtype=bool)
            array[np.isin(self.classes, far)] = False
            self._dead[key] = Mask(array)
        return self._dead[key]

    def _node(self, state: State) -> _Node | None:
        if state not in self._nodes and self._spent[0] <= EDGES:
            self._explore(state)
        return self._nodes.get(state) if self._spent[0] <= EDGES else None

    def _explore(self, start: State) -> None:
        fresh: dict[State, _Node] = {}
        waiting = [start]
        while waiting and self._spent[0] <= EDGES:
            state = waiting.pop()
            if state in fresh or state in self._nodes:
                continue
            node = fresh[state] = _Node(all(r.constraint.accepts(s) for r, s in zip(self.rules, state, strict=True)))
            for number, tokens in self._members.items():
                self._spent[0] += 1
                if all(rule.permits(part, tokens[0]) for rule, part in zip(self.rules, state, strict=True)):
                    node.after[number] = after = self._step(state, tokens[0])
                    if after is not None:
                        waiting.append(after)
        self._nodes.update(fresh)
        if self._spent[0] <= EDGES:
            self._measure(fresh, "relaxed", 0)
            self._measure(fresh, "robust", self.bound or 0)

    def _step(self, state: State, token: int) -> State | None:
        after = tuple(rule.constraint.next(part, token) for rule, part in zip(self.rules, state, strict=True))
        ended = any(rule.cut is not None and rule.cut(part) for rule, part in zip(self.rules, after, strict=True))
        return None if ended else after

    def _measure(self, fresh: dict[State, _Node], name: str, bound: int) -> None:
        """Distances of new nodes to the end, over edges that have more than `bound` tokens (Dijkstra 1959)."""
        before: dict[State, list[State]] = {}
        queue: list[tuple[float, int, State]] = []
        tick = 0
        for state, node in fresh.items():
            best = 0.0 if node.accepts else inf
            sizes: dict[State, float] = {}
            for number, after in node.after.items():
                if after is None:
                    # A complete stop string may end the text, if the place before it could; only a relaxation.
                    best = min(best, 1.0) if name == "relaxed" else best
                    continue
                sizes[after] = sizes.get(after, 0) + self._weights[number]
            for after, size in sizes.items():
                if size <= bound:
                    continue
                if after in fresh:
                    before.setdefault(after, []).append(state)
                else:
                    best = min(best, getattr(self._nodes[after], name) + 1)
            if best < inf:
                tick += 1
                heapq.heappush(queue, (best, tick, state))
        while queue:
            distance, _, state = heapq.heappop(queue)
            node = fresh[state]
            if distance >= getattr(node, name):
                continue
            setattr(node, name, distance)
            for earlier in before.get(state, ()):
                tick += 1
                heapq.heappush(queue, (distance + 1, tick, earlier))
