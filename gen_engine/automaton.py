"""The automaton of the rules that the prover knows exactly, searched as far as a question needs.

A node is a state of these rules, an edge a set of tokens that lead from one to the next. Distances are found by A*
(Hart, Nilsson and Raphael 1968) with what rules promise to need at least; what a search learns is kept for the next
one (Koenig and Likhachev 2005, "Adaptive A*").
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Literal

import numpy as np

from .moves import JointMoves, State
from .patience import check
from .product import Rule
from .text import Vocabulary
from .tokensets import Intern, Mask

Edge = tuple[Mask, State | None]
Graph = Literal["relaxed", "robust", "fresh"]
GRAPHS: tuple[Graph, ...] = ("relaxed", "robust", "fresh")
"""Which edges count: all; those on which no counted rule can leave nothing; those that print single characters."""

EXPANSIONS = 30_000
"""How many nodes one search may open before it gives up and knows nothing."""

FEWEST = 1_000
"""How many it may open at least, after other searches gave up."""

EDGES = 4
"""A node with many edges counts once for each so many of them."""

NODES = 400_000
"""How many nodes are remembered."""

SMALL = 16
"""In sets of so many tokens or fewer it is looked for one that no counted rule ever forbids."""

FEW = 8
"""With so many edges or fewer it is worked out which of them are dead before a token is chosen."""


@dataclass(eq=False)
class _Node:
    accepts: bool
    least: float
    wanting: float
    edges: Sequence[Edge] | None = None
    singly: Sequence[Edge] | None = None
    low: dict[Graph, float] = field(default_factory=dict)
    known: dict[Graph, float] = field(default_factory=dict)
    onward: dict[Graph, Edge] = field(default_factory=dict)

    def at_least(self, graph: Graph) -> float:
        return self.known.get(graph, self.low.get(graph, self.least))


@dataclass(frozen=True, eq=False)
class Automaton:
    """`relaxed(state, limit)`: the fewest tokens to an accepting state if the other rules are forgotten.
    `robust(state, limit)`: the same along edges that have more than `bound` tokens to choose from, or one that the
    counted rules never forbid (`spares` says so, asked for edges of few tokens, at most `narrow`).
    `fresh(state, limit)`: the same along edges that print single characters; `first` tells them.

    Distances beyond `limit` are told as some number beyond it. Tokens that print parts of characters are left out;
    then the relaxed distance proves nothing and is given as 0.
    """

    rules: tuple[Rule, ...]
    vocabulary: Vocabulary
    intern: Intern
    bound: int | None
    narrow: int = 0
    spares: Callable[[int], bool] = lambda token: False
    _nodes: dict[State, _Node] = field(default_factory=dict, repr=False)
    _weights: dict[Mask, float] = field(default_factory=dict, repr=False)
    _hopeless: set[tuple[Graph, State]] = field(default_factory=set, repr=False)
    _work: list[int] = field(default_factory=lambda: [0], repr=False)
    _stuck: dict[State, State] = field(default_factory=dict, repr=False)

    @property
    def work(self) -> int:
        """How many nodes all searches have opened."""
        return self._work[0]

    @cached_property
    def moves(self) -> JointMoves:
        """What may follow a state, as sets of tokens."""
        return JointMoves(self.rules, self.vocabulary, self.intern)

    def relaxed(self, state: State, limit: float = inf) -> float:
        """A lower bound on the tokens to the end, exact up to `limit`; infinite proves that there is none."""
        found = self._distance("relaxed", state, limit) if self._is_complete else 0
        return 0 if found is None else found

    def robust(self, state: State, limit: float = inf) -> float:
        """So many tokens are enough whatever the counted rules remove; infinite if that is not known."""
        if self.bound == 0 and self._has_merged and (nearest := self.fresh(state, limit)) <= limit:
            return nearest  # of tokens that print several characters there are many more sets
        found = None if self.bound is None else self._distance("robust", state, limit)
        return inf if found is None else found

    def fresh(self, state: State, limit: float = inf) -> float:
        """The fewest tokens to the end if each prints one character; infinite if that is not known."""
        found = self._distance("fresh", state, limit)
        return inf if found is None else found

    def first(self, state: State) -> Edge | None:
        """The first edge of a nearest way to the end, once `fresh` has found one; None at the end."""
        node = self._nodes.get(state)
        return None if node is None or node.accepts else node.onward.get("fresh")

    @cached_property
    def _is_complete(self) -> bool:
        """Whether no token is left out."""
        return not self.vocabulary.partial

    @cached_property
    def _single(self) -> Mask:
        """The tokens that print one whole character."""
        return Mask(self.vocabulary.arrays.lengths == 1)

    def singles(self, mask: Mask) -> Mask:
        """Those of `mask` that print one whole character."""
        return self.intern.meet_masks((mask, self._single))

    def prints(self, mask: Mask) -> bool:
        """Whether any of the tokens prints something."""
        return self.intern.meet_masks((mask, self._printing)).size > 0

    @cached_property
    def _printing(self) -> Mask:
        return Mask(self.vocabulary.arrays.lengths != 0)

    def weight(self, mask: Mask) -> float:
        """How many of the tokens print one character, infinitely many where one of them is spared."""
        found = self._weights.get(mask)
        if found is None:
            # Where rules are counted, they are counted in single characters.
            mine = mask if self.bound == 0 else self.singles(mask)
            found = mine.size
            few = mine.array.nonzero()[0].tolist() if found <= min(self.narrow, SMALL) else ()
            if any(self.spares(token) for token in few):
                found = inf
            self._weights[mask] = found
        return found

    def accepts(self, state: State) -> bool:
        """Whether the text may end here, as far as these rules know."""
        return self._node(state).accepts

    def edges(self, state: State) -> Sequence[Edge]:
        """The edges of a node, those of many tokens last."""
        node = self._node(state)
        if node.edges is None:
            node.edges = sorted(self.moves.of(state), key=lambda edge: self.weight(edge[0]))
        return node.edges

    @cached_property
    def _has_merged(self) -> bool:
        """Whether some token prints several characters."""
        return bool(self.vocabulary.merged)

    def _is_single(self, graph: Graph) -> bool:
        """Whether only tokens of single characters count in a graph, though there are others."""
        return self._has_merged and (graph == "fresh" or (graph == "robust" and self.bound != 0))

    @cached_property
    def _single_moves(self) -> JointMoves:
        return JointMoves(self.rules, self.vocabulary, self.intern, single=True)

    def _edges_in(self, graph: Graph, state: State) -> Sequence[Edge]:
        """The edges of a node that may count in a graph: those of other tokens are not even worked out."""
        if not self._is_single(graph):
            return self.edges(state)
        node = self._node(state)
        if node.singly is None:
            node.singly = sorted(self._single_moves.of(state), key=lambda edge: self.weight(edge[0]))
        return node.singly

    def _node(self, state: State) -> _Node:
        node = self._nodes.get(state)
        if node is None:
            pairs = list(zip(self.rules, state, strict=True))
            accepts = all(rule.constraint.accepts(part) for rule, part in pairs)
            leasts = [] if accepts else [rule.least(part) for rule, part in pairs]
            node = self._nodes[state] = _Node(accepts, max(leasts, default=0), sum(leasts))
            if self._has_merged and not accepts:  # a way of single characters is longer than one of any tokens
                least = max((rule.least_singly(part) for rule, part in pairs), default=0)
                node.low = {graph: least for graph in GRAPHS if self._is_single(graph)}
        return node

    def _ways(self, graph: Graph, here: State) -> Iterator[Edge]:
        """The edges that count and lead elsewhere."""
        return (edge for edge in self._edges_in(graph, here) if edge[1] != here and self._counts(graph, edge))

    def _counts(self, graph: Graph, edge: Edge) -> bool:
        mask, after = edge
        if graph == "relaxed":
            return True
        if after is None:
            return False
        return self.weight(mask) > self.bound if graph == "robust" and self.bound is not None else self.weight(mask) > 0

    def _distance(self, graph: Graph, state: State, limit: float) -> float | None:
        """The distance if it is at most `limit`, else a number beyond it; None if the search gave up."""
        node = self._node(state)
        if node.accepts:
            return 0
        if graph in node.known:
            return node.known[graph]
        if node.at_least(graph) > limit:
            return node.at_least(graph)
        if (graph, state) in self._hopeless:
            return None
        if len(self._nodes) > NODES:
            for memory in (self._nodes, self._weights, self._hopeless, self._stuck):
                memory.clear()
        found = self._search(graph, state, limit)
        if found is None:
            self._hopeless.add((graph, state))
        return found

    def _search(self, graph: Graph, start: State, limit: float) -> float | None:
        """A*: nodes are opened in the order of how long a text through them must be at least, and among equals of how
        much all rules together still want."""
        begun: dict[State, int] = {start: 0}
        came: dict[State, tuple[State, Edge]] = {}
        queue: list[tuple[float, float, int, State]] = [(self._node(start).at_least(graph), 0, 0, start)]
        tick = opened = deepest = 0
        best = inf  # by a stop string, which needs no node of its own
        best_edge: tuple[State, Edge] | None = None
        while queue:
            check()
            total, _, _, here = heapq.heappop(queue)
            so_far, node = begun[here], self._node(here)
            if total > min(limit, best):
                if so_far >= deepest:
                    self._stuck[start] = here  # the end of some rules, while others want more
                break
            if total > so_far + node.at_least(graph):
                continue  # opened again from nearer since
            if node.accepts or node.known.get(graph, inf) < inf:
                return self._settle(graph, begun, came, here, total)
            self._work[0] += 1
            edges = self._edges_in(graph, here)
            opened += bool(queue) * max(1, len(edges) // EDGES)  # a way without forks is no search
            if opened > max(EXPANSIONS >> 2 * len(self._hopeless), FEWEST):  # who gave up before does so sooner
                return None
            if so_far >= deepest and all(after == here for _, after in edges):
                deepest, self._stuck[start] = so_far, here
            for edge in self._ways(graph, here):
                after = edge[1]
                if after is None:
                    if so_far + 1 < best:
                        best, best_edge = so_far + 1, (here, edge)
                    continue
                next_node = self._node(after)
                least = next_node.at_least(graph)
                if so_far + 1 < begun.get(after, inf) and least < inf:
                    begun[after], came[after] = so_far + 1, (here, edge)
                    tick += 1
                    heapq.heappush(queue, (so_far + 1 + least, next_node.wanting, -tick, after))
        return self._end(graph, begun, came, queue, total, limit, best, best_edge)

    def _end(
        self,
        graph: Graph,
        begun: dict[State, int],
        came: dict[State, tuple[State, Edge]],
        queue: list[tuple[float, float, int, State]],
        total: float,
        limit: float,
        best: float,
        best_edge: tuple[State, Edge] | None,
    ) -> float:
        """A search that met no accepting node: a stop string ends the text, or it lies beyond the limit, or nowhere."""
        if best_edge is not None and best <= limit:
            here, edge = best_edge
            self._nodes[here].onward[graph], self._nodes[here].known[graph] = edge, 1
            return self._settle(graph, begun, came, here, best)
        beyond = min(best, total) if total > limit else best
        if beyond == inf:
            for state in begun:
                self._nodes[state].known[graph] = inf
            return inf
        self._learn(graph, begun, beyond)
        return beyond

    def _settle(
        self, graph: Graph, begun: dict[State, int], came: dict[State, tuple[State, Edge]], here: State, total: float
    ) -> float:
        """Write down the way that was found, and what it says of the nodes beside it."""
        last = self._nodes[here]
        last.known.setdefault(graph, 0)
        self._learn(graph, begun, total)
        # A nearest way of all whose edges print single characters is a nearest one of those, too.
        is_fresh = graph == "relaxed" and (last.accepts or last.known.get("fresh") == last.known[graph])
        while here in came:
            before, edge = came[here]
            node, distance = self._nodes[before], self._nodes[here].known[graph] + 1
            node.known[graph], node.onward[graph] = distance, edge
            is_fresh = is_fresh and self.weight(edge[0]) > 0
            if is_fresh and "fresh" not in node.known:
                node.known["fresh"], node.onward["fresh"] = distance, edge
            here = before
        return total

    def _learn(self, graph: Graph, begun: dict[State, int], total: float) -> None:
        for state, so_far in begun.items():
            node = self._nodes[state]
            if total - so_far > node.at_least(graph):
                node.low[graph] = total - so_far

    def stuck(self, state: State) -> State | None:
        """Where the longest way from here ended that has no continuation at all, if a search for the end met one."""
        return self._stuck.get(state)

    def onward(self, state: State, left: int) -> list[tuple[Mask, float]]:
        """The edges of a state and how far the end is behind each, within `left` tokens; roughly if they are many."""
        edges = self.edges(state)
        asked = self.relaxed if len(edges) <= FEW else lambda after, limit: self._node(after).at_least("relaxed")
        return [(mask, 0 if after is None or not self._is_complete else asked(after, left)) for mask, after in edges]

    def alive(self, state: State, left: int) -> Mask | None:
        """The tokens that may follow as far as these rules know, without those known to lead where no end is in reach
        of `left` more; None if parts of characters are among the vocabulary, which are left out here."""
        if not self._is_complete:
            return None
        masks = [mask for mask, distance in self.onward(state, left) if distance <= left]
        if len(masks) == 1:
            return masks[0]
        nothing = np.zeros(len(self.vocabulary), dtype=bool)
        return self.intern.mask(np.logical_or.reduce([nothing, *(mask.array for mask in masks)]))
