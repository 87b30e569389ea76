"""Places for characters that must still come: a path through the automaton with a place for each, or a proof of none.

For each node, `Rooms` computes at which places ahead each character can stand on some path to the end. If these places
cannot be assigned, one to each character, there is no rest (Hall 1935). Otherwise a path is sought edge by edge. An
edge is taken if the characters still have places among those already fixed and those ahead. If no edge is left to try,
there is no rest either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from ..memory import Memory, remembered
from ..patience import check
from ..text.token_sets import Mask
from .automaton import Automaton
from .matching import fill, places_for
from .states import Edge, Node

LOOKED = 4_000
"""The most states that one question may examine."""

STEPS = 2_000
"""The most edges tried for one path, in addition to one for each token left."""

REMEMBERED = 100_000
"""For how many pairs of a state and tokens left the answers are remembered."""

Options = tuple[int, ...]
"""For each character the places ahead where it can stand, as bits."""


@dataclass(frozen=True, eq=False)
class Rooms:
    """Answers for one automaton and the characters `wanted`.

    `lasting` says whether every token prints at most one character; then what cannot be placed cannot come.
    """

    automaton: Automaton
    wanted: Sequence[str]
    lasting: bool
    _options: Memory[tuple[Node, int], Options | None] = remembered(REMEMBERED)
    _ways: Memory[tuple[Node, int], list[Mask] | str] = remembered(REMEMBERED)
    _large: Memory[tuple[Node, int], None] = remembered(REMEMBERED)
    _passing: Memory[Mask, Options] = remembered(REMEMBERED)

    def lack(self, node: Node, left: int) -> bool:
        """Whether there is provably no path within `left` tokens that has a place for each character."""
        if not self.lasting:
            return False
        return len(self.wanted) > left or (self._known(node, left) and self._search(node, left) == "no")

    def way(self, node: Node, left: int) -> list[Mask] | None:
        """The choices at each place of a path that has a place for each character; None if no path is found."""
        found = self._search(node, left) if self._known(node, left) else "undecided"
        return None if isinstance(found, str) else found

    def _search(self, node: Node, left: int) -> list[Mask] | str:
        """A path; "no" if there is none, "undecided" if the search reaches its limit."""
        found = self._ways.get((node, left))
        if found is None:
            possible = places_for(self._ahead(node, left) or (0,) * len(self.wanted)) is not None
            found = self._ways.put((node, left), self._seek(node, left) if possible else "no")
        return found

    def _seek(self, node: Node, left: int) -> list[Mask] | str:
        """Depth first: each edge fixes which of the wanted characters can stand at one more place."""
        nothing = (0,) * len(self.wanted)
        if node.accepts and places_for(nothing) is not None:
            return []
        masks: list[Mask] = []
        frames = [(nothing, self._onward(node, left))]
        failed: set[tuple[Node, int, Options]] = set()
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
            if after.accepts and places_for(now) is not None:
                return masks
            frames.append((now, self._onward(after, rest)))
        return "no"

    def _onward(self, node: Node, left: int) -> Iterator[tuple[Mask, Node, Options]]:
        """The edges that lead on, those with many tokens first, each with the places ahead of its target."""
        for mask, after in reversed(self.automaton.edges(node)) if left else ():
            ahead = None if after is None else self._ahead(after, left - 1)
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
        found = self._passing.get(mask)
        if found is None:
            singles = self.automaton.vocabulary.singles
            tokens = [singles.get(char, ()) for char in self.wanted]
            found = self._passing.put(mask, tuple(int(any(mask.array[token] for token in each)) for each in tokens))
        return found

    def _known(self, node: Node, left: int) -> bool:
        """Compute the places ahead; False if more than LOOKED nodes are within reach.

        Nodes examined before count, too, so the answer depends on the question alone.
        """
        if (node, left) in self._options:
            return True
        if (node, left) in self._large:
            return False
        reached = self._reach(node, left)
        if reached is None:
            self._large.put((node, left), None)
            return False
        for here, more in sorted(reached, key=itemgetter(1)):  # nodes ahead have fewer tokens left
            if (here, more) not in self._options:
                self._options.put((here, more), self._join(here, more, self._printing(here)))
        return True

    def _ahead(self, node: Node, left: int) -> Options | None:
        """The places ahead of a node within reach of a known one, computed again if they were forgotten."""
        if (node, left) not in self._options:
            self._known(node, left)
        return self._options.get((node, left))

    def _reach(self, node: Node, left: int) -> set[tuple[Node, int]] | None:
        """The states within reach, with the tokens left there; None if they are too many."""
        reached = {(node, left)}
        waiting = [(node, left)]
        while waiting:
            check()
            here, more = waiting.pop()
            ahead = {(after, more - 1) for _, after in self._printing(here) if after is not None} if more else set()
            waiting += ahead - reached
            reached |= ahead
            if len(reached) > LOOKED:
                return None
        return reached

    def _printing(self, here: Node) -> list[Edge]:
        return [edge for edge in self.automaton.edges(here) if edge[1] is not here or self.automaton.prints(edge[0])]

    def _join(self, here: Node, more: int, edges: Sequence[tuple[Mask, Node | None]]) -> Options | None:
        found: list[int] | None = [0] * len(self.wanted) if here.accepts else None
        for mask, after in edges if more else ():
            ahead = (0,) * len(self.wanted) if after is None else self._ahead(after, more - 1)
            if ahead is not None:
                found = found or [0] * len(self.wanted)
                for number, passes in enumerate(self._passes(mask)):
                    found[number] |= passes | ahead[number] << 1
        return None if found is None else tuple(found)


def suffices(rooms: Rooms, masks: Sequence[Mask], narrow: Mapping[int, Sequence[str]], taken: frozenset[str]) -> bool:
    """Whether one path has places for all wanted characters, and others that are not taken for its `narrow` places."""
    holds = places_for(rooms.options(masks))
    return holds is not None and fill(narrow, {place: rooms.wanted[number] for place, number in holds.items()}, taken)
