"""Other ways to the end than the nearest one, each tried with characters that are all different.

Counting (`fresh.py`) looks at one nearest way. Where its places have too few characters between them, another way may
have enough: a rhyme with more words, say. Here ways are tried that leave the nearest one at a single place, those first
that leave it where there are few characters to choose from. What is found is written out token by token, and holds only
if every rule permits it.
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
"""How many ways are tried at most."""

PLACES = 400
"""How many places a way has at most that is tried."""


def detours(automaton: Automaton, node: Node, budget: int) -> Iterator[list[Mask]]:
    """The sets of tokens along ways to the end of at most `budget` tokens: the nearest one, then others."""
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
    """A nearest way to the end along tokens that print one character each: its states, and the tokens at each."""
    if automaton.fresh(node, budget) > budget:
        return None
    way: list[tuple[Node, Mask]] = []
    here: Node | None = node
    while here is not None and (edge := automaton.first(here)) is not None:
        way.append((here, edge[0]))
        here = edge[1]
    return way


def different(vocabulary: Vocabulary, automaton: Automaton, way: list[Mask], taken: Collection[str]) -> Ids | None:
    """A token for each place of a way, printing characters that are all different and none of them taken, if there
    are such; a place where a character may be repeated takes the first that may."""
    texts = vocabulary.texts
    tokens = [automaton.singles(mask).array.nonzero()[0].tolist() for mask in way]
    spared = [
        next(filter(automaton.spares, each), None) if automaton.has_spared(mask) else None
        for mask, each in zip(way, tokens, strict=True)
    ]
    rare = [i for i, each in enumerate(spared) if each is None]
    # The rarer characters first, so that common ones are left for others; and no more of them than there are places.
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
    """Rests of at most `budget` tokens in which no character comes twice, none of them taken; most of them legal."""
    for way in islice(detours(automaton, node, budget), DETOURS):
        check()
        found = different(vocabulary, automaton, way, taken)
        if found is not None:
            yield found


def legal(product: Product, automaton: Automaton, joint: Joint, budget: int, taken: Collection[str]) -> Ids | None:
    """The first of them that all rules permit."""
    for rest in written_out(product.vocabulary, automaton, joint.node, budget, taken):
        joints = product.walk(joint, rest)
        if len(joints) > len(rest) and product.accepts(joints[-1]):
            return rest
    return None
