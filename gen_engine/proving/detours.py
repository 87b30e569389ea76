"""Paths to the end other than the shortest one, each tried with characters that are all different.

Counting (`distinct.py`) looks at one shortest path. If its places have too few characters between them, another path
may have enough: a rhyme with more words, say. The paths tried here leave the shortest one at a single place, places
with few characters first. Each candidate is written out token by token, and counts only if every rule permits it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from ..patience import check
from ..text.token_sets import Ids, Mask
from ..text.vocabulary import Vocabulary
from .automaton import Automaton
from .matching import representatives
from .product import Joint, Product
from .states import Node

DETOURS = 48
"""The most paths that are tried."""

PLACES = 400
"""The most places that a path may have."""


def detours(automaton: Automaton, node: Node, budget: int) -> Iterator[list[Mask]]:
    """The sets of tokens along paths to the end of at most `budget` tokens: the shortest path, then others."""
    nearest = _way(automaton, node, budget)
    if nearest is None or len(nearest) > PLACES:
        return
    masks = [mask for _, mask in nearest]
    yield masks
    order = sorted(range(len(nearest)), key=lambda place: (automaton.weight(masks[place]), -place))
    for place in order:
        here, taken = nearest[place]
        for mask, after in reversed(automaton.edges(here)):
            if mask is taken or after is None or after is here or automaton.weight(mask) <= 0:
                continue
            rest = _way(automaton, after, budget - place - 1)
            if rest is not None:
                yield [*masks[:place], mask, *(each for _, each in rest)]


def _way(automaton: Automaton, node: Node, budget: int) -> list[tuple[Node, Mask]] | None:
    """A shortest path to the end along tokens that print one character each: its states, and the tokens at each."""
    if automaton.single(node, budget) > budget:
        return None
    way: list[tuple[Node, Mask]] = []
    here: Node | None = node
    while here is not None and (edge := automaton.first(here)) is not None:
        way.append((here, edge[0]))
        here = edge[1]
    return way


def different(vocabulary: Vocabulary, automaton: Automaton, way: list[Mask], taken: Collection[str]) -> Ids | None:
    """A token for each place of a path, with characters that are all different and not taken; None if there are none.

    Where some character may be repeated, the first such token is used.
    """
    texts = vocabulary.texts
    tokens = [automaton.singles(mask).array.nonzero()[0].tolist() for mask in way]
    spared = [
        next(filter(automaton.never_forbids, each), None) if automaton.has_spared(mask) else None
        for mask, each in zip(way, tokens, strict=True)
    ]
    rare = [i for i, each in enumerate(spared) if each is None]
    # Rarer characters come first, to leave common ones for other places. No domain needs more than one per place.
    domains = [list(dict.fromkeys(str(texts[t]) for t in reversed(tokens[i]) if texts[t] not in taken)) for i in rare]
    chosen = representatives([domain[: len(rare)] for domain in domains])
    if chosen is None:
        return None
    printed = dict(zip(rare, chosen, strict=True))
    return tuple(
        spared[i] if spared[i] is not None else next(t for t in tokens[i] if texts[t] == printed[i])  # type: ignore[misc]
        for i in range(len(way))
    )


def written_out(
    vocabulary: Vocabulary, automaton: Automaton, node: Node, budget: int, taken: Collection[str]
) -> Iterator[Ids]:
    """Rests of at most `budget` tokens in which no character repeats and none is taken; most of them are legal."""
    for way in islice(detours(automaton, node, budget), DETOURS):
        check()
        found = different(vocabulary, automaton, way, taken)
        if found is not None:
            yield found


def legal(product: Product, automaton: Automaton, joint: Joint, budget: int, taken: Collection[str]) -> Ids | None:
    """The first of these rests that all rules permit."""
    for rest in written_out(product.vocabulary, automaton, joint.node, budget, taken):
        joints = product.walk(joint, rest)
        if len(joints) > len(rest) and product.accepts(joints[-1]):
            return rest
    return None
