"""One constraint with the name it was written by, and what it promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import PluginError
from ..text.token_sets import Intern, TokenSet
from ..text.vocabulary import Vocabulary
from ..types import Constraint, Prompt
from .answers import fault, misfit, whose, wrong_set
from .lifting.lift import Lifted
from .lifting.partitions import Keys
from .lifting.promises import Promises, offered, promised_by_constraint
from .lifting.token_classes import TokenClasses

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Rule:
    """One constraint, the name it was written by, and the plugin it comes from.

    `learned` is a key for each token, found by `learn_from` for the texts of one beginning. It is used if the rule does
    not say which tokens are alike.
    """

    label: str
    constraint: Constraint
    vocabulary: Vocabulary
    origin: str = ""
    learned: Keys | None = None

    @cached_property
    def promises(self) -> Promises:
        """What the rule promises."""
        return (
            self.constraint.promises if isinstance(self.constraint, Lifted) else promised_by_constraint(self.constraint)
        )

    @cached_property
    def machine(self) -> Any:
        """The rule as its author wrote it: the machine over characters, or the constraint itself."""
        return self.constraint.machine if isinstance(self.constraint, Lifted) else self.constraint

    def start(self, prompt: Prompt) -> Any:
        """The state before the first new token.

        Raises GenError if the rule refuses the prompt, and PluginError if it returns something invalid.
        """
        state = self.constraint.start(prompt)
        if wrong := fault(self, state):
            raise PluginError(wrong)
        return state

    @cached_property
    def permits(self) -> Callable[[Any, int], bool]:
        """A test whether a token may follow a state."""
        return self.promises.permits or (lambda state, token: bool(_member(self.allowed(state), token)))

    def allowed(self, state: Any) -> TokenSet | np.ndarray:
        """What may follow, as the constraint returns it; PluginError if that is invalid."""
        found = self.constraint.allowed(state)
        if wrong := wrong_set(found, len(self.vocabulary)):
            raise PluginError(f"{whose(self.label, self.origin)} {wrong}.")
        return found

    @cached_property
    def kinds(self) -> Keys | None:
        """A key for each token; tokens with equal keys that a state does not mention behave alike. None if unknown."""
        if self.promises.kinds is None:
            return self.learned
        if not isinstance(self.constraint, Lifted) and (wrong := misfit(self, self.constraint, "kinds", None)):
            raise PluginError(f"{whose(self.label, self.origin)} {wrong}.")
        return self.promises.kinds()

    def transitions(self, state: Any, *, single: bool = False) -> Iterable[tuple[Any, Any]] | None:
        """Sets of tokens and the states they lead to; None if the rule does not say.

        With `single`, only tokens of single characters are needed; others may be missing.
        """
        if self.promises.transitions is None:
            return None
        if isinstance(self.constraint, Lifted):
            return self.constraint.transitions(state, single=single)
        return self.promises.transitions(state)

    @cached_property
    def is_structural(self) -> bool:
        """Whether the rule distinguishes only a few kinds of tokens, so that it can be part of the automaton."""
        return self.promises.mentions is None and (self.promises.tells_alike or self.learned is not None)

    def learn_from(self, state: Any) -> Rule:
        """The same rule, with token classes found for texts that continue `state`.

        It is the rule itself if it names its classes, or if they cannot be found.
        """
        if self.promises.tells_alike or self.promises.mentions is not None:
            return self
        learned = self._token_classes.kinds(state)
        return self if learned is None else replace(self, learned=learned)

    @cached_property
    def _token_classes(self) -> TokenClasses:
        return TokenClasses(self.vocabulary, self.permits, self.constraint.next)

    def parted(self) -> Sequence[Rule]:
        """Rules that each forbid less, as offered by the rule itself; none if it offers none."""
        own = offered(self.machine, "parted") if isinstance(self.constraint, Lifted) else None
        parts = () if own is None else own()
        intern = self.constraint.intern if isinstance(self.constraint, Lifted) else None
        return [as_rule(self.label, part, self.vocabulary, intern, self.origin) for part in parts]


def _member(allowed: Any, token: int) -> bool:
    return token in allowed if isinstance(allowed, TokenSet) else bool(allowed[token])


def as_rule(label: str, processor: Any, vocabulary: Vocabulary, intern: Intern | None = None, origin: str = "") -> Rule:
    """A rule from a constraint, or from a character machine lifted to the vocabulary."""
    if hasattr(processor, "step"):
        return Rule(label, Lifted(processor, vocabulary, intern or Intern()), vocabulary, origin)
    return Rule(label, processor, vocabulary, origin)
