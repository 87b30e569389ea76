"""Where characters that must still come can stand: a way through the automaton on which all have places, or none.

Of each state it is known at which of the places ahead each character can stand on some way to the end. If these places
cannot be given out, one to each character, there is no rest (Hall 1935). Otherwise a way is sought edge by edge: an
edge is taken if the characters still have places among those behind, fixed by now, and those ahead. Where no edge is
left to try there is no rest either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from .automaton import Automaton, Edge
from .matching import fill, places_for
from .moves import State
from .patience import check
from .tokensets import Mask

LOOKED = 4_000
"""How many states are looked at for one question."""

STEPS = 2_000
"""How many edges are tried for a way, beside one for each token left."""

REMEMBERED = 100_000
"""Of how many states and tokens left the answers are remembered."""

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
    _large: dict[tuple[State, int], None] = field(default_factory=dict, repr=False)
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
            possible = places_for(self._options[state, left] or (0,) * len(self.wanted)) is not None
            self._ways[state, left] = self._seek(state, left) if possible else "no"
        return self._ways[state, left]

    def _seek(self, state: State, left: int) -> list[Mask] | str:
        """Depth first: each edge fixes at one more place which of the wanted can stand there."""
        nothing = (0,) * len(self.wanted)
        if self.automaton.accepts(state) and places_for(nothing) is not None:
            return []
        masks: list[Mask] = []
        frames = [(nothing, self._onward(state, left))]
        failed: set[tuple[State, int, Options]] = set()
        steps = 0
        while frames:
            fixed, edges = frames[-1]
            edge = next(edges, None)
            if edge is None:
                frames.pop()
                del masks[-1:]
                continue
            mask, after, ahead = edge
            check()
            steps += 1
            if steps > STEPS + left:
                return "undecided"
            depth, rest = len(masks), left - len(frames)
            now = tuple(old | new << depth for old, new in zip(fixed, self._passes(mask), strict=True))
            if (after, rest, now) in failed:
                continue
            failed.add((after, rest, now))
            if places_for([one | other << depth + 1 for one, other in zip(now, ahead, strict=True)]) is None:
                continue
            masks.append(mask)
            if self.automaton.accepts(after) and places_for(now) is not None:
                return masks
            frames.append((now, self._onward(after, rest)))
        return "no"

    def _onward(self, state: State, left: int) -> Iterator[tuple[Mask, State, Options]]:
        """The edges that lead on, those of many tokens first, each with the places ahead of where it leads."""
        for mask, after in reversed(self.automaton.edges(state)) if left else ():
            ahead = None if after is None else self._options.get((after, left - 1))
            if after is not None and ahead is not None and self.automaton.weight(mask):
                yield mask, after, ahead

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

    def _known(self, state: State, left: int) -> bool:
        """Work out the places ahead; False if more than LOOKED states are in reach, whether looked at before or not:
        so the answer depends on the question alone."""
        if (state, left) in self._options:
            return True
        if (state, left) in self._large:
            return False
        if len(self._options) + len(self._large) > REMEMBERED:
            for memory in (self._options, self._ways, self._large):
                memory.clear()
        reached = self._reach(state, left)
        if reached is None:
            self._large[state, left] = None
            return False
        for here, more in sorted(reached, key=itemgetter(1)):  # what is ahead has fewer tokens left
            if (here, more) not in self._options:
                self._options[here, more] = self._join(here, more, self._printing(here))
        return True

    def _reach(self, state: State, left: int) -> set[tuple[State, int]] | None:
        """The states in reach, with the tokens left there; None if they are too many."""
        reached = {(state, left)}
        waiting = [(state, left)]
        while waiting:
            check()
            here, more = waiting.pop()
            ahead = {(after, more - 1) for _, after in self._printing(here) if after is not None} if more else set()
            waiting += ahead - reached
            reached |= ahead
            if len(reached) > LOOKED:
                return None
        return reached

    def _printing(self, here: State) -> list[Edge]:
        return [edge for edge in self.automaton.edges(here) if edge[1] != here or self.automaton.prints(edge[0])]

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
