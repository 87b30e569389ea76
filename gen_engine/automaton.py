"""How far the end is from the states of the rules that the prover knows exactly, searched as far as a question needs.

A node is a state of these rules, an edge a set of tokens that lead from one to the next (`states.py`). Distances are
found by A* (Hart, Nilsson and Raphael 1968) with what rules promise to need at least; what a search learns is kept for
the next one (Koenig and Likhachev 2005, "Adaptive A*"), which makes it faster and never tells it anything else.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import Literal

import numpy as np

from .memory import Memory
from .patience import check
from .states import Edge, Node, StateTable
from .text import Vocabulary
from .tokensets import Intern, Mask

Graph = Literal["relaxed", "robust", "fresh"]
GRAPHS: tuple[Graph, ...] = ("relaxed", "robust", "fresh")
"""Which edges count: all; those on which no counted rule can leave nothing; those that print single characters."""

EXPANSIONS = 30_000
"""How many nodes the first search of a graph may open; one that needs more is not searched at all."""

EDGES = 4
"""A node with many edges counts once for each so many of them."""

NODES = 400_000
"""Of how many nodes the distances are remembered."""

WEIGHTS = 16_384
"""Of how many sets of tokens it is remembered how many there are to choose from."""

SMALL = 16
"""Up to this set size, look for a token that no counted rule can forbid."""

FEW = 8
"""With so many edges or fewer it is worked out how far the end is behind each, before a token is chosen."""


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
class _Search:
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
class Automaton:
    """`relaxed(node, limit)`: the fewest tokens to an accepting node if the other rules are forgotten.
    `robust(node, limit)`: the same along edges that have more than `bound` tokens to choose from, or one that the
    counted rules never forbid (`spares` says so, asked for edges of few tokens, at most `narrow`).
    `fresh(node, limit)`: the same along edges that print single characters; `first` tells them.

    Distances beyond `limit` are told as some number beyond it. Tokens that print parts of characters are left out;
    then the relaxed distance proves nothing and is given as 0.

    Only the graphs `searched` are: distances in others are unknown everywhere. So every answer is a function of the
    node and the limit alone.
    """

    table: StateTable
    bound: int | None
    narrow: int = 0
    searched: frozenset[Graph] = frozenset()
    spares: Callable[[int], bool] = lambda token: False
    _nodes: Memory[Node, _Known] = field(default_factory=lambda: Memory(NODES), repr=False)
    _weights: Memory[Mask, float] = field(default_factory=lambda: Memory(WEIGHTS), repr=False)
    _spared: Memory[Mask, bool] = field(default_factory=lambda: Memory(WEIGHTS), repr=False)

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of all rules."""
        return self.table.vocabulary

    @property
    def intern(self) -> Intern:
        """Where masks are remembered."""
        return self.table.intern

    def relaxed(self, node: Node, limit: float = inf) -> float:
        """A lower bound on the tokens to the end, exact up to `limit`; infinite proves that there is none."""
        found = self._distance("relaxed", node, limit) if self.table.is_complete else 0
        return 0 if found is None else found

    def robust(self, node: Node, limit: float = inf) -> float:
        """So many tokens are enough whatever the counted rules remove; infinite if that is not known."""
        if self.bound == 0 and self._has_merged and (nearest := self.fresh(node, limit)) <= limit:
            return nearest  # of tokens that print several characters there are many more sets
        found = self._distance("robust", node, limit)
        return inf if found is None else found

    def is_known_robust(self, node: Node, limit: float) -> bool:
        """Whether `robust` is at most `limit` and was worked out before."""
        known = self._nodes.get(node)
        return known is not None and "robust" in self.searched and known.known.get("robust", inf) <= limit

    def fresh(self, node: Node, limit: float = inf) -> float:
        """The fewest tokens to the end if each prints one character; infinite if that is not known."""
        found = self._distance("fresh", node, limit)
        return inf if found is None else found

    def first(self, node: Node) -> Edge | None:
        """The first edge of a nearest way to the end along single characters, of such edges the one of the most tokens;
        None at the end, or if no way is known."""
        if node.accepts or (distance := self.fresh(node)) == inf:
            return None
        for mask, after in reversed(list(self._ways("fresh", node))):
            if after is not None and self.fresh(after, distance - 1) <= distance - 1:
                return mask, after
        return None

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
        if found is None:
            # Where rules are counted, they are counted in single characters.
            found = (mask if self.bound == 0 else self.singles(mask)).size
            if found <= min(self.narrow, SMALL) and self.has_spared(mask):
                found = inf
            self._weights.put(mask, found)
        return found

    def has_spared(self, mask: Mask) -> bool:
        """Whether one of the tokens is never forbidden by the other rules."""
        found = self._spared.get(mask)
        if found is None:
            found = self._spared.put(mask, any(map(self.spares, self._counted(mask).array.nonzero()[0].tolist())))
        return found

    def _counted(self, mask: Mask) -> Mask:
        return mask if self.bound == 0 else self.singles(mask)

    def edges(self, node: Node) -> Sequence[Edge]:
        """The edges of a node, those of many tokens last."""
        known = self._node(node)
        if known.edges is None:
            edges = self.table.edges(node)
            known.edges = sorted(edges, key=lambda edge: self.weight(edge[0])) if len(edges) > 1 else edges
        return known.edges

    @cached_property
    def _has_merged(self) -> bool:
        """Whether some token prints several characters."""
        return bool(self.vocabulary.merged)

    def _is_single(self, graph: Graph) -> bool:
        """Whether only tokens of single characters count in a graph, though there are others."""
        return self._has_merged and (graph == "fresh" or (graph == "robust" and self.bound != 0))

    def _edges_in(self, graph: Graph, node: Node) -> Sequence[Edge]:
        """The edges of a node that may count in a graph: those of other tokens are not even worked out."""
        if not self._is_single(graph):
            return self.edges(node)
        known = self._node(node)
        if known.single is None:
            known.single = sorted(self.table.single_edges(node), key=lambda edge: self.weight(edge[0]))
        return known.single

    def _node(self, node: Node) -> _Known:
        known = self._nodes.get(node)
        if known is None:
            leasts = [0] if node.accepts else [part.least for part in node.parts]
            known = self._nodes.put(node, _Known(max(leasts, default=0), sum(leasts)))
            if self._has_merged and not node.accepts:  # a way of single characters is longer than one of any tokens
                least = max([part.least_singly for part in node.parts], default=0)
                known.low = {graph: least for graph in GRAPHS if self._is_single(graph)}
        return known

    def _ways(self, graph: Graph, here: Node) -> Iterator[Edge]:
        """The edges that count and lead elsewhere."""
        return (edge for edge in self._edges_in(graph, here) if edge[1] is not here and self._counts(graph, edge))

    def _counts(self, graph: Graph, edge: Edge) -> bool:
        mask, after = edge
        if graph == "relaxed":
            return True
        if after is None:
            return False
        return self.weight(mask) > self.bound if graph == "robust" and self.bound is not None else self.weight(mask) > 0

    # --------------------------------------------------------------------------------------------- the searches

    def from_origin(self, origin: Node, horizon: float) -> Automaton:
        """The same for the texts that follow `origin` with at most `horizon` tokens: it searches the graphs in which
        the end, or that there is none, is found from there by opening at most `EXPANSIONS` nodes. It is to be asked of
        one that remembers nothing, since what is known makes searches shorter."""
        # In this order: the first may tell of the others, too, and the second of the third.
        asked = {"robust": self.bound is not None, "relaxed": self.table.is_complete, "fresh": True}
        graphs: list[Graph] = [graph for graph in ("robust", "relaxed", "fresh") if asked[graph]]
        found = [graph for graph in graphs if self._searched(graph, origin, horizon, EXPANSIONS) is not None]
        return replace(self, searched=frozenset(found))

    def _distance(self, graph: Graph, node: Node, limit: float) -> float | None:
        """The distance if it is at most `limit`, else a number beyond it; None in a graph that is not searched."""
        return self._searched(graph, node, limit, inf) if graph in self.searched else None

    def _searched(self, graph: Graph, node: Node, limit: float, expansions: float) -> float | None:
        if node.accepts:
            return 0
        known = self._node(node)
        if graph in known.known:
            return known.known[graph]
        if known.at_least(graph) > limit:
            return known.at_least(graph)
        return self._search(_Search(graph, limit, expansions, node, {node: 0}))

    def _search(self, search: _Search) -> float | None:
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
            edges = self._edges_in(graph, here)
            search.opened += bool(queue) * max(1, len(edges) // EDGES)  # a way without forks is no search
            if search.opened > search.expansions:
                return None
            if so_far >= search.deepest and all(after is here for _, after in edges):
                search.deepest, search.stuck = so_far, here
            for mask, after in self._ways(graph, here):
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

    def _end(self, search: _Search, total: float) -> float:
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

    def _settle(self, search: _Search, here: Node, total: float) -> float:
        """Write down the way that was found, and what it says of the nodes beside it."""
        graph, last = search.graph, self._node(here)
        distance = last.known.setdefault(graph, 0)
        self._learn(search, total)
        # A way that is as short as the rules promise at best is a nearest one of all, and a nearest way of all whose
        # edges print single characters is a nearest one of those.
        promised = self._node(search.start).at_least("relaxed")
        is_nearest = graph == "relaxed" or (graph == "robust" and here.accepts and total <= promised)
        is_fresh = is_nearest and (here.accepts or last.known.get("fresh") == distance)
        while here in search.came:
            (here, mask), distance = search.came[here], distance + 1
            known = self._node(here).known
            known[graph] = distance
            if is_nearest:
                known["relaxed"] = distance
            is_fresh = is_fresh and self.weight(mask) > 0
            if is_fresh:
                known["fresh"] = distance
        return total

    def _learn(self, search: _Search, total: float) -> None:
        for node, so_far in search.begun.items():
            known = self._node(node)
            if total - so_far > known.at_least(search.graph):
                known.low[search.graph] = total - so_far

    def stuck(self, node: Node, limit: float) -> Node | None:
        """Where the longest way from here ends that has no continuation at all, if there is no end within `limit`."""
        if not self.table.is_complete or "relaxed" not in self.searched:
            return None
        search = _Search("relaxed", limit, EXPANSIONS, node, {node: 0})
        blind = Automaton(self.table, self.bound, self.narrow, spares=self.spares)
        found = blind._search(search)
        return search.stuck if found is not None and found > limit else None

    # ------------------------------------------------------------------------------------------ what may follow

    def onward(self, node: Node, left: int) -> list[tuple[Mask, float]]:
        """The edges of a node and how far the end is behind each: exact up to `left` tokens, or what the rules promise
        where there are more than `FEW`, for each of which a search would be needed."""
        edges = self.edges(node)
        if not self.table.is_complete:
            return [(mask, 0) for mask, _ in edges]
        asked = self.relaxed if len(edges) <= FEW else self._promised
        return [(mask, 0 if after is None else asked(after, left)) for mask, after in edges]

    def _promised(self, node: Node, left: float) -> float:
        return self._node(node).least

    def dead_among(self, node: Node, left: int, tokens: np.ndarray) -> np.ndarray:
        """Those of the tokens, which `alive` lets follow, behind which no end is in reach of `left` more."""
        if not self.table.is_complete or len(self.table.edges(node)) <= FEW:
            return tokens[:0]
        edges = self.table.edges(node)
        numbers = np.frombuffer(self.table.edge_of(node), dtype=np.uint32)[tokens]
        behind = [(number, edges[number - 1][1]) for number in np.unique(numbers).tolist() if number]
        dead = [number for number, after in behind if after is not None and self.relaxed(after, left) > left]
        return tokens[np.isin(numbers, dead)] if dead else tokens[:0]

    def alive(self, node: Node, left: int) -> Mask | None:
        """The tokens that may follow as far as these rules know, without those that lead where no end is in reach of
        `left` more, as `onward` tells; None if there are parts of characters, which are left out here."""
        if not self.table.is_complete:
            return None
        masks = [mask for mask, distance in self.onward(node, left) if distance <= left]
        if len(masks) == 1:
            return masks[0]
        nothing = np.zeros(len(self.vocabulary), dtype=bool)
        return self.intern.mask(np.logical_or.reduce([nothing, *(mask.array for mask in masks)]))
