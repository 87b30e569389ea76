"""Which tokens behave alike under all rules of a product, so that a proof tries one of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..memory import Memory, remembered
from ..text.token_sets import Ids, Mask
from .lifting.partitions import groups, twins
from .product import Joint, Product

MASKS = 20_000
"""How many sets of tokens have their members remembered."""


@dataclass(frozen=True, eq=False)
class Alike:
    """The classes of the tokens of one product."""

    product: Product
    _ids: Memory[Mask, list[int]] = remembered(MASKS)

    @cached_property
    def groups(self) -> list[Ids]:
        """The tokens, grouped into those that behave alike under all rules; tokens that print nothing come last.

        One rule may distinguish tokens that print the same, while another does not. So two tokens count as alike only
        if all tokens that print the same text as either of them behave alike, too.
        """
        vocabulary = self.product.vocabulary
        everything = range(len(vocabulary))
        return groups(vocabulary, [everything if rule.kinds is None else rule.kinds for rule in self.product.rules])

    @cached_property
    def partial_groups(self) -> list[Ids]:
        """The groups of tokens that print parts of characters."""
        partial = frozenset(self.product.vocabulary.partial)
        return [tokens for tokens in self.groups if tokens[0] in partial]

    @cached_property
    def _twins(self) -> dict[int, Ids]:
        """For each token that shares its text with others, all tokens that print that text."""
        return twins(self.product.vocabulary)

    @cached_property
    def group_of(self) -> dict[int, int]:
        """A number for each usable token; tokens that behave alike share it, unless a rule singles one of them out."""
        return {token: number for number, tokens in enumerate(self.groups) for token in tokens}

    def mentioned(self, joint: Joint) -> set[int]:
        """The tokens that a rule singles out, and those that print the same.

        One rule may judge a token, and another its text.
        """
        found: set[int] = set()
        for rule, state in zip(self.product.other_rules, joint.others, strict=True):
            if rule.promises.mentions is not None:
                found.update(rule.promises.mentions(state))
        return found.union(*(self._twins[token] for token in found if token in self._twins)) if self._twins else found

    def of(self, joint: Joint) -> Iterator[int]:
        """One token for each set of tokens that behave alike in this state, permitted or not."""
        mentioned = self.mentioned(joint)
        for tokens in self.groups:
            yield from one_of(tokens, mentioned, set())
        yield from sorted(mentioned)

    def members(self, mask: Mask) -> list[int]:
        """The tokens of a mask; those that print nothing come last, since they make no progress."""
        found = self._ids.get(mask)
        if found is None:
            surfaces = self.product.vocabulary.surfaces
            found = sorted(mask.array.nonzero()[0].tolist(), key=lambda token: not surfaces[token])
            self._ids.put(mask, found)
        return found


def one_of(tokens: Ids, mentioned: set[int], tried: set[int]) -> Iterator[int]:
    """The first token of a group that is not mentioned, unless it was tried."""
    found = next((token for token in tokens if token not in mentioned), None)
    if found is not None and found not in tried:
        yield found
