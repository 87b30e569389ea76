"""The state table: joint states of the rules that the automaton knows, one object each, filled on first visit.

A `Part` is a state of one rule, a `Node` a joint state of all of them. Both are interned and compared by identity, so a
step is a look-up, whatever the states are. `edge_of` gives the edge by which a token leaves a node.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import PluginError, quoted
from ..memory import Interned, Memory, interned, remembered
from ..patience import check
from ..text.token_sets import Intern, Mask
from ..text.vocabulary import Vocabulary
from .answers import whose, wrong_set
from .lifting.lift import Lifted
from .lifting.partitions import partition
from .rule import Rule

PARTS = 100_000
"""For how many states of one rule the successors are remembered."""

NODES = 400_000
"""For how many joint states they are remembered."""

PARTITIONS = 1_000
"""How many partitions of the vocabulary into edges are remembered."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Part:
    """A state of one rule, and what the rule says of it.

    `accepts`: whether the text may end here. `cut`: how many tokens it cuts. `min_remaining`: how many tokens are missing at
    least; `min_remaining_singly`: the same if each prints one character.
    """

    state: Any
    accepts: bool
    cut: int
    min_remaining: float
    min_remaining_singly: float


@dataclass(eq=False, slots=True, weakref_slot=True)
class Node:
    """A joint state of the rules that the automaton knows, one part for each; `order` holds these rules' numbers."""

    parts: tuple[Part, ...]
    order: tuple[int, ...]
    accepts: bool
    cut: int

    @property
    def states(self) -> tuple[Any, ...]:
        """The states of the rules, in their order."""
        return tuple([part.state for part in self.parts])


Move = tuple[Mask, Part | None]
"""Tokens with the same effect, and the part they lead to (None: they complete a stop string)."""

Edge = tuple[Mask, Node | None]


@dataclass(frozen=True, eq=False)
class RuleTable:
    """The states of one rule.

    Successors are what the rule offers, else the result of one step for each kind of token. Of the `usable` tokens, the
    `single` ones print one character.
    """

    rule: Rule
    intern: Intern
    usable: Mask
    single: Mask
    _parts: Interned[Any, Part] = interned(PARTS)
    _moves: Memory[tuple[Part, bool], Sequence[Move]] = remembered(PARTS)

    def part(self, state: Any) -> Part:
        """The one object for a state."""
        found = self._parts.get(state)
        if found is None:
            rule, promises = self.rule, self.rule.promises
            cut = 0 if promises.cut is None else self._cut(state)
            accepts, least = bool(rule.constraint.accepts(state)), promises.min_remaining(state)
            singly = least if promises.min_remaining_singly is None else promises.min_remaining_singly(state)
            found = self._parts.put(state, Part(state, accepts, cut, least, singly))
        return found

    def _cut(self, state: Any) -> int:
        """How many tokens a state cuts; PluginError if that is not a count."""
        assert self.rule.promises.cut is not None
        found = self.rule.promises.cut(state)
        if not isinstance(found, int) or found < 0:
            raise PluginError(
                f"{whose(self.rule.label, self.rule.origin)} gave {quoted(found)} in cut; return a whole number from 0."
            )
        return found

    def transitions(self, part: Part, *, single: bool) -> Sequence[Move]:
        """The successors of a part, as disjoint non-empty sets of tokens.

        Tokens that print parts of characters are left out. With `single`, only tokens of one character are included.
        """
        found = self._moves.get((part, single))
        if found is None:
            offered = self.rule.transitions(part.state, single=single)
            usable = self.single if single else self.usable
            if offered is None:
                moves = self._by_kind(part.state, usable)
            else:
                moves = offered if isinstance(self.rule.constraint, Lifted) else self._own(offered, usable)
            known = [(mask, self._past(after)) for mask, after in moves if mask.size]
            found = self._moves.put((part, single), known)
        return found

    def _own(self, offered: Iterable[tuple[Any, Any]], usable: Mask) -> Iterable[tuple[Mask, Any]]:
        for tokens, after in offered:
            if wrong := wrong_set(tokens, len(self.usable.array), "transitions"):
                raise PluginError(f"{whose(self.rule.label, self.rule.origin)} {wrong}.")
            mask = tokens if isinstance(tokens, Mask) else self.intern.mask(np.asarray(tokens, dtype=bool))
            yield self.intern.meet_two(mask, usable), after

    def _past(self, after: Any) -> Part | None:
        """The part, or None if a stop string is complete."""
        found = self.part(after)
        return None if found.cut else found

    @cached_property
    def _classes(self) -> np.ndarray:
        kinds = self.rule.kinds
        assert kinds is not None
        return partition([kinds], len(kinds))

    @cached_property
    def _samples(self) -> list[int]:
        """One usable token of each class, -1 where it has none."""
        found = np.full(int(self._classes.max(initial=-1)) + 1, -1)
        ids = self.usable.array.nonzero()[0][::-1]
        found[self._classes[ids]] = ids
        return [int(token) for token in found]

    def _by_kind(self, state: Any, usable: Mask) -> Iterable[tuple[Mask, Any]]:
        numbers: dict[Any, int] = {}
        lookup = np.full(len(self._samples), -1)
        cut = self.rule.promises.cut
        ended: dict[int, Any] = {}
        for kind, token in enumerate(self._samples):
            if token >= 0 and self.rule.permits(state, token):
                after = self.rule.constraint.next(state, token)
                key = None if cut is not None and cut(after) else after  # all completed stop strings count as one
                lookup[kind] = numbers.setdefault(key, len(numbers))
                ended.setdefault(lookup[kind], after)
        where = lookup[self._classes]
        for number, after in ended.items():
            yield self.intern.mask((where == number) & usable.array), after


@dataclass(frozen=True, eq=False)
class StateTable:
    """The joint states of some rules; `order` holds their numbers in the product they come from."""

    rules: tuple[Rule, ...]
    order: tuple[int, ...]
    vocabulary: Vocabulary
    intern: Intern
    _nodes: Interned[tuple[Part, ...], Node] = interned(NODES)
    _edges: Memory[Node, Sequence[Edge]] = remembered(NODES)
    _single_edges: Memory[Node, Sequence[Edge]] = remembered(NODES)
    _edges_of: Memory[Node, array[int]] = remembered(NODES)
    _ways: Memory[Node, tuple[array[int], tuple[Node | None, ...]]] = remembered(NODES)
    _partitions: Memory[tuple[Mask, ...], array[int]] = remembered(PARTITIONS)

    @cached_property
    def is_complete(self) -> bool:
        """Whether the edges cover all tokens, since none prints a part of a character."""
        return not self.vocabulary.partial

    @cached_property
    def whole(self) -> Mask:
        """The usable tokens that print whole characters, or nothing."""
        return self.intern.mask(self.vocabulary.is_usable & (self.vocabulary.arrays.lengths >= 0))

    @cached_property
    def single(self) -> Mask:
        """The usable tokens that print one character."""
        return self.intern.mask(self.vocabulary.is_usable & (self.vocabulary.arrays.lengths == 1))

    @cached_property
    def tables(self) -> tuple[RuleTable, ...]:
        """The states of each rule."""
        return tuple(RuleTable(rule, self.intern, self.whole, self.single) for rule in self.rules)

    def node(self, states: Iterable[Any]) -> Node:
        """The one object for a state of each rule."""
        return self._join(tuple([table.part(state) for table, state in zip(self.tables, states, strict=True)]))

    def _join(self, parts: tuple[Part, ...]) -> Node:
        found = self._nodes.get(parts)
        if found is None:
            accepts = all(part.accepts for part in parts)
            cut = max([part.cut for part in parts], default=0)
            found = self._nodes.put(parts, Node(parts, self.order, accepts, cut))
        return found

    def edges(self, node: Node) -> Sequence[Edge]:
        """The edges of a node: disjoint sets of tokens, which together are what may follow, and their target nodes.

        A target of None means that a stop string is complete.
        """
        found = self._edges.get(node)
        return self._edges.put(node, self._join_moves(node, single=False)) if found is None else found

    def single_edges(self, node: Node) -> Sequence[Edge]:
        """The same for tokens that print one character."""
        found = self._single_edges.get(node)
        return self._single_edges.put(node, self._join_moves(node, single=True)) if found is None else found

    def _join_moves(self, node: Node, *, single: bool) -> Sequence[Edge]:
        check()
        mask, forks = self.single if single else self.whole, []
        behind: list[Part | None] = list(node.parts)
        for place, (table, part) in enumerate(zip(self.tables, node.parts, strict=True)):
            moves = table.transitions(part, single=single)
            if len(moves) == 1:
                mask = self.intern.meet_two(mask, moves[0][0])
                behind[place] = moves[0][1]
            else:
                forks.append((place, moves))
        found = [(mask, behind)] if mask.size else []
        for place, moves in forks:
            found = list(self._fork(found, place, moves, self.single if single else self.whole))
        return [(mask, None if None in parts else self._join(tuple(parts))) for mask, parts in found]  # type: ignore[arg-type]

    def _fork(
        self, found: Sequence[tuple[Mask, list[Part | None]]], place: int, moves: Sequence[Move], everything: Mask
    ) -> Iterator[tuple[Mask, list[Part | None]]]:
        """Split the sets found so far by the moves of one more rule; no move has tokens outside `everything`."""
        meet = self.intern.meet_two
        for mask, behind in found:
            check()
            for option, after in moves:
                both = option if mask is everything else meet(mask, option)
                if both.size:
                    yield both, [*behind[:place], after, *behind[place + 1 :]]

    def after(self, node: Node, token: int) -> Node:
        """The node after a permitted token."""
        edges = self._edges.get(node)
        if edges is not None:
            edge = self.edge_of(node)[token]
            if edge and (found := edges[edge - 1][1]) is not None:
                return found
        pairs = zip(self.rules, node.parts, strict=True)
        return self.node([rule.constraint.next(part.state, token) for rule, part in pairs])

    def along(self, node: Node, token: int) -> Node | None:
        """The node after a permitted token, if the edges of `node` were computed before."""
        ways = self._ways.get(node)
        if ways is None:
            edges = self._edges.get(node)
            if edges is None:
                return None
            ways = self._ways.put(node, (self.edge_of(node), (None, *[after for _, after in edges])))
        edge_of, afters = ways
        return afters[edge_of[token]]

    def permits(self, node: Node, token: int) -> bool:
        """Whether all these rules permit a token."""
        if node in self._edges and (self.is_complete or self.whole.array[token]):
            return bool(self.edge_of(node)[token])
        return all(rule.permits(part.state, token) for rule, part in zip(self.rules, node.parts, strict=True))

    def edge_of(self, node: Node) -> array[int]:
        """The number of each token's edge, counted from 1, [vocab]; 0 where it has none.

        Nodes whose edges have the same sets of tokens share the array.
        """
        known = self._edges_of.get(node)
        if known is not None:
            return known
        masks = tuple([mask for mask, _ in self.edges(node)])
        found = self._partitions.get(masks)
        if found is None:
            code = "B" if len(masks) < 1 << 8 else "I"
            numbers = np.zeros(len(self.vocabulary), dtype=code)
            for number, mask in enumerate(masks):
                numbers[mask.array] = number + 1
            found = self._partitions.put(masks, array(code, numbers.tobytes()))
        return self._edges_of.put(node, found)
