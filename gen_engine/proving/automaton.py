"""The distance to the end from the states of the exactly known rules, searched as far as each question needs.

`distances.py` holds the searches themselves. This file decides which graphs are searched. It decides once for each
beginning, by a search without memory, so that no answer depends on earlier questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

import numpy as np

from ..text.token_sets import Intern, Mask
from ..text.vocabulary import Vocabulary
from .distances import Distances, Graph, Search
from .states import Edge, Node, StateTable

EXPANSIONS = 30_000
"""The most nodes that the first search of a graph may open; a graph that needs more is not searched at all."""

FEW = 8
"""Up to this number of edges, the distance behind each is searched before a token is chosen."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """Distances to the end in three graphs of the joint states.

    `relaxed(node, limit)`: the fewest tokens to an accepting node if the other rules are ignored.
    `robust(node, limit)`: the same along edges with more than `bound` tokens, or with one that the counted rules never
    forbid.
    `single(node, limit)`: the same along edges that print single characters; `first` returns the first such edge.

    A distance beyond `limit` is reported as some number beyond it. Tokens that print parts of characters are left out.
    If there are any, the relaxed distance proves nothing and is reported as 0.

    Only the graphs in `searched` are searched; in others all distances are unknown. For graphs in `put_off` that is
    decided on first use (`beginning` says where texts begin, and how many tokens they have at most). So every answer
    depends on the beginning, the node and the limit alone.
    """

    distances: Distances
    searched: frozenset[Graph] = frozenset()
    put_off: frozenset[Graph] = frozenset()
    beginning: tuple[Node, float] | None = None
    _found_out: dict[Graph, bool] = field(default_factory=dict, init=False, repr=False)  # at most one for each graph

    @property
    def table(self) -> StateTable:
        """The nodes and their edges."""
        return self.distances.table

    @property
    def bound(self) -> int | None:
        """The most tokens that the counted rules remove at one place; None if they promise no bound."""
        return self.distances.bound

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of all rules."""
        return self.table.vocabulary

    @property
    def intern(self) -> Intern:
        """Where masks are remembered."""
        return self.table.intern

    @cached_property
    def edges(self) -> Callable[[Node], Sequence[Edge]]:
        """The edges of a node, those with many tokens last."""
        return self.distances.edges

    @cached_property
    def weight(self) -> Callable[[Mask], float]:
        """How many of the tokens print one character; infinite if the counted rules never forbid one of them."""
        return self.distances.weight

    @cached_property
    def singles(self) -> Callable[[Mask], Mask]:
        """The tokens of a mask that print one whole character."""
        return self.distances.singles

    @cached_property
    def prints(self) -> Callable[[Mask], bool]:
        """Whether any of the tokens prints something."""
        return self.distances.prints

    @cached_property
    def never_forbids(self) -> Callable[[int], bool]:
        """Whether a token is never forbidden by the other rules."""
        return self.distances.never_forbids

    @cached_property
    def has_spared(self) -> Callable[[Mask], bool]:
        """Whether one of the tokens is never forbidden by the other rules."""
        return self.distances.has_spared

    def relaxed(self, node: Node, limit: float = inf) -> float:
        """A lower bound on the tokens to the end, exact up to `limit`; infinity proves that there is no end."""
        found = self._distance("relaxed", node, limit) if self.table.is_complete else 0
        return 0 if found is None else found

    def reach(self, node: Node, limit: float) -> float:
        """A number of tokens that exceeds `limit` only if it is proven that no end is within `limit` tokens.

        Tokens of several characters are searched only where single characters do not reach the end, since searches
        with single characters are much faster.
        """
        if self.table.is_complete and self.distances.has_merged and (nearest := self.single(node, limit)) <= limit:
            return nearest
        return self.relaxed(node, limit)

    def robust(self, node: Node, limit: float = inf) -> float:
        """This many tokens are enough whatever the counted rules remove; infinite if that is not known."""
        if self.bound == 0 and self.distances.has_merged and (nearest := self.single(node, limit)) <= limit:
            return nearest  # there are many more sets of tokens that print several characters
        found = self._distance("robust", node, limit)
        return inf if found is None else found

    def is_known_robust(self, node: Node, limit: float) -> bool:
        """Whether `robust` is at most `limit` and was computed before."""
        return "robust" in self.searched and self.distances.known("robust", node) <= limit

    def single(self, node: Node, limit: float = inf) -> float:
        """The fewest tokens to the end if each prints one character; infinite if that is not known."""
        found = self._distance("single", node, limit)
        return inf if found is None else found

    def first(self, node: Node) -> Edge | None:
        """The first edge of a shortest path to the end along single characters; None at the end or if none is known.

        Of several such edges it is the one with the most tokens.
        """
        if node.accepts or (distance := self.single(node)) == inf:
            return None
        for mask, after in reversed(list(self.distances.ways("single", node))):
            if after is not None and self.single(after, distance - 1) <= distance - 1:
                return mask, after
        return None

    # ------------------------------------------------------------------------------------ which graphs are searched

    def from_origin(self, origin: Node, horizon: float) -> Automaton:
        """The automaton for texts that follow `origin` with at most `horizon` tokens.

        It searches the graphs in which opening at most `EXPANSIONS` nodes finds the end, or that there is none. Call it
        on an automaton without memory, since known distances make searches shorter.

        Graphs of tokens that print several characters are put off. They are not needed where single characters reach
        the end, as they mostly do (`reach`, `robust`).
        """
        distances, asked = self.distances, self._asked
        put_off = [graph for graph in asked if distances.has_merged and not distances.is_single(graph)]
        asked = [graph for graph in asked if graph not in put_off]
        found = [graph for graph in asked if distances.distance(graph, origin, horizon, EXPANSIONS) is not None]
        return Automaton(distances, frozenset(found), frozenset(put_off), (origin, horizon))

    def behind(self, origin: Node) -> Automaton:
        """The automaton for another beginning from which the same graphs are searched, unless some are put off."""
        assert self.beginning is not None
        return replace(self, beginning=(origin, self.beginning[1]))

    @property
    def _asked(self) -> list[Graph]:
        """The graphs that are informative, in an order in which earlier ones may answer for later ones."""
        order: tuple[Graph, ...] = ("robust", "relaxed", "single")
        tells = {"robust": self.bound is not None, "relaxed": self.table.is_complete, "single": True}
        return [graph for graph in order if tells[graph]]

    def is_searched(self, graph: Graph) -> bool:
        """Whether distances in a graph are known; for a graph that was put off, decide it now."""
        if graph not in self.put_off:
            return graph in self.searched
        found = self._found_out.get(graph)
        if found is None:
            found = self._found_out[graph] = self._find_out(graph)
        return found

    def _find_out(self, graph: Graph) -> bool:
        assert self.beginning is not None
        blind = replace(self.distances)  # has no memory
        upto = self._asked.index(graph) + 1
        found = [blind.distance(each, *self.beginning, EXPANSIONS) for each in self._asked[:upto]]
        if found[-1] is not None:
            self.distances.adopt(blind)
        return found[-1] is not None

    def _distance(self, graph: Graph, node: Node, limit: float) -> float | None:
        """The distance if it is at most `limit`, else a number beyond it; None in a graph that is not searched."""
        return self.distances.distance(graph, node, limit) if self.is_searched(graph) else None

    # ------------------------------------------------------------------------------------------ what may follow

    def onward(self, node: Node, left: int) -> list[tuple[Mask, float]]:
        """The edges of a node, and the distance to the end behind each.

        The distances are those of `reach`. Beyond `FEW` edges they are what the rules promise, since each edge would
        need a search.
        """
        edges = self.edges(node)
        if not self.table.is_complete:
            return [(mask, 0) for mask, _ in edges]
        asked = self.reach if len(edges) <= FEW else self._promised
        return [(mask, 0 if after is None else asked(after, left)) for mask, after in edges]

    def _promised(self, node: Node, left: float) -> float:
        return self.distances.promised(node)

    def dead_among(self, node: Node, left: int, tokens: np.ndarray) -> np.ndarray:
        """Those `tokens` (which `alive` permits) behind which no end is within `left` more tokens."""
        if not self.table.is_complete or len(self.table.edges(node)) <= FEW:
            return tokens[:0]
        edges = self.table.edges(node)
        edge_of = self.table.edge_of(node)
        numbers = np.frombuffer(edge_of, dtype=edge_of.typecode)[tokens]
        behind = [(number, edges[number - 1][1]) for number in np.unique(numbers).tolist() if number]
        dead = [number for number, after in behind if after is not None and self.reach(after, left) > left]
        return tokens[np.isin(numbers, dead)] if dead else tokens[:0]

    def alive(self, node: Node, left: int) -> Mask | None:
        """The tokens that these rules permit, without those behind which `onward` sees no end within `left` more.

        None if the vocabulary has tokens for parts of characters, which this automaton leaves out.
        """
        if not self.table.is_complete:
            return None
        masks = [mask for mask, distance in self.onward(node, left) if distance <= left]
        if len(masks) == 1:
            return masks[0]
        nothing = np.zeros(len(self.vocabulary), dtype=bool)
        return self.intern.mask(np.logical_or.reduce([nothing, *(mask.array for mask in masks)]))

    def stuck(self, node: Node, limit: float) -> Node | None:
        """The node where the longest path from here gets stuck, if there is no end within `limit`."""
        if not self.table.is_complete or not self.is_searched("relaxed"):
            return None
        search = Search("relaxed", limit, EXPANSIONS, node, {node: 0})
        found = replace(self.distances).search(search)
        return search.stuck if found is not None and found > limit else None
