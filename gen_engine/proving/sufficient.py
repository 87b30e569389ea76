"""Whether a text can surely go on, from a few look-ups: enough characters at every place ahead, whatever was used.

This is the prover's own "yes" by matching (`distinct.py`), computed at each step of each row without stepping the
history rules. A "no" here proves nothing: then the prover decides, and its "yes" is the same. So it does no harm that
one of the answers (`is_known_robust`) depends on earlier searches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .automaton import Automaton
from .distinct import Distinct, Reach
from .histories import History, HistoryRules
from .needs import Needs
from .product import Product
from .states import Node


@dataclass(frozen=True, eq=False)
class Sufficient:
    """Quick answers for one product of rules; `distinct` is None if the length of texts is unknown."""

    product: Product
    automaton: Automaton
    histories: HistoryRules
    needs: Needs
    distinct: Distinct | None

    def is_sure(self, node: Node, asked: Sequence[Any], budget: int, history: History | None, char: str | None) -> bool:
        """Whether a rest of at most `budget` tokens is certain at once, by the same test as `Prover.at_once`.

        `node` belongs to the automaton; `asked` are the states of the rules that are called row by row (`row_by_row`).
        `history` is what the text used before its last token, which printed `char`.
        """
        if node.accepts and self.accepts(node, asked):
            return True
        if self.distinct is not None and history is not None and budget > 0 and not self.needs.gathers:
            reach = self.distinct.reach(node)
            if reach.places <= budget and self._suffices(reach, asked, history, char):
                return True
        return budget > 0 and not self.needs.gathers and self.automaton.is_known_robust(node, budget)

    def accepts(self, node: Node, asked: Sequence[Any]) -> bool:
        """Whether a text may end in the states of the automaton and these rules; history rules accept everywhere."""
        if not node.accepts:
            return False
        return all(accepts(state) for accepts, state in zip(self._accepts, asked, strict=True))

    def _suffices(self, reach: Reach, asked: Sequence[Any], history: History, char: str | None) -> bool:
        """Whether the path ahead, with its usual choice for narrow places, needs nothing that was used."""
        usual, used = reach.usual, len(self.histories.numbers) * (history.length + 1)
        if usual and (char in usual or not usual.isdisjoint(history.used)):
            return False
        for spent, state in zip(self._spent, asked):  # noqa: B905 - runs at each step of each row
            chars = spent(state)
            if chars is None or not usual.isdisjoint(chars):
                return False
            used += len(chars)
        return used < reach.spendable

    @cached_property
    def row_by_row(self) -> tuple[int, ...]:
        """The indices, among the rules outside the automaton, of those that do not handle many rows at once."""
        besides = self.histories.numbers
        return tuple(place for place, number in enumerate(self.product.others) if number not in besides)

    @cached_property
    def _accepts(self) -> tuple[Callable[[Any], bool], ...]:
        product = self.product
        return tuple(product.rules[product.others[place]].constraint.accepts for place in self.row_by_row)

    @cached_property
    def _spent(self) -> tuple[Callable[[Any], frozenset[str] | None], ...]:
        """What these rules may forbid; those that handle many rows at once forbid only what was used."""
        product = self.product
        return tuple(product.rules[product.others[place]].promises.only_forbids_repeats_of for place in self.row_by_row)
