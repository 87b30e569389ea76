"""`regex`: the whole new text matches a pattern, by the automaton of the pattern.

Python's own parser reads the pattern, and `re` itself finds each set of characters in all of Unicode. So a pattern
means the same as in `re.fullmatch`. The subset construction makes the automaton deterministic (Rabin and Scott 1959).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import GenError, brief
from ..patience import check
from ..types import CharMachine
from .finite import UNICODE, Finite, atoms_of, inverse

STATES = 3000
"""The most states that an automaton may have."""

NODES = 20_000
"""The most nodes that a pattern may have before determinisation, with its repeats written out."""

CHARS = 50_000
"""The most characters that a pattern may have, as it is written."""

LEAVES = 500
"""The most distinct characters and sets of characters that a pattern may name."""

WORK = 1_000_000
"""The most nodes that determinisation may visit."""

CATEGORIES = {"DIGIT": r"\d", "NOT_DIGIT": r"\D", "SPACE": r"\s", "NOT_SPACE": r"\S", "WORD": r"\w", "NOT_WORD": r"\W"}

REFUSED = {
    "ASSERT": "a look-around",
    "ASSERT_NOT": "a look-around",
    "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a conditional group",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repeat",
}

Ranges = tuple[tuple[int, int], ...]
"""A set of characters as ranges of code points, first and last."""

_parser: Any = import_module("re._parser")  # private, but the only parser that agrees with `re` by construction


def regex(pattern: str) -> CharMachine:
    r"""Make the whole new text match a pattern of Python's `re` (`regex='\d{4}年(春|夏)'`; quote commas and bars).

    Unicode classes, the flags `(?aimsux)` and lazy repeats mean what they do in `re.fullmatch`. Anchors may occur at
    both ends. Look-around, back-references, word boundaries, atomic groups and possessive repeats are refused. So are
    patterns that need more than 3000 states. Write a literal bar as `[|]`.
    """
    if not pattern:
        raise GenError("regex needs a pattern to match; write it as regex=PATTERN.")
    if len(pattern) > CHARS:
        raise _Builder(pattern).too_large()
    return _automaton(pattern)


@lru_cache(32)
def _automaton(pattern: str) -> Finite:
    """The automaton of a pattern, one shared object per pattern, since its sets of characters may be large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sets whose meaning may change in a later Python
            parsed = _parser.parse(pattern)
            nondeterministic = _Builder(pattern)
            end = nondeterministic.sequence(parsed, 0, parsed.state.flags, first=True, last=True)
    except RecursionError:
        raise GenError(
            f"regex={brief(pattern)} nests groups too deeply; write it with fewer brackets within brackets."
        ) from None
    except (re.error, OverflowError) as problem:
        raise GenError(f"regex={brief(pattern)} is no regular expression of Python ({problem}); mend it.") from None
    return _deterministic(pattern, nondeterministic, end)


# ------------------------------------------------------------------------------------- which characters are matched


def _source(op: str, argument: Any) -> str:
    """The source of a part of a pattern that matches one character."""
    if op == "LITERAL":
        return f"\\U{argument:08x}"
    if op == "NOT_LITERAL":
        return f"[^\\U{argument:08x}]"
    if op == "RANGE":
        return f"\\U{argument[0]:08x}-\\U{argument[1]:08x}"
    if op == "NEGATE":
        return "^"
    if op == "CATEGORY":
        return CATEGORIES[str(argument).removeprefix("CATEGORY_")]
    return "[" + "".join(_source(str(each), value) for each, value in argument) + "]"  # IN


@cache
def _every_char() -> str:
    return np.arange(UNICODE, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(256)
def _matching(source: str, flags: int) -> Ranges:
    """All characters that a part of a pattern matches, as found by `re` itself."""
    runs = re.compile(f"(?:{source})+", flags).finditer(_every_char())
    return tuple((run.start(), run.end() - 1) for run in runs)


def _meant(op: str, argument: Any, flags: int) -> Ranges:
    """The characters that a part of a pattern matches."""
    if op == "ANY":
        return ((0, UNICODE - 1),) if flags & re.DOTALL else tuple(inverse([(10, 10)]))
    if flags & re.IGNORECASE:
        return _matching(_source(op, argument), flags & (re.IGNORECASE | re.ASCII))
    if op in ("LITERAL", "NOT_LITERAL"):
        char = [(argument, argument)]
        return tuple(char if op == "LITERAL" else inverse(char))
    parts = [(str(each), value) for each, value in argument]
    found: list[tuple[int, int]] = []
    for each, value in parts:
        if each == "CATEGORY":
            found += _matching(_source(each, value), flags & re.ASCII)
        elif each != "NEGATE":
            found.append(value if each == "RANGE" else (value, value))
    return tuple(inverse(inverse(found)) if parts[0][0] != "NEGATE" else inverse(found))


# -------------------------------------------------------------------------------------------------- the automaton


@dataclass(eq=False)
class _Builder:
    """A nondeterministic automaton under construction (Thompson 1968): each node's edges and its empty transitions."""

    pattern: str
    edges: list[list[tuple[Ranges, int]]] = field(default_factory=lambda: [[]])
    free: list[list[int]] = field(default_factory=lambda: [[]])
    visited: int = 0

    def node(self) -> int:
        if len(self.edges) >= NODES:
            raise self.too_large()
        self.edges.append([])
        self.free.append([])
        return len(self.edges) - 1

    def too_large(self) -> GenError:
        return GenError(
            f"regex={brief(self.pattern)} needs an automaton too large to build (about {STATES} states is the limit); "
            "write shorter counted repeats, or leave lengths to length=A..B."
        )

    def sequence(self, items: Iterable[Any], node: int, flags: int, *, first: bool, last: bool) -> int:
        """Append items after `node`; `first` and `last` say whether the text begins before and ends after them."""
        items = [(str(op), argument) for op, argument in items]
        anchors = [_anchor(op, argument) for op, argument in items]
        for i, (op, argument) in enumerate(items):
            begins = first and all(anchor == "^" for anchor in anchors[:i])
            ends = last and all(anchor == "$" for anchor in anchors[i + 1 :])
            node = self._item(op, argument, node, flags, begins, ends)
        return node

    def _item(self, op: str, argument: Any, node: int, flags: int, first: bool, last: bool) -> int:
        if op == "SUBPATTERN":
            _, added, removed, items = argument
            return self.sequence(items, node, (flags | added) & ~removed, first=first, last=last)
        if op == "BRANCH":
            end = self.node()
            for items in argument[1]:
                self.free[self.sequence(items, self._behind(node), flags, first=first, last=last)].append(end)
            return end
        if op in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, items = argument
            return self._repeat(list(items), node, flags, int(low), None if high == _parser.MAXREPEAT else int(high))
        if op == "AT":
            if (_anchor(op, argument) == "^" and first) or (_anchor(op, argument) == "$" and last):
                return node
            refused = "an anchor within the text" if _anchor(op, argument) else "a word boundary"
        elif op not in REFUSED:
            end = self.node()
            self.edges[node].append((_meant(op, argument, flags), end))
            return end
        else:
            refused = REFUSED[op]
        raise GenError(
            f"regex={brief(self.pattern)} has {refused}, which is not supported here; write the pattern without it."
        )

    def _behind(self, node: int) -> int:
        """A new node, reached from `node` by an empty transition."""
        after = self.node()
        self.free[node].append(after)
        return after

    def _repeat(self, items: list[Any], node: int, flags: int, low: int, high: int | None) -> int:
        for _ in range(low):
            node = self._behind(self.sequence(items, node, flags, first=False, last=False))
        end = self.node()
        if high is None:
            start = self._behind(node)
            self.free[self.sequence(items, start, flags, first=False, last=False)].append(start)
            self.free[start].append(end)
            return end
        self.free[node].append(end)
        for _ in range(high - low):
            node = self._behind(self.sequence(items, node, flags, first=False, last=False))
            self.free[node].append(end)
        return end

    def closure(self, nodes: Iterable[int]) -> frozenset[int]:
        """The nodes, and all nodes that empty transitions lead to."""
        check()
        found: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += self.free[node]
        self.visited += len(found)
        if self.visited > WORK:
            raise self.too_large()
        return frozenset(found)


def _anchor(op: str, argument: Any) -> str:
    """`^` or `$` for anchors that are allowed at the ends of a pattern, else an empty string."""
    return {"AT_BEGINNING": "^", "AT_BEGINNING_STRING": "^", "AT_END": "$", "AT_END_STRING": "$"}.get(
        str(argument) if op == "AT" else "", ""
    )


def _deterministic(pattern: str, builder: _Builder, end: int) -> Finite:
    """The deterministic automaton, without the states from which no text can be completed."""
    leaves = {leaf for edges in builder.edges for leaf, _ in edges}
    if len(leaves) > LEAVES:
        raise GenError(
            f"regex={brief(pattern)} names {len(leaves)} different characters and sets, more than {LEAVES}; "
            "write whole texts to choose from as choice=A|B."
        )
    split, classes = _classes(leaves)
    subsets = [builder.closure([0])]
    known = {subsets[0]: 0}
    rows: list[dict[int, int]] = []
    for subset in subsets:  # the list grows during the loop
        rows.append({})
        for part, nodes in _after(builder, subset, split).items():
            after = builder.closure(nodes)
            if known.setdefault(after, len(subsets)) == len(subsets):
                if len(subsets) >= STATES:
                    raise builder.too_large()
                subsets.append(after)
            rows[-1][part] = known[after]
    finals = [state for state, subset in enumerate(subsets) if end in subset]
    return _live(pattern, rows, finals, classes)


def _after(builder: _Builder, subset: Iterable[int], split: dict[Ranges, frozenset[int]]) -> dict[int, set[int]]:
    """The nodes that follow a set of nodes, keyed by the class of the next character."""
    found: dict[int, set[int]] = {}
    for node in subset:
        for leaf, target in builder.edges[node]:
            for part in split[leaf]:
                found.setdefault(part, set()).add(target)
    return found


def _classes(leaves: Iterable[Ranges]) -> tuple[dict[Ranges, frozenset[int]], list[list[tuple[int, int]]]]:
    """The classes of characters that the sets distinguish: the classes that form each set, and each class's ranges."""
    leaves = tuple(leaves)
    edges = sorted({edge for leaf in leaves for low, high in leaf for edge in (low, high + 1)})
    index = {edge: i for i, edge in enumerate(edges)}
    inside: list[list[int]] = [[] for _ in edges]
    for number, leaf in enumerate(leaves):
        for low, high in leaf:
            for i in range(index[low], index[high + 1]):
                inside[i].append(number)
    ranges: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for i, found in enumerate(inside):
        if found:
            ranges.setdefault(tuple(found), []).append((edges[i], edges[i + 1] - 1))
    parts: dict[Ranges, set[int]] = {leaf: set() for leaf in leaves}
    for number, members in enumerate(ranges):
        for member in members:
            parts[leaves[member]].add(number)
    return {leaf: frozenset(numbers) for leaf, numbers in parts.items()}, list(ranges.values())


def _live(
    pattern: str,
    rows: Sequence[dict[int, int]],
    finals: Iterable[int],
    classes: Sequence[Sequence[tuple[int, int]]],
) -> Finite:
    """The automaton restricted to states from which an accepting one can be reached."""
    before: dict[int, set[int]] = {}
    for state, row in enumerate(rows):
        for after in row.values():
            before.setdefault(after, set()).add(state)
    alive: set[int] = set()
    waiting = list(finals)
    while waiting:
        state = waiting.pop()
        if state not in alive:
            alive.add(state)
            waiting += before.get(state, ())
    if 0 not in alive:
        raise GenError(f"regex={brief(pattern)} matches no text at all; change it.")
    order = {state: i for i, state in enumerate(sorted(alive))}
    table = [{n: order[after] for n, after in rows[state].items() if after in order} for state in order]
    return Finite(
        f"regex={pattern}", atoms_of(dict(enumerate(classes))), table, frozenset(order[state] for state in finals)
    )
