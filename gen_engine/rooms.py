"""Where characters that must still come can stand: a way through the automaton on which all have places, or none.

Of each state it is known at which of the places ahead each character can stand on some way to the end. If these places
cannot be given out, one to each character, there is no rest (Hall 1935). Otherwise a way is sought edge by edge: an
edge is taken if the characters still have places among those behind, fixed by now, and those ahead. Where no edge is
left to try there is no rest either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .automaton import Automaton
from .matching import fill, places_for
from .moves import State
from .patience import check
from .tokensets import Mask

LOOKED = 4_000
"""How many states are looked at for one question."""

STEPS = 2_000
"""How many edges are tried for a way."""

Options = tuple[int, ...]
"""For each character the places ahead where it can stand, as bits."""


@dataclass(frozen=True, eq=False)
class Rooms:
    """Answers for one automaton and the characters `wanted`. `lasting` says whether every token prints one character
    at most, so that what cannot be placed cannot come."""

    automaton: Automaton
    wanted: Sequence[str]
    lasting: bool
    _options: dict[tuple[State, int], Options | None] = field(default_factory=dict, repr=False)
    _ways: dict[tuple[State, int], list[Mask] | str] = field(default_factory=dict, repr=False)
    _passing: dict[Mask, Options] = field(default_factory=dict, repr=False)

    def lack(self, state: State, left: int) -> bool:
        """Whether there is provably no way within `left` tokens on which all have places."""
        if not self.lasting:
            return False
        return len(self.wanted) > left or (self._known(state, left) and self._search(state, left) == "no")

    def way(self, state: State, left: int) -> list[Mask] | None:
        """The tokens to choose from at each place of a way on which all have places; None if none is found."""
        found = self._search(state, left) if self._known(state, left) else "undecided"
        return None if isinstance(found, str) else found

    def _search(self, state: State, left: int) -> list[Mask] | str:
        """A way; "no" if there is none, "undecided" if that would take more steps."""
        if (state, left) not in self._ways:
            masks: list[Mask] = []
            steps = [0]
            nothing = (0,) * len(self.wanted)
            possible = places_for(self._ahead(state, left) or nothing) is not None
            found = possible and self._go(state, left, masks, nothing, steps, set())
            self._ways[state, left] = masks if found else "undecided" if steps[0] > STEPS else "no"
        return self._ways[state, left]

    def _go(
        self,
        state: State,
        left: int,
        masks: list[Mask],
        fixed: Options,
        steps: list[int],
        failed: set[tuple[State, int, Options]],
    ) -> bool:
        """Lengthen `masks`, at whose places each of the wanted can stand as `fixed` says, to a way to the end."""
        if self.automaton.accepts(state) and places_for(fixed) is not None:
            return True
        depth = len(masks)
        for mask, after in reversed(self.automaton.edges(state)) if left else ():
            ahead = None if after is None else self._options.get((after, left - 1))
            if after is None or ahead is None or not self.automaton.weight(mask):
                continue
            steps[0] += 1
            check()
            if steps[0] > STEPS:
                return False
            now = tuple(old | new << depth for old, new in zip(fixed, self._passes(mask), strict=True))
            if (after, left, now) in failed:
                continue
            failed.add((after, left, now))
            if places_for([one | other << depth + 1 for one, other in zip(now, ahead, strict=True)]) is None:
                continue
            masks.append(mask)
            if self._go(after, left - 1, masks, now, steps, failed):
                return True
            masks.pop()
        return False

    def options(self, masks: Sequence[Mask]) -> Options:
        """At which of these places each character can stand."""
        found = [0] * len(self.wanted)
        for depth, mask in enumerate(masks):
            for number, passes in enumerate(self._passes(mask)):
                found[number] |= passes << depth
        return tuple(found)

    def _passes(self, mask: Mask) -> Options:
        if mask not in self._passing:
            singles = self.automaton.vocabulary.singles
            tokens = [singles.get(char, ()) for char in self.wanted]
            self._passing[mask] = tuple(int(any(mask.array[token] for token in each)) for each in tokens)
        return self._passing[mask]

    def _ahead(self, state: State, left: int) -> Options:
        """The places ahead of a state of which all is known; () if no end is in reach."""
        return self._options[state, left] or ()

    def _known(self, state: State, left: int) -> bool:
        """Work out the places ahead; False if too many states are."""
        waiting = [(state, left)]
        opened = 0
        while waiting:
            here, more = waiting[-1]
            if (here, more) in self._options:
                waiting.pop()
                continue
            edges = [edge for edge in self.automaton.edges(here) if edge[1] != here or self.automaton.prints(edge[0])]
            behind = [(after, more - 1) for _, after in edges if after is not None] if more else []
            unknown = [each for each in behind if each not in self._options]
            if unknown:
                waiting += unknown
                opened += len(unknown)
                check()
                if opened > LOOKED:
                    return False
                continue
            self._options[here, more] = self._join(here, more, edges)
            waiting.pop()
        return True

    def _join(self, here: State, more: int, edges: Sequence[tuple[Mask, State | None]]) -> Options | None:
        found: list[int] | None = [0] * len(self.wanted) if self.automaton.accepts(here) else None
        for mask, after in edges if more else ():
            ahead = (0,) * len(self.wanted) if after is None else self._options[after, more - 1]
            if ahead is not None:
                found = found or [0] * len(self.wanted)
                for number, passes in enumerate(self._passes(mask)):
                    found[number] |= passes | ahead[number] << 1
        return None if found is None else tuple(found)


def suffices(rooms: Rooms, masks: Sequence[Mask], narrow: Mapping[int, Sequence[str]], taken: frozenset[str]) -> bool:
    """Whether on one way all wanted characters have places, and the `narrow` ones are filled with others, not taken."""
    holds = places_for(rooms.options(masks))
    return holds is not None and fill(narrow, {place: rooms.wanted[number] for place, number in holds.items()}, taken)
