"""Which rules admit no text together: as few of them as possible, and where they clash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConflictError, UndecidedError, brief
from ..text.char_sets import CharSet, Ranges
from ..text.vocabulary import in_a_row
from ..types import Prompt
from .lifting.lift import Lifted
from .lifting.promises import offered
from .product import Product
from .prover import Answer, prover_of
from .rule import Rule

HELP = 3
"""Search-budget multiplier when testing fewer rules."""

WALKED = 10_000
"""How many states of a rule are visited for characters that it needs and no token prints."""

SHOWN = 6
"""How many such characters are named."""

LABEL = 120
"""How many characters of a processor a conflict quotes."""


@dataclass(frozen=True, eq=False)
class Case:
    """The rules of a product with one prompt and one budget.

    Nobody wrote the first `background` rules. `nodes` is how many states a search may visit.
    """

    product: Product
    prompt: Prompt
    budget: int
    nodes: int
    background: int

    def answer(self, nodes: int | None = None) -> Answer:
        """Whether there is a text."""
        prover, joint = prover_of(self.product, self.prompt, self.budget, self.nodes if nodes is None else nodes)
        return prover.feasible(joint, self.budget)

    def conflict(self) -> ConflictError:
        """Drop every rule without which there still is no text; the rest is a conflict in which each is needed."""
        case, unproven = self, list[str]()
        for index in range(len(self.product.rules) - 1, self.background - 1, -1):
            smaller = case._without(index)
            answer = smaller._answer_with_help()
            if answer == "undecided":
                unproven.append(case.product.rules[index].label)
            case = smaller if answer == "no" else case
        members = list(dict.fromkeys(rule.label for rule in case._written))
        return ConflictError(case._message(members, unproven), members, unproven)

    def _message(self, members: Sequence[str], unproven: Sequence[str]) -> str:
        first = brief(members[0], LABEL) if members else ""
        if not members:
            return f"The model can write no text at all within {self.budget} new tokens; give it more."
        if len(members) == 1 and (unwritten := self._unwritten()):
            return f"{first} wants {unwritten}, which the model has no token for; ask for something else."
        if len(members) == 1:
            return f"{first} admits no text within {self.budget} new tokens; change it, or allow more tokens."
        doubt = f" (whether {' and '.join(unproven)} is needed for the conflict was not decided)" if unproven else ""
        return (
            f"{self.names()} admit no text together within {self.budget} new tokens{doubt}{self._clash()}; drop or "
            "change one of them."
        )

    def names(self) -> str:
        """The rules as they were written, as a list in words."""
        return in_a_row(list(dict.fromkeys(brief(rule.label, LABEL) for rule in self._written)), "and")

    @property
    def _written(self) -> Sequence[Rule]:
        """The rules that the user wrote."""
        return self.product.rules[self.background :]

    def _without(self, index: int) -> Case:
        return replace(self, product=self.product.without(index))

    def _answer_with_help(self) -> Answer:
        """Whether fewer rules admit a text, with a longer search, so that conflicts are as small as claimed."""
        try:
            return self.answer(HELP * self.nodes)
        except UndecidedError:  # no patience is left: the conflict is valid, but may not be the smallest
            return "undecided"

    def is_refuted(self, below: int | None = None) -> bool:
        """Whether even fewer rules are known to admit no text; rules numbered `below` or more are kept."""
        learned = self.product.learned_from(self.product.start(self.prompt))
        for index in range((len(learned.rules) if below is None else below) - 1, self.background - 1, -1):
            if learned.rules[index].is_structural:
                continue  # without a structural rule there is more to try, not less
            smaller = self._without(index)
            answer = smaller.answer()
            if answer == "no" or (answer == "undecided" and smaller.is_refuted(index)):
                return True
        return False

    def _unwritten(self) -> str:
        """The characters that a rule needs but no token prints."""
        vocabulary = self.product.vocabulary
        states = self.product.start(self.prompt).states[self.background :]
        asked = ((rule.promises.needs, state) for rule, state in zip(self._written, states, strict=True))
        needed = [char for needs, state in asked if needs is not None for char in needs(state)]
        if vocabulary.partial:  # parts of characters make up any
            return ""
        missing = [char for char in dict.fromkeys(needed) if char not in vocabulary.carriers]
        if missing or len(states) != 1:
            return " and ".join(missing)
        return in_a_row(_unwritten_ways(self._written[0], states[0]))

    def _clash(self) -> str:
        """Where the rules clash, in their own words; empty if they do not say."""
        try:
            prover, joint = prover_of(self.product, self.prompt, self.budget, self.nodes)
            joint = prover.stuck(joint, self.budget)
        except UndecidedError:  # no patience is left
            return ""
        pairs = list(zip(self._written, joint.states[self.background :], strict=True))
        told = [f"{brief(rule.label, LABEL)} {what}" for rule, state in pairs if (what := _demand(rule, state, pairs))]
        return f": {', '.join(told)}" if len(told) > 1 else ""


def _unwritten_ways(rule: Rule, state: Any) -> list[str]:
    """Characters of which a rule over characters needs one, and no token prints any; empty if that is not its trouble.

    They are those by which alone the rule goes on from where characters that are printed can lead.
    """
    ways = offered(rule.machine, "transitions")
    if not isinstance(rule.constraint, Lifted) or ways is None:
        return []
    printed = rule.vocabulary.carriers
    seen, waiting, lacking = {state[0]}, [state[0]], dict[str, None]()
    while waiting and len(seen) <= WALKED:
        here = waiting.pop()
        if rule.machine.accepts(here):
            return []
        for chars, after in ways(here):
            if any(char in chars for char in printed):
                waiting += [] if after in seen else [after]
                seen.add(after)
            else:
                lacking |= dict.fromkeys(_some_of(chars))
    return [] if waiting else list(lacking)[:SHOWN]


def _some_of(chars: CharSet) -> Sequence[str]:
    """The first characters of a set, in order; empty for a set that is described by what it lacks, or by a name."""
    if chars.inverted or chars.kind is None or isinstance(chars.kind, str):
        return ()
    if isinstance(chars.kind, Ranges):
        pairs = zip(chars.kind.starts, chars.kind.ends, strict=True)
        found = [chr(code) for low, high in pairs for code in range(low, min(high, low + SHOWN))]
    else:
        found = [*chars.kind]
    return sorted({*found, *chars.plus} - chars.minus)[:SHOWN]


def _demand(rule: Rule, state: Any, among: Sequence[tuple[Rule, Any]]) -> str:
    """What a rule demands, in words.

    That is characters it needs several times, where another rule never lets one come again; else what it wants next.
    """
    needs, using_up = rule.promises.needs, any(other.promises.never_again is not None for other, _ in among)
    needed = needs(state) if needs is not None and using_up else ()
    twice = [char for char in dict.fromkeys(needed) if needed.count(char) > 1]
    if twice:
        return f"needs {in_a_row(twice, 'and')} more than once"
    return f"wants {what}" if (what := rule.promises.describe_next(state)) else ""
