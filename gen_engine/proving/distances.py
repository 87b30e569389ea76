"""Searches in the graph of joint states: the distance to the end, and how many tokens there are to choose from.

A node is a state of the rules that the prover knows exactly; an edge is a set of tokens that lead from one node to the
next (`states.py`). A* finds distances (Hart, Nilsson and Raphael 1968), with what the rules promise to need at least
as the heuristic. Each search improves the heuristic for the next one (Koenig and Likhachev 2005, "Adaptive A*"). That
makes later searches faster, but never changes their answers.
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

Graph = Literal["relaxed", "robust", "single"]
GRAPHS: tuple[Graph, ...] = ("relaxed", "robust", "single")
"""Which edges count: all; those that no counted rule can empty; those that print single characters."""

EDGES = 4
"""A node counts once against the search limit per this many edges."""

NODES = 400_000
"""How many nodes have their distances remembered."""

WEIGHTS = 16_384
"""How many sets of tokens have their number of choices remembered."""

SMALL = 16
"""Up to this set size, look for a token that no counted rule can forbid."""


@dataclass(eq=False, slots=True)
class _Known:
    """What is known of a node.

    `min_remaining` is the largest lower bound that a rule promises, `wanting` the sum of all. For each graph, `known` holds the
    distance once it is known, `low` a lower bound on it.
    """

    min_remaining: float
    wanting: float
    edges: Sequence[Edge] | None = None
    single: Sequence[Edge] | None = None
    low: dict[Graph, float] = field(default_factory=dict)
    known: dict[Graph, float] = field(default_factory=dict)

    def at_least(self, graph: Graph) -> float:
        return self.known.get(graph, self.low.get(graph, self.min_remaining))


@dataclass
class Search:
    """One search: its frontier, how each node was reached, and the shortest path that ends in a stop string."""

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
    """What is known of the nodes of one table.

    Rules outside the table remove at most `bound` tokens at a place (None: they promise no bound). They never remove a
    token for which `never_forbids` is true; it is called for sets of at most `narrow` tokens.
    """

    table: StateTable
    bound: int | None
    narrow: int = 0
    never_forbids: Callable[[int], bool] = lambda token: False
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
        """The tokens of `mask` that print one whole character."""
        return self.intern.meet_two(mask, self._single)

    def prints(self, mask: Mask) -> bool:
        """Whether any of the tokens prints something."""
        return self.intern.meet_two(mask, self._printing).size > 0

    @cached_property
    def _printing(self) -> Mask:
        return Mask(self.vocabulary.arrays.lengths != 0)

    def weight(self, mask: Mask) -> float:
        """How many of the tokens print one character; infinite if the counted rules never forbid one of them."""
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
        return self._spared.put(mask, any(map(self.never_forbids, counted.members))) if found is None else found

    def _counted(self, mask: Mask) -> Mask:
        """The tokens that count where there are counted rules: those of single characters."""
        return mask if self.bound == 0 or not (mask.array & self._others).any() else self.singles(mask)

    @cached_property
    def _others(self) -> np.ndarray:
        """The tokens that print no character, several, or parts of one, [vocab]."""
        return ~self._single.array

    def edges(self, node: Node) -> Sequence[Edge]:
        """The edges of a node, those with many tokens last."""
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
        """Whether a graph counts only tokens of single characters, although the vocabulary has others."""
        return self.has_merged and (graph == "single" or (graph == "robust" and self.bound != 0))

    def edges_in(self, graph: Graph, node: Node) -> Sequence[Edge]:
        """The edges of a node that may count in a graph; those of other tokens are not even computed."""
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
            leasts = [0] if node.accepts else [part.min_remaining for part in node.parts]
            known = self._nodes.put(node, _Known(max(leasts, default=0), sum(leasts)))
            if self.has_merged and not node.accepts:  # a path of single characters is never shorter than others
                least = max([part.min_remaining_singly for part in node.parts], default=0)
                known.low = {graph: least for graph in GRAPHS if self.is_single(graph)}
        return known

    def ways(self, graph: Graph, here: Node) -> Iterator[Edge]:
        """The edges that count and lead to another node."""
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
        """The distance if it is at most `limit`, else a number beyond it.

        None if its search would open more nodes than `expansions`; that depends on what is already known.
        """
        if node.accepts:
            return 0
        known = self._node(node)
        if graph in known.known:
            return known.known[graph]
        if known.at_least(graph) > limit:
            return known.at_least(graph)
        return self.search(Search(graph, limit, expansions, node, {node: 0}))

    def search(self, search: Search) -> float | None:
        """A*: open nodes in the order of the least length of a text through them; None if `expansions` is exceeded.

        Among equals, the node whose rules together want the fewest tokens comes first.
        """
        graph, begun, queue = search.graph, search.begun, search.queue
        queue.append((self._node(search.start).at_least(graph), 0, 0, search.start))
        tick, total = 0, 0.0
        while queue:
            check()
            total, _, _, here = heapq.heappop(queue)
            so_far, known = begun[here], self._node(here)
            if total > min(search.limit, search.best):
                if so_far >= search.deepest:
                    search.stuck = here  # some rules end here, while others want more
                break
            if total > so_far + known.at_least(graph):
                continue  # reached again by a shorter path since
            if here.accepts or known.known.get(graph, inf) < inf:
                return self._settle(search, here, total)
            edges = self.edges_in(graph, here)
            search.opened += bool(queue) * max(1, len(edges) // EDGES)  # a path without forks costs no search
            if search.opened > search.expansions:
                return None
            if so_far >= search.deepest and all(after is here for _, after in edges):
                search.deepest, search.stuck = so_far, here
            for mask, after in self.ways(graph, here):
                if after is None:
                    ending = so_far + max(1, known.min_remaining)
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
        """End a search that met no accepting node: a stop string ends the text, or the end is out of reach."""
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
        """Record the path that was found, and what it implies for the nodes beside it."""
        graph, last = search.graph, self._node(here)
        distance = last.known.setdefault(graph, 0)
        self._learn(search, total)
        # A path as short as the rules promise is shortest in every graph. And a shortest path overall whose edges
        # print single characters is also a shortest path of single characters.
        promised = self._node(search.start).at_least("relaxed")
        is_nearest = graph == "relaxed" or (graph == "robust" and here.accepts and total <= promised)
        has_others = self.has_merged and not self.is_single(graph)  # tokens that print several characters
        is_single = is_nearest and (here.accepts or last.known.get("single") == distance)
        while here in search.came:
            (here, mask), distance = search.came[here], distance + 1
            known = self._node(here).known
            known[graph] = distance
            if is_nearest:
                known["relaxed"] = distance
            is_single = is_single and (self.singles(mask).size > 0 if has_others else self.weight(mask) > 0)
            if is_single:
                known["single"] = distance
        return total

    def _learn(self, search: Search, total: float) -> None:
        for node, so_far in search.begun.items():
            known = self._node(node)
            if total - so_far > known.at_least(search.graph):
                known.low[search.graph] = total - so_far

    def known(self, graph: Graph, node: Node) -> float:
        """The distance of a node if it was computed before, else infinity."""
        found = self._nodes.get(node)
        return inf if found is None else found.known.get(graph, inf)

    def promised(self, node: Node) -> float:
        """A lower bound that needs no search."""
        return self._node(node).min_remaining

    def adopt(self, other: Distances) -> None:
        """Take over what `other`, distances of the same table and bound, knows of nodes."""
        for node in list(other._nodes):
            mine, its = self._node(node), other._node(node)
            mine.known |= its.known
            mine.low |= {graph: low for graph, low in its.low.items() if low > mine.at_least(graph)}
