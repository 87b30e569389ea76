"""Proofs by counting characters: enough different ones for every place, or too few.

Many rules of history (no repetition, no rhyme word twice) are content with characters that are new to the text. So
a rest exists if each place ahead can be given a character of its own: places with very many to choose from always
can, and for the others it is a matching. The other way round, where a rule forbids every repetition for good, places
that cannot all be given different characters prove that there is no rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from .automaton import Automaton, Edge
from .matching import representatives
from .moves import State
from .patience import check
from .product import Rule
from .rooms import Rooms, suffices
from .tokensets import Mask

PLACES = 400
"""How many narrow places are matched at most."""

KEPT = 4
"""How many matchings are remembered for a state."""

LAYERED = 30_000
"""How many states are looked at in all layers together before places ahead are left unknown."""


@dataclass
class _Ahead:
    """The places ahead on one way to the end: how many, the characters of the narrow ones, the choice at the others."""

    count: int
    narrow: tuple[tuple[str, ...], ...]
    widest: float
    choices: list[frozenset[str]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Fresh:
    """Counts for the rules outside the automaton; `room` is how many characters a text may have at most."""

    automaton: Automaton
    rules: tuple[Rule, ...]
    room: int
    _ahead: dict[State, _Ahead] = field(default_factory=dict, repr=False)
    _chars: dict[Mask, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _clashes: dict[tuple[Any, ...], bool] = field(default_factory=dict, repr=False)
    _rooms: dict[tuple[str, ...], Rooms] = field(default_factory=dict, repr=False)

    def suffices(self, state: State, others: Sequence[Any], budget: int, wanted: tuple[str, ...] = ()) -> bool:
        """Whether a rest of at most `budget` tokens is known in which every character is new, and all `wanted` come.

        `state` is that of the automaton, `others` are those of the rules outside it.
        """
        spent: list[frozenset[str]] = []
        for rule, other in zip(self.rules, others, strict=True):
            if rule.gathers is not None:
                continue
            chars = rule.spent(other)
            if chars is None:
                return False
            spent.append(chars)
        if self.automaton.fresh(state, budget) > budget:
            return False
        ahead = self._places(state)
        if (sum(map(len, spent)) + ahead.count) * self._twins >= ahead.widest:
            return False
        if wanted:
            return self._gathers(state, wanted, frozenset().union(*spent) if spent else None, budget)
        for choice in ahead.choices:
            if all(choice.isdisjoint(chars) for chars in spent):
                return True
        return self._match(ahead, frozenset().union(*spent))

    def taken(self, others: Sequence[Any]) -> frozenset[str] | None:
        """The characters that some rule may forbid; None if a rule does not say. All others are new to the text."""
        found: list[frozenset[str]] = []
        for rule, other in zip(self.rules, others, strict=True):
            chars = rule.spent(other) if rule.gathers is None else frozenset()
            if chars is None:
                return None
            found.append(chars)
        return frozenset().union(*found)

    def _gathers(self, state: State, wanted: tuple[str, ...], taken: frozenset[str] | None, budget: int) -> bool:
        """Whether all wanted characters find a place on some way; `taken` is None where repeats are welcome."""
        if taken is not None and not taken.isdisjoint(wanted):
            return False
        rooms = self.rooms(wanted)
        masks: list[Mask] = []
        here: State | None = state
        while here is not None and (edge := self.automaton.first(here)) is not None:
            masks.append(edge[0])
            here = edge[1]
        if here is not None and self._fills(rooms, masks, taken):  # a stop string at its end would be cut
            return True
        way = rooms.way(state, budget)
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
        """Where these characters can stand; remembered."""
        if wanted not in self._rooms:
            vocabulary = self.automaton.vocabulary
            lasting = not vocabulary.partial and vocabulary.longest == 1
            self._rooms[wanted] = Rooms(self.automaton, wanted, lasting)
        return self._rooms[wanted]

    @property
    def _wide(self) -> int:
        return self.room * self._twins

    def choice(self, state: State) -> frozenset[str]:
        """Characters that had better be kept for narrow places ahead, as far as known."""
        ahead = self._ahead.get(state)
        return ahead.choices[-1] if ahead is not None and ahead.choices else frozenset()

    def _match(self, ahead: _Ahead, taken: frozenset[str]) -> bool:
        if len(ahead.narrow) > PLACES:
            return False
        found = representatives(ahead.narrow, taken)
        if found is None:
            return False
        ahead.choices[: -KEPT + 1] = []
        ahead.choices.append(frozenset(found))
        return True

    @property
    def _twins(self) -> int:
        """How many tokens print one character at most."""
        return self.automaton.vocabulary.widest

    def _places(self, state: State) -> _Ahead:
        ahead = self._ahead.get(state)
        if ahead is not None:
            return ahead
        path = []
        here: State | None = state
        while here is not None and here not in self._ahead and (edge := self.automaton.first(here)) is not None:
            path.append((here, edge[0]))
            here = edge[1]
        ahead = self._ahead.get(here, _Ahead(0, (), inf)) if here is not None else _Ahead(0, (), inf)
        wide = self._wide
        for place, mask in reversed(path):
            weight = self.automaton.weight(mask)
            if weight > wide:
                ahead = _Ahead(ahead.count + 1, ahead.narrow, min(ahead.widest, weight), ahead.choices)
            else:
                ahead = _Ahead(ahead.count + 1, (self._texts(mask), *ahead.narrow), ahead.widest)
            self._ahead[place] = ahead
        return self._ahead.setdefault(state, ahead)

    def _texts(self, mask: Mask) -> tuple[str, ...]:
        """The characters that the tokens of a mask print alone, the rarer (later) ones first."""
        found = self._chars.get(mask)
        if found is None:
            ids = self.automaton.singles(mask).array.nonzero()[0][::-1]
            texts = self.automaton.vocabulary.texts
            found = self._chars[mask] = tuple(dict.fromkeys(str(texts[token]) for token in ids))
        return found

    # ------------------------------------------------------------------------------------------- too few of them

    def clashes(self, state: State, others: Sequence[Any], budget: int) -> bool:
        """Whether places ahead provably lack different characters, by a rule that forbids every repetition."""
        for rule, other in zip(self.rules, others, strict=True):
            gone = rule.used_up(other, self.room)
            if gone is None:
                continue
            key = (rule.label, state, gone, budget)
            if key not in self._clashes:
                self._clashes[key] = self._lacks(rule, gone, state, budget)
            if self._clashes[key]:
                return True
        return False

    def _lacks(self, rule: Rule, gone: Collection[str], state: State, budget: int) -> bool:
        layers = self._layers(state, budget)
        tight: list[list[str]] = []
        for masks in layers:
            chars = self._domain(rule, masks, len(layers) + len(gone))
            if chars is not None:
                tight.append([char for char in chars if char not in gone])
        return bool(tight) and representatives(tight) is None

    def _domain(self, rule: Rule, masks: Iterable[Mask], most: int) -> set[str] | None:
        """All characters a place can have, None if they are many, or some may be repeated, or are no characters."""
        chars: set[str] = set()
        for mask in masks:
            if mask.size > most * self._twins or mask.size != self.automaton.singles(mask).size:
                return None
            if any(rule.spares(int(token)) for token in mask.array.nonzero()[0]):
                return None
            chars.update(self._texts(mask))
        return chars if len(chars) <= most else None

    def _layers(self, state: State, budget: int) -> list[set[Mask]]:
        """For each of the characters that every rest has, the tokens that any rest within the budget has there.

        Tokens that print nothing and change nothing are passed over.
        """
        layers: list[set[State]] = [{state}]
        seen = 1
        while layers[-1] and len(layers) <= budget and seen <= LAYERED:
            check()
            longer = {after for here in layers[-1] for _, after in self._printing(here) if after is not None}
            seen += len(longer)
            layers.append(longer)
        if seen > LAYERED:
            return []
        alive: set[State] = set()
        places: list[set[Mask]] = []
        shortest = len(layers)
        for depth in range(len(layers) - 1, -1, -1):
            masks: set[Mask] = set()
            living: set[State] = set()
            for here in layers[depth]:
                ends = self.automaton.accepts(here)
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

    def _printing(self, state: State) -> Iterable[Edge]:
        """The edges of a state, without those that print nothing and lead nowhere."""
        for mask, after in self.automaton.edges(state):
            if after != state or self.automaton.prints(mask):
                yield mask, after
