"""Finite automata over characters, and `choice`: rules whose set of accepted texts is known in full."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import inf

from ..errors import GenError
from ..text.char_sets import CharSet, Ranges
from ..text.vocabulary import in_a_row
from ..types import CharMachine

UNICODE = 0x110000
SHOWN = 6
"""How many characters a message lists before it counts the rest."""

SPELLED = 256
"""Sets of up to this many characters are stored as sets, larger ones as ranges."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """A partition of all characters into the classes that an automaton distinguishes.

    The code points from `starts[i]` up to the next start are in class `numbers[i]`.
    """

    starts: Sequence[int]
    numbers: Sequence[int]

    def of(self, char: str) -> int:
        """The class of a character."""
        return self.numbers[bisect_right(self.starts, ord(char)) - 1]

    def ranges(self, wanted: frozenset[int]) -> list[tuple[int, int]]:
        """The code points of some classes as ranges, first and last."""
        found: list[tuple[int, int]] = []
        for low, high in sorted(piece for number in wanted for piece in self._pieces.get(number, ())):
            if found and found[-1][1] == low - 1:
                low = found.pop()[0]
            found.append((low, high))
        return found

    @cached_property
    def _pieces(self) -> dict[int, list[tuple[int, int]]]:
        """The ranges of each class, as listed in the table."""
        found: dict[int, list[tuple[int, int]]] = {}
        for number, low, after in zip(self.numbers, self.starts, [*self.starts[1:], UNICODE], strict=True):
            if low < after:
                found.setdefault(number, []).append((low, after - 1))
        return found

    def chars(self, wanted: frozenset[int]) -> CharSet:
        """The characters of some classes, as the smaller of a set and its complement."""
        ranges = self.ranges(wanted)
        if sum(high - low + 1 for low, high in ranges) <= UNICODE // 2:
            return CharSet(_members(tuple(ranges)))
        return CharSet(_members(tuple(self.ranges(frozenset(self.numbers) - wanted))), inverted=True)


@lru_cache(256)
def _members(ranges: tuple[tuple[int, int], ...]) -> frozenset[str] | Ranges:
    """The characters of some ranges, one shared object per argument; small sets are spelled out."""
    if sum(high - low + 1 for low, high in ranges) <= SPELLED:
        return frozenset(chr(code) for low, high in ranges for code in range(low, high + 1))
    return Ranges([low for low, _ in ranges], [high + 1 for _, high in ranges])


def inverse(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The code points that lie in none of the ranges, as sorted ranges."""
    found: list[tuple[int, int]] = []
    free = 0
    for low, high in sorted(ranges):
        if low > free:
            found.append((free, low - 1))
        free = max(free, high + 1)
    return [*found, (free, UNICODE - 1)] if free < UNICODE else found


def atoms_of(classes: Mapping[int, Iterable[tuple[int, int]]]) -> Atoms:
    """Atoms from disjoint ranges of code points for each class; code points outside all ranges are in class -1."""
    pieces = sorted((low, high, number) for number, ranges in classes.items() for low, high in ranges)
    starts, numbers = [0], [-1]
    for low, high, number in pieces:
        if starts[-1] == low:
            starts.pop()
            numbers.pop()
        starts += [low, high + 1]
        numbers += [number, -1]
    return Atoms(starts, numbers)


@dataclass(frozen=True, eq=False)
class Finite:
    """A rule about the new text with finitely many states, numbered from 0, the start state.

    `table[state]` maps classes of characters to next states; from every state an accepting one can be reached.
    """

    name: str
    atoms: Atoms = field(repr=False)
    table: Sequence[Mapping[int, int]] = field(repr=False)
    accepting: frozenset[int] = field(repr=False)
    # At most one for each state; in `_sets`, one for each pair of successive states.
    _sets: dict[frozenset[int], CharSet] = field(default_factory=dict, repr=False)
    _moves: dict[int, list[tuple[CharSet, int]]] = field(default_factory=dict, repr=False)
    _allowed: dict[int, CharSet] = field(default_factory=dict, repr=False)

    def start(self, text: str) -> int:
        return 0

    def step(self, state: int, char: str) -> int | None:
        return self.table[state].get(self.atoms.of(char))

    def accepts(self, state: int) -> bool:
        return state in self.accepting

    def allowed(self, state: int) -> CharSet:
        if state not in self._allowed:
            self._allowed[state] = self._set(frozenset(self.table[state]))
        return self._allowed[state]

    def kind(self, char: str) -> Hashable:
        return self.atoms.of(char)

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        """One set of characters for each possible next state."""
        if state not in self._moves:
            grouped: dict[int, set[int]] = {}
            for atom, after in self.table[state].items():
                grouped.setdefault(after, set()).add(atom)
            self._moves[state] = [(self._set(frozenset(group)), after) for after, group in grouped.items()]
        return self._moves[state]

    def _set(self, wanted: frozenset[int]) -> CharSet:
        if wanted not in self._sets:
            self._sets[wanted] = self.atoms.chars(wanted)
        return self._sets[wanted]

    def min_remaining(self, state: int) -> int:
        """The fewest characters that complete the text."""
        return self._distances[state]

    def max_remaining(self, state: int) -> float:
        """The most characters that may follow; infinite if there is no limit."""
        return self._longest.get(state, inf)

    @cached_property
    def _before(self) -> dict[int, list[int]]:
        """For each state its predecessors, once for each class of characters that leads from them."""
        found: dict[int, list[int]] = {}
        for state, row in enumerate(self.table):
            for after in row.values():
                found.setdefault(after, []).append(state)
        return found

    @cached_property
    def _longest(self) -> dict[int, int]:
        """The longest path to the end, for states from which all paths are finite."""
        open_ways = [len(row) for row in self.table]
        found = {state: 0 for state, ways in enumerate(open_ways) if not ways}
        waiting = deque(found)
        while waiting:
            state = waiting.popleft()
            for earlier in self._before.get(state, ()):
                open_ways[earlier] -= 1
                if not open_ways[earlier]:
                    found[earlier] = 1 + max(found[after] for after in self.table[earlier].values())
                    waiting.append(earlier)
        return found

    @cached_property
    def _distances(self) -> dict[int, int]:
        found = dict.fromkeys(self.accepting, 0)
        waiting = deque(self.accepting)
        while waiting:
            state = waiting.popleft()
            for earlier in self._before.get(state, ()):
                if earlier not in found:
                    found[earlier] = found[state] + 1
                    waiting.append(earlier)
        return found

    def describe_next(self, state: int) -> str:
        """What may follow; with its place in the new text, if all paths to the state have the same length."""
        row = frozenset(self.table[state])
        ranges = self.atoms.ranges(row)
        wanted = [_in_words(ranges)] if ranges else []
        place = self._places[state]
        at = f" at place {place} of the new text" if place is not None and ranges else ""
        return " or ".join([words + at for words in wanted] + ["the end"] * self.accepts(state))

    @cached_property
    def _places(self) -> list[int | None]:
        """The place of the next character in each state; None where paths of different lengths lead there."""
        places: list[int | None] = [0] * len(self.table)
        places[0] = 1
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            here = places[state]
            following = None if here is None else here + 1
            for after in set(self.table[state].values()):
                if places[after] in (following, None):
                    continue
                places[after] = following if places[after] == 0 else None
                waiting.append(after)
        return places


def _in_words(ranges: Sequence[tuple[int, int]]) -> str:
    """Ranges of code points in words: `a or b`, `one of 0-9 and 12 more`, `any character but 。`."""
    count = sum(high - low + 1 for low, high in ranges)
    if count == UNICODE:
        return "any character"
    if count > UNICODE // 2:
        return f"any character but {_listed(inverse(ranges))}"
    return _listed(ranges)


def _listed(ranges: Sequence[tuple[int, int]]) -> str:
    shown = [_spelled(low) + (f"-{_spelled(high)}" if high > low else "") for low, high in ranges[:SHOWN]]
    rest = sum(high - low + 1 for low, high in ranges[SHOWN:])
    if rest:
        return f"{', '.join(shown)} or one of {rest} others"
    return in_a_row(shown)


def _spelled(code: int) -> str:
    char = chr(code)
    return char if char.isprintable() and not char.isspace() else f"U+{code:04X}"


def choice(strings: tuple[str, ...]) -> CharMachine:
    """Make the new text exactly one of these strings (`choice=春|夏|秋|冬`)."""
    strings = (strings,) if isinstance(strings, str) else tuple(strings)
    if not any(strings):
        raise GenError("choice needs strings to choose from; write them as choice=A|B|C.")
    numbers = {char: i for i, char in enumerate(sorted({char for string in strings for char in string}))}
    table, accepting = _merged_trie(strings, numbers)
    return Finite(
        f"choice={'|'.join(strings)}",
        atoms_of({i: [(ord(char), ord(char))] for char, i in numbers.items()}),
        table,
        accepting,
    )


def _merged_trie(strings: Iterable[str], numbers: Mapping[str, int]) -> tuple[list[dict[int, int]], frozenset[int]]:
    """The smallest automaton of finitely many strings: a trie with equal branches merged."""
    trie: list[dict[int, int]] = [{}]
    ends: set[int] = set()
    for string in strings:
        node = 0
        for char in string:
            if numbers[char] not in trie[node]:
                trie.append({})
                trie[node][numbers[char]] = len(trie) - 1
            node = trie[node][numbers[char]]
        ends.add(node)
    known: dict[Hashable, int] = {}
    chosen: dict[int, int] = {}
    for node in reversed(range(len(trie))):  # children have higher numbers than their parents
        trie[node] = {number: chosen[child] for number, child in trie[node].items()}
        chosen[node] = known.setdefault((node in ends, frozenset(trie[node].items())), node)
    kept = sorted(set(chosen.values()))
    order = {node: i for i, node in enumerate(kept)}
    table = [{number: order[child] for number, child in trie[node].items()} for node in kept]
    return table, frozenset(order[node] for node in kept if node in ends)
