"""How far the end is from the states of the rules that the prover knows exactly, searched as far as a question needs.

The searches themselves are in `distances.py`. Here it is decided which graphs are searched: once for each beginning, by
a search that remembers nothing, so that no answer depends on what was asked before.
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
"""How many nodes the first search of a graph may open; one that needs more is not searched at all."""

FEW = 8
"""With so many edges or fewer it is worked out how far the end is behind each, before a token is chosen."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """`relaxed(node, limit)`: the fewest tokens to an accepting node if the other rules are forgotten.
    `robust(node, limit)`: the same along edges that have more than `bound` tokens to choose from, or one that the
    counted rules never forbid.
    `fresh(node, limit)`: the same along edges that print single characters; `first` tells them.

    Distances beyond `limit` are told as some number beyond it. Tokens that print parts of characters are left out;
    then the relaxed distance proves nothing and is given as 0.

    Only the graphs `searched` are: distances in others are unknown everywhere. Of those `put_off` it is found out when
    one is first needed (`beginning` says where texts begin, and how many tokens they have at most). So every answer is
    a function of the beginning, the node and the limit alone.
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
        """How many tokens the counted rules remove at a place at most; None if they do not say."""
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
        """The edges of a node, those of many tokens last."""
        return self.distances.edges

    @cached_property
    def weight(self) -> Callable[[Mask], float]:
        """How many of the tokens print one character, infinitely many where one of them is spared."""
        return self.distances.weight

    @cached_property
    def singles(self) -> Callable[[Mask], Mask]:
        """Those tokens of a mask that print one whole character."""
        return self.distances.singles

    @cached_property
    def prints(self) -> Callable[[Mask], bool]:
        """Whether any of the tokens prints something."""
        return self.distances.prints

    @cached_property
    def spares(self) -> Callable[[int], bool]:
        """Whether a token is never forbidden by the other rules."""
        return self.distances.spares

    @cached_property
    def has_spared(self) -> Callable[[Mask], bool]:
        """Whether one of the tokens is never forbidden by the other rules."""
        return self.distances.has_spared

    def relaxed(self, node: Node, limit: float = inf) -> float:
        """A lower bound on the tokens to the end, exact up to `limit`; infinite proves that there is none."""
        found = self._distance("relaxed", node, limit) if self.table.is_complete else 0
        return 0 if found is None else found

    def reach(self, node: Node, limit: float) -> float:
        """A number of tokens, at most `limit` unless it is proven that no end is in reach of so many. Of several
        characters in one token it is asked only where single ones do not reach: that is much sooner known."""
        if self.table.is_complete and self.distances.has_merged and (nearest := self.fresh(node, limit)) <= limit:
            return nearest
        return self.relaxed(node, limit)

    def robust(self, node: Node, limit: float = inf) -> float:
        """So many tokens are enough whatever the counted rules remove; infinite if that is not known."""
        if self.bound == 0 and self.distances.has_merged and (nearest := self.fresh(node, limit)) <= limit:
            return nearest  # of tokens that print several characters there are many more sets
        found = self._distance("robust", node, limit)
        return inf if found is None else found

    def is_known_robust(self, node: Node, limit: float) -> bool:
        """Whether `robust` is at most `limit` and was worked out before."""
        return "robust" in self.searched and self.distances.known("robust", node) <= limit

    def fresh(self, node: Node, limit: float = inf) -> float:
        """The fewest tokens to the end if each prints one character; infinite if that is not known."""
        found = self._distance("fresh", node, limit)
        return inf if found is None else found

    def first(self, node: Node) -> Edge | None:
        """The first edge of a nearest way to the end along single characters, of such edges the one of the most tokens;
        None at the end, or if no way is known."""
        if node.accepts or (distance := self.fresh(node)) == inf:
            return None
        for mask, after in reversed(list(self.distances.ways("fresh", node))):
            if after is not None and self.fresh(after, distance - 1) <= distance - 1:
                return mask, after
        return None

    # ------------------------------------------------------------------------------------ which graphs are searched

    def from_origin(self, origin: Node, horizon: float) -> Automaton:
        """The same for the texts that follow `origin` with at most `horizon` tokens: it searches the graphs in which
        the end, or that there is none, is found from there by opening at most `EXPANSIONS` nodes. It is to be asked of
        one that remembers nothing, since what is known makes searches shorter.

        Put off are those of tokens that print several characters: where single ones reach the end, as they mostly do,
        they are never needed (`reach`, `robust`).
        """
        distances, asked = self.distances, self._asked
        put_off = [graph for graph in asked if distances.has_merged and not distances.is_single(graph)]
        asked = [graph for graph in asked if graph not in put_off]
        found = [graph for graph in asked if distances.distance(graph, origin, horizon, EXPANSIONS) is not None]
        return Automaton(distances, frozenset(found), frozenset(put_off), (origin, horizon))

    def behind(self, origin: Node) -> Automaton:
        """The same for texts of another beginning where the same is searched, as far as nothing is put off."""
        assert self.beginning is not None
        return replace(self, beginning=(origin, self.beginning[1]))

    @property
    def _asked(self) -> list[Graph]:
        """The graphs that tell anything, in such an order that the first may tell of the others, too."""
        order: tuple[Graph, ...] = ("robust", "relaxed", "fresh")
        tells = {"robust": self.bound is not None, "relaxed": self.table.is_complete, "fresh": True}
        return [graph for graph in order if tells[graph]]

    def is_searched(self, graph: Graph) -> bool:
        """Whether distances in a graph are known, which is found out if it was put off."""
        if graph not in self.put_off:
            return graph in self.searched
        found = self._found_out.get(graph)
        if found is None:
            found = self._found_out[graph] = self._find_out(graph)
        return found

    def _find_out(self, graph: Graph) -> bool:
        assert self.beginning is not None
        blind = replace(self.distances)  # which remembers nothing
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
        """The edges of a node and how far the end is behind each, as `reach` tells, or what the rules promise where
        there are more than `FEW`, for each of which a search would be needed."""
        edges = self.edges(node)
        if not self.table.is_complete:
            return [(mask, 0) for mask, _ in edges]
        asked = self.reach if len(edges) <= FEW else self._promised
        return [(mask, 0 if after is None else asked(after, left)) for mask, after in edges]

    def _promised(self, node: Node, left: float) -> float:
        return self.distances.promised(node)

    def dead_among(self, node: Node, left: int, tokens: np.ndarray) -> np.ndarray:
        """Those of the tokens, which `alive` lets follow, behind which no end is in reach of `left` more."""
        if not self.table.is_complete or len(self.table.edges(node)) <= FEW:
            return tokens[:0]
        edges = self.table.edges(node)
        edge_of = self.table.edge_of(node)
        numbers = np.frombuffer(edge_of, dtype=edge_of.typecode)[tokens]
        behind = [(number, edges[number - 1][1]) for number in np.unique(numbers).tolist() if number]
        dead = [number for number, after in behind if after is not None and self.reach(after, left) > left]
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

    def stuck(self, node: Node, limit: float) -> Node | None:
        """Where the longest way from here ends that has no continuation at all, if there is no end within `limit`."""
        if not self.table.is_complete or not self.is_searched("relaxed"):
            return None
        search = Search("relaxed", limit, EXPANSIONS, node, {node: 0})
        found = replace(self.distances).search(search)
        return search.stuck if found is not None and found > limit else None
