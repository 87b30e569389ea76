"""Proofs by counting characters: enough different ones for every place, or too few.

Many history rules (no repetition, no rhyme word twice) permit every character that is new to the text. So a rest exists
if each place ahead can have a character of its own. Places with very many choices always can; for the others it is a
matching problem. Conversely, a rule may forbid every repetition for good. Then places that cannot all have different
characters prove that there is no rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from ..memory import Memory, remembered
from ..patience import check
from ..text.token_sets import Mask
from .automaton import Automaton
from .distances import NODES
from .lifting.lift import Lifted
from .lifting.promises import offered
from .matching import representatives
from .rooms import Rooms, suffices
from .rule import Rule
from .states import Edge, Node

PLACES = 400
"""The most narrow places that are matched."""

KEPT = 4
"""How many matchings are remembered for a state."""

CHARS = 4_096
"""How many sets of tokens have their characters remembered."""

CLASHES = 10_000
"""For how many questions the answer whether characters are too few is remembered."""

SETS = 64
"""For how many sets of wanted characters their possible places are remembered."""

LAYERED = 30_000
"""The most states that all layers may hold together; beyond that, places ahead are unknown."""


@dataclass(eq=False)
class _Narrow:
    """Places with few characters to choose from: the domain of each, and the choices found so far, the newest last."""

    domains: tuple[tuple[str, ...], ...] = ()
    choices: list[frozenset[str]] = field(default_factory=list)

    @cached_property
    def usual(self) -> frozenset[str]:
        """The choice if no character is taken; empty if there is none."""
        return frozenset(representatives(self.domains) or ()) if len(self.domains) <= PLACES else frozenset()

    def match(self, taken: frozenset[str]) -> frozenset[str] | None:
        """A choice of different characters that are not taken; None if there is none, or there are too many places."""
        if len(self.domains) > PLACES:
            return None
        for choice in self.choices:
            if choice.isdisjoint(taken):
                return choice
        found = representatives(self.domains, taken)
        if found is None:
            return None
        self.choices[: -KEPT + 1] = []
        self.choices.append(frozenset(found))
        return self.choices[-1]


@dataclass(frozen=True, eq=False)
class Ahead:
    """The places ahead on one path to the end.

    `count` is their number, `narrow` the narrow ones, `widest` the fewest tokens at any other place. `arrives` says
    whether there is such a path.
    """

    count: int
    narrow: _Narrow
    widest: float
    arrives: bool


class Reach(NamedTuple):
    """The path ahead of a node.

    `places` is its length, `usual` the usual choice for its narrow places. The other places have enough tokens as long
    as fewer than `spendable` characters are spent, counted once for each rule.
    """

    places: float
    usual: frozenset[str]
    spendable: float


NOWHERE = Reach(inf, frozenset(), 0)


@dataclass(frozen=True, eq=False)
class Distinct:
    """Counts for the rules outside the automaton; `room` is the largest number of characters a text may have."""

    automaton: Automaton
    rules: tuple[Rule, ...]
    room: int
    _ahead: Memory[Node, Ahead] = remembered(NODES)
    _reach: Memory[Node, Reach] = remembered(NODES)
    _chars: Memory[Mask, tuple[str, ...]] = remembered(CHARS)
    _clashes: Memory[tuple[Any, ...], bool] = remembered(CLASHES)
    _rooms: Memory[tuple[str, ...], Rooms] = remembered(SETS)

    def suffices(self, node: Node, others: Sequence[Any], budget: int, wanted: tuple[str, ...] = ()) -> bool:
        """Whether a rest of at most `budget` tokens is known in which every character is new, and all `wanted` occur.

        `node` belongs to the automaton; `others` are the states of the rules outside it.
        """
        spent: list[frozenset[str]] = []
        for rule, other in zip(self.rules, others, strict=True):
            if rule.promises.gathers is not None:
                continue
            chars = rule.promises.only_forbids_repeats_of(other)
            if chars is None:
                return False
            spent.append(chars)
        if self.automaton.single(node, budget) > budget:
            return False
        ahead = self.ahead(node)
        if not self.are_few(ahead, sum(map(len, spent))):
            return False
        taken = spent[0] if len(spent) == 1 else frozenset[str]().union(*spent)
        if wanted:
            return self._gathers(node, wanted, taken if spent else None, budget)
        return ahead.narrow.match(taken) is not None

    def are_few(self, ahead: Ahead, count: int) -> bool:
        """Whether each place that is not narrow still has a token after `count` characters are spent."""
        return count < self._spendable(ahead)

    def _spendable(self, ahead: Ahead) -> float:
        return ahead.widest / self._twins - ahead.count if self._twins else inf

    def reach(self, node: Node) -> Reach:
        """The path ahead of a node, independent of what was used; remembered."""
        found = self._reach.get(node)
        if found is None:
            ahead = self.ahead(node)
            usual = ahead.narrow.usual
            is_known = ahead.arrives and len(usual) == len(ahead.narrow.domains)
            found = Reach(ahead.count, usual, self._spendable(ahead)) if is_known else NOWHERE
            self._reach.put(node, found)
        return found

    def taken(self, others: Sequence[Any]) -> frozenset[str] | None:
        """The characters that some rule may forbid; None if a rule does not say. All others are new to the text."""
        found: list[frozenset[str]] = []
        for rule, other in zip(self.rules, others, strict=True):
            chars = rule.promises.only_forbids_repeats_of(other) if rule.promises.gathers is None else frozenset()
            if chars is None:
                return None
            found.append(chars)
        return frozenset().union(*found)

    def _gathers(self, node: Node, wanted: tuple[str, ...], taken: frozenset[str] | None, budget: int) -> bool:
        """Whether all wanted characters find a place on some path; `taken` is None where repeats are welcome."""
        if taken is not None and not taken.isdisjoint(wanted):
            return False
        rooms = self.rooms(wanted)
        masks: list[Mask] = []
        here: Node | None = node
        while here is not None and (edge := self.automaton.first(here)) is not None:
            masks.append(edge[0])
            here = edge[1]
        if here is not None and self._fills(rooms, masks, taken):  # a path into a stop string would lose its end
            return True
        way = rooms.way(node, budget)
        return way is not None and self._fills(rooms, way, taken)

    def _fills(self, rooms: Rooms, masks: Sequence[Mask], taken: frozenset[str] | None) -> bool:
        if taken is None:
            return suffices(rooms, masks, {}, frozenset())
        weights = [self.automaton.weight(mask) for mask in masks]
        narrow = {i: self._texts(masks[i]) for i, weight in enumerate(weights) if weight <= self._wide}
        wide = min([weight for weight in weights if weight > self._wide], default=inf)
        fits = (len(taken) + len(masks)) * self._twins < wide and len(narrow) <= PLACES
        return fits and suffices(rooms, masks, narrow, taken)

    def rooms(self, wanted: tuple[str, ...]) -> Rooms:
        """The places that these characters can have; remembered."""
        found = self._rooms.get(wanted)
        if found is None:
            vocabulary = self.automaton.vocabulary
            lasting = not vocabulary.partial and vocabulary.longest == 1
            found = self._rooms.put(wanted, Rooms(self.automaton, wanted, lasting))
        return found

    @property
    def _wide(self) -> int:
        return self.room * self._twins

    def choice(self, node: Node) -> frozenset[str]:
        """Characters that are better kept for narrow places ahead."""
        return self.ahead(node).narrow.usual

    @property
    def _twins(self) -> int:
        """The largest number of tokens that print the same single character."""
        return self.automaton.vocabulary.widest

    def ahead(self, node: Node) -> Ahead:
        """The places on the shortest path of single characters to the end, if there is one."""
        known = self._ahead.get(node)
        if known is not None:
            return known
        path = []
        here: Node | None = node
        while here is not None and here not in self._ahead and (edge := self.automaton.first(here)) is not None:
            path.append((here, edge[0]))
            here = edge[1]
        ahead = self._ahead.get(here) if here is not None else None
        ahead = ahead or Ahead(0, _Narrow(), inf, here is not None and here.accepts)
        for place, mask in reversed(path):
            weight = self.automaton.weight(mask)
            if weight > self._wide:
                ahead = Ahead(ahead.count + 1, ahead.narrow, min(ahead.widest, weight), ahead.arrives)
            else:
                ahead = Ahead(
                    ahead.count + 1, _Narrow((self._texts(mask), *ahead.narrow.domains)), ahead.widest, ahead.arrives
                )
            self._ahead.put(place, ahead)
        return ahead if path else self._ahead.put(node, ahead)

    def _texts(self, mask: Mask) -> tuple[str, ...]:
        """The characters that the tokens of a mask print alone, rarer ones (with higher ids) first."""
        found = self._chars.get(mask)
        if found is None:
            ids = self.automaton.singles(mask).array.nonzero()[0][::-1]
            texts = self.automaton.vocabulary.texts
            found = self._chars.put(mask, tuple(dict.fromkeys(str(texts[token]) for token in ids)))
        return found

    # ------------------------------------------------------------------------------------------- too few of them

    def clashes(self, node: Node, others: Sequence[Any], budget: int) -> bool:
        """Whether places ahead provably lack different characters, under a rule against all or nearby repetitions.

        Where tokens print parts of characters, the automaton does not see all that a place can have: nothing is proven.
        """
        if not self.automaton.table.is_complete:
            return False
        for rule, other in zip(self.rules, others, strict=True):
            used_up = rule.promises.never_again
            gone = None if used_up is None else used_up(other, self.room)
            barred = self._barred(rule, other) if gone is None else None
            if gone is None and barred is None:
                continue
            key = (rule.label, node, gone, barred, budget)
            found = self._clashes.get(key)
            if found is None:
                lacks = self._crowds(rule, dict(barred), node, budget) if barred is not None else None
                found = self._clashes.put(key, self._lacks(rule, gone or (), node, budget) if lacks is None else lacks)
            if found:
                return True
        return False

    def _barred(self, rule: Rule, other: Any) -> frozenset[tuple[str, int]] | None:
        """The characters that a rule bars (`bars`), and at how many next places; None if it does not say."""
        bars = offered(rule.machine, "bars") if isinstance(rule.constraint, Lifted) else None
        return None if bars is None or other[1] else frozenset(bars(other[0]))

    def _crowds(self, rule: Rule, barred: Mapping[str, int], node: Node, budget: int) -> bool:
        """Whether nearby places lack different characters, given that each character bars itself for a while.

        `bars` promises that what a character bars after an empty text, it bars after every text.
        """
        layers = self._layers(node, budget)
        found = [self._domain(rule, masks, len(layers) + len(barred)) for masks in layers]
        tight = [(place, chars) for place, chars in enumerate(found) if chars is not None]
        reach = min((self._bars_itself(rule, char) for _, chars in tight for char in chars), default=0)
        for first, _ in tight:
            near = [
                [char for char in chars if barred.get(char, 0) <= place]
                for place, chars in tight
                if first <= place <= first + reach
            ]
            if representatives(near) is None:
                return True
        return False

    def _bars_itself(self, rule: Rule, char: str) -> int:
        """At how many of the next places a character is barred once it is written."""
        machine = rule.machine
        after = machine.step(machine.start(""), char)
        return 0 if after is None else max([places for each, places in machine.bars(after) if each == char], default=0)

    def _lacks(self, rule: Rule, gone: Collection[str], node: Node, budget: int) -> bool:
        layers = self._layers(node, budget)
        tight: list[list[str]] = []
        for masks in layers:
            chars = self._domain(rule, masks, len(layers) + len(gone))
            if chars is not None:
                tight.append([char for char in chars if char not in gone])
        return bool(tight) and representatives(tight) is None

    def _domain(self, rule: Rule, masks: Iterable[Mask], most: int) -> set[str] | None:
        """All characters that a place can have; None if they are many, may be repeated, or are not single ones."""
        chars: set[str] = set()
        for mask in masks:
            if mask.size > most * self._twins or mask.size != self.automaton.singles(mask).size:
                return None
            if any(rule.promises.never_forbids(int(token)) for token in mask.array.nonzero()[0]):
                return None
            chars.update(self._texts(mask))
        return chars if len(chars) <= most else None

    def _layers(self, node: Node, budget: int) -> list[set[Mask]]:
        """For each place that every rest has, the tokens that rests within the budget have there.

        Tokens that print nothing and change nothing are skipped.
        """
        layers: list[set[Node]] = [{node}]
        seen = 1
        while layers[-1] and len(layers) <= budget and seen <= LAYERED:
            check()
            longer = {after for here in layers[-1] for _, after in self._printing(here) if after is not None}
            seen += len(longer)
            layers.append(longer)
        if seen > LAYERED:
            return []
        alive: set[Node] = set()
        places: list[set[Mask]] = []
        shortest = len(layers)
        for depth in range(len(layers) - 1, -1, -1):
            masks: set[Mask] = set()
            living: set[Node] = set()
            for here in layers[depth]:
                ends = here.accepts
                for mask, after in self._printing(here):
                    if after is None or after in alive:
                        masks.add(mask)
                        living.add(here)
                        shortest = min(shortest, depth + 1) if after is None else shortest
                if ends:
                    living.add(here)
                    shortest = min(shortest, depth)
            alive = living
            places.append(masks)
        return places[::-1][:shortest]

    def _printing(self, node: Node) -> Iterable[Edge]:
        """The edges of a state, without those that print nothing and lead back to it."""
        for mask, after in self.automaton.edges(node):
            if after is not node or self.automaton.prints(mask):
                yield mask, after
