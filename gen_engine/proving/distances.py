"""Searches in the graph of joint states: how far the end is, and how many tokens there are to choose from on the way.

A node is a state of the rules that the prover knows exactly, an edge a set of tokens that lead from one to the next
(`states.py`). Distances are found by A* (Hart, Nilsson and Raphael 1968) with what rules promise to need at least; what
a search learns is kept for the next one (Koenig and Likhachev 2005, "Adaptive A*"), which makes it faster and never
tells it anything else.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Literal

import numpy as np

from ..memory import Memory, remembered
from ..patience import check
from ..text.token_sets import Intern, Mask
from ..text.vocabulary import Vocabulary
from .states import Edge, Node, StateTable

Graph = Literal["relaxed", "robust", "fresh"]
GRAPHS: tuple[Graph, ...] = ("relaxed", "robust", "fresh")
"""Which edges count: all; those on which no counted rule can leave nothing; those that print single characters."""

EDGES = 4
"""A node with many edges counts once for each so many of them."""

NODES = 400_000
"""Of how many nodes the distances are remembered."""

WEIGHTS = 16_384
"""Of how many sets of tokens it is remembered how many there are to choose from."""

SMALL = 16
"""Up to this set size, look for a token that no counted rule can forbid."""


@dataclass(eq=False, slots=True)
class _Known:
    """What is known of a node: `least` is what the rules promise, `wanting` what they all want together. For each graph
    the distance where it is known, else a lower bound on it."""

    least: float
    wanting: float
    edges: Sequence[Edge] | None = None
    single: Sequence[Edge] | None = None
    low: dict[Graph, float] = field(default_factory=dict)
    known: dict[Graph, float] = field(default_factory=dict)

    def at_least(self, graph: Graph) -> float:
        return self.known.get(graph, self.low.get(graph, self.least))


@dataclass
class Search:
    """One search: where it may go on, how each node was reached, and the nearest way that ends in a stop string."""

    graph: Graph
    limit: float
    expansions: float
    start: Node
    begun: dict[Node, int]
    came: dict[Node, tuple[Node, Mask]] = field(default_factory=dict)
    queue: list[tuple[float, float, int, Node]] = field(default_factory=list)
    best: float = inf
    best_from: Node | None = None
    opened: int = 0
    deepest: int = 0
    stuck: Node | None = None


@dataclass(frozen=True, eq=False)
class Distances:
    """What is known of the nodes of one table, where rules outside it remove at most `bound` tokens at a place (None:
    they do not say), but never one that `spares` tells; that is asked of sets of at most `narrow` tokens."""

    table: StateTable
    bound: int | None
    narrow: int = 0
    spares: Callable[[int], bool] = lambda token: False
    _nodes: Memory[Node, _Known] = remembered(NODES)
    _weights: Memory[Mask, float] = remembered(WEIGHTS)
    _spared: Memory[Mask, bool] = remembered(WEIGHTS)

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of all rules."""
        return self.table.vocabulary

    @property
    def intern(self) -> Intern:
        """Where masks are remembered."""
        return self.table.intern

    @cached_property
    def _single(self) -> Mask:
        """The tokens that print one whole character."""
        return Mask(self.vocabulary.arrays.lengths == 1)

    def singles(self, mask: Mask) -> Mask:
        """Those of `mask` that print one whole character."""
        return self.intern.meet_two(mask, self._single)

    def prints(self, mask: Mask) -> bool:
        """Whether any of the tokens prints something."""
        return self.intern.meet_two(mask, self._printing).size > 0

    @cached_property
    def _printing(self) -> Mask:
        return Mask(self.vocabulary.arrays.lengths != 0)

    def weight(self, mask: Mask) -> float:
        """How many of the tokens print one character, infinitely many where one of them is spared."""
        found = self._weights.get(mask)
        return self._weigh(mask, self._counted(mask)) if found is None else found

    def _weigh(self, mask: Mask, counted: Mask) -> float:
        found: float = counted.size
        if found <= min(self.narrow, SMALL) and self._has_spared(mask, counted):
            found = inf
        return self._weights.put(mask, found)

    def has_spared(self, mask: Mask) -> bool:
        """Whether one of the tokens is never forbidden by the other rules."""
        return self._has_spared(mask, self._counted(mask))

    def _has_spared(self, mask: Mask, counted: Mask) -> bool:
        found = self._spared.get(mask)
        return self._spared.put(mask, any(map(self.spares, counted.members))) if found is None else found

    def _counted(self, mask: Mask) -> Mask:
        """The tokens that are counted where rules are: those of single characters."""
        return mask if self.bound == 0 or not (mask.array & self._others).any() else self.singles(mask)

    @cached_property
    def _others(self) -> np.ndarray:
        """The tokens that print none or several characters, or parts of one, [vocab]."""
        return ~self._single.array

    def edges(self, node: Node) -> Sequence[Edge]:
        """The edges of a node, those of many tokens last."""
        known = self._node(node)
        if known.edges is None:
            edges = self.table.edges(node)
            known.edges = sorted(edges, key=lambda edge: self.weight(edge[0])) if len(edges) > 1 else edges
        return known.edges

    @cached_property
    def has_merged(self) -> bool:
        """Whether some token prints several characters."""
        return self.vocabulary.has_merged

    def is_single(self, graph: Graph) -> bool:
        """Whether only tokens of single characters count in a graph, though there are others."""
        return self.has_merged and (graph == "fresh" or (graph == "robust" and self.bound != 0))

    def edges_in(self, graph: Graph, node: Node) -> Sequence[Edge]:
        """The edges of a node that may count in a graph: those of other tokens are not even worked out."""
        if not self.is_single(graph):
            return self.edges(node)
        known = self._node(node)
        if known.single is None:
            edges = self.table.single_edges(node)
            weights = [self._weights.get(mask) or self._weigh(mask, mask) for mask, _ in edges]
            known.single = [edges[place] for place in sorted(range(len(edges)), key=weights.__getitem__)]
        return known.single

    def _node(self, node: Node) -> _Known:
        known = self._nodes.get(node)
        if known is None:
            leasts = [0] if node.accepts else [part.least for part in node.parts]
            known = self._nodes.put(node, _Known(max(leasts, default=0), sum(leasts)))
            if self.has_merged and not node.accepts:  # a way of single characters is longer than one of any tokens
                least = max([part.least_singly for part in node.parts], default=0)
                known.low = {graph: least for graph in GRAPHS if self.is_single(graph)}
        return known

    def ways(self, graph: Graph, here: Node) -> Iterator[Edge]:
        """The edges that count and lead elsewhere."""
        return (edge for edge in self.edges_in(graph, here) if edge[1] is not here and self._counts(graph, edge))

    def _counts(self, graph: Graph, edge: Edge) -> bool:
        mask, after = edge
        if graph == "relaxed":
            return True
        if after is None:
            return False
        return self.weight(mask) > self.bound if graph == "robust" and self.bound is not None else self.weight(mask) > 0

    # --------------------------------------------------------------------------------------------- the searches

    def distance(self, graph: Graph, node: Node, limit: float, expansions: float = inf) -> float | None:
        """The distance if it is at most `limit`, else a number beyond it. None if its search would open more nodes than
        `expansions`, which depends on what is known."""
        if node.accepts:
            return 0
        known = self._node(node)
        if graph in known.known:
            return known.known[graph]
        if known.at_least(graph) > limit:
            return known.at_least(graph)
        return self.search(Search(graph, limit, expansions, node, {node: 0}))

    def search(self, search: Search) -> float | None:
        """A*: nodes are opened in the order of how long a text through them must be at least, and among equals of how
        much all rules together still want. None if it would open more nodes than it may."""
        graph, begun, queue = search.graph, search.begun, search.queue
        queue.append((self._node(search.start).at_least(graph), 0, 0, search.start))
        tick, total = 0, 0.0
        while queue:
            check()
            total, _, _, here = heapq.heappop(queue)
            so_far, known = begun[here], self._node(here)
            if total > min(search.limit, search.best):
                if so_far >= search.deepest:
                    search.stuck = here  # the end of some rules, while others want more
                break
            if total > so_far + known.at_least(graph):
                continue  # opened again from nearer since
            if here.accepts or known.known.get(graph, inf) < inf:
                return self._settle(search, here, total)
            edges = self.edges_in(graph, here)
            search.opened += bool(queue) * max(1, len(edges) // EDGES)  # a way without forks is no search
            if search.opened > search.expansions:
                return None
            if so_far >= search.deepest and all(after is here for _, after in edges):
                search.deepest, search.stuck = so_far, here
            for mask, after in self.ways(graph, here):
                if after is None:
                    ending = so_far + max(1, known.least)
                    if ending < search.best:
                        search.best, search.best_from = ending, here
                    continue
                next_known = self._node(after)
                least = next_known.at_least(graph)
                if so_far + 1 < begun.get(after, inf) and least < inf:
                    begun[after], search.came[after] = so_far + 1, (here, mask)
                    tick += 1
                    heapq.heappush(queue, (so_far + 1 + least, next_known.wanting, -tick, after))
        return self._end(search, total)

    def _end(self, search: Search, total: float) -> float:
        """A search that met no accepting node: a stop string ends the text, or it lies beyond the limit, or nowhere."""
        graph, best = search.graph, search.best
        if search.best_from is not None and best <= search.limit:
            self._node(search.best_from).known[graph] = best - search.begun[search.best_from]
            return self._settle(search, search.best_from, best)
        beyond = min(best, total) if total > search.limit else best
        if beyond == inf:
            for node in search.begun:
                self._node(node).known[graph] = inf
            return inf
        self._learn(search, beyond)
        return beyond

    def _settle(self, search: Search, here: Node, total: float) -> float:
        """Write down the way that was found, and what it says of the nodes beside it."""
        graph, last = search.graph, self._node(here)
        distance = last.known.setdefault(graph, 0)
        self._learn(search, total)
        # A way that is as short as the rules promise at best is a nearest one of all, and a nearest way of all whose
        # edges print single characters is a nearest one of those.
        promised = self._node(search.start).at_least("relaxed")
        is_nearest = graph == "relaxed" or (graph == "robust" and here.accepts and total <= promised)
        has_others = self.has_merged and not self.is_single(graph)  # tokens that print several characters
        is_fresh = is_nearest and (here.accepts or last.known.get("fresh") == distance)
        while here in search.came:
            (here, mask), distance = search.came[here], distance + 1
            known = self._node(here).known
            known[graph] = distance
            if is_nearest:
                known["relaxed"] = distance
            is_fresh = is_fresh and (self.singles(mask).size > 0 if has_others else self.weight(mask) > 0)
            if is_fresh:
                known["fresh"] = distance
        return total

    def _learn(self, search: Search, total: float) -> None:
        for node, so_far in search.begun.items():
            known = self._node(node)
            if total - so_far > known.at_least(search.graph):
                known.low[search.graph] = total - so_far

    def known(self, graph: Graph, node: Node) -> float:
        """The distance of a node where it was worked out before, else infinite."""
        found = self._nodes.get(node)
        return inf if found is None else found.known.get(graph, inf)

    def promised(self, node: Node) -> float:
        """A lower bound that takes no search."""
        return self._node(node).least

    def adopt(self, other: Distances) -> None:
        """Know of nodes what other distances of the same table and bound do."""
        for node in list(other._nodes):
            mine, its = self._node(node), other._node(node)
            mine.known |= its.known
            mine.low |= {graph: low for graph, low in its.low.items() if low > mine.at_least(graph)}
