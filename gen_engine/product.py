"""Several constraints as one: their joint state, with the one rule that a stop string adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from .alike import Keys
from .answers import fault, whose, wrong_set
from .errors import PluginError
from .learn import Learner
from .lift import Lifted, offered
from .text import Vocabulary
from .tokensets import Ids, Intern, Mask, TokenSet
from .types import Constraint, Prompt

if TYPE_CHECKING:
    import numpy as np


class Joint(NamedTuple):
    """The state of every constraint; `accepted` says, where stop strings are in play, which of the last places (the
    newest last) could have been the end of the text."""

    states: tuple[Any, ...]
    accepted: tuple[bool, ...] = ()


@dataclass(frozen=True, eq=False)
class Rule:
    """One constraint with the name it was written by, the plugin it is from, and its optional answers made uniform."""

    label: str
    constraint: Constraint
    vocabulary: Vocabulary
    origin: str = ""

    def start(self, prompt: Prompt) -> Any:
        """The state before the first new token.

        Raises GenError if the rule refuses the prompt, and PluginError if it answers what no rule may.
        """
        state = self.constraint.start(prompt)
        if wrong := fault(self, state):
            raise PluginError(wrong)
        return state

    @cached_property
    def permits(self) -> Callable[[Any, int], bool]:
        """Whether a token may follow a state."""
        own = offered(self.constraint, "permits")
        return own or (lambda state, token: bool(_member(self.allowed(state), token)))

    def allowed(self, state: Any) -> TokenSet | np.ndarray:
        """What may follow, as the constraint says it; PluginError if it says nothing that can be used."""
        found = self.constraint.allowed(state)
        if wrong := wrong_set(found, len(self.vocabulary)):
            raise PluginError(f"{whose(self.label, self.origin)} {wrong}.")
        return found

    @property
    def kinds(self) -> Keys | None:
        """A key for each token; tokens of one key that a state does not mention behave alike."""
        return self._own_kinds if self._own_kinds is not None else self._learner.kinds

    @cached_property
    def _own_kinds(self) -> Keys | None:
        own = offered(self.constraint, "kinds")
        return None if own is None else own()

    @cached_property
    def _learner(self) -> Learner:
        return Learner(self.vocabulary, self.permits, self.constraint.next)

    def cover(self, state: Any) -> int:
        """Find out what makes tokens behave alike from `state` on, if the rule does not say; a version of `kinds`."""
        says = self.mentions is not None or self._own_moves is not None or self._has_kinds
        return 0 if says else self._learner.cover(state)

    @cached_property
    def _has_kinds(self) -> bool:
        """Whether the rule itself says what makes tokens alike."""
        if isinstance(self.constraint, Lifted):
            return offered(self.constraint.machine, "kind") is not None
        return offered(self.constraint, "kinds") is not None

    @cached_property
    def mentions(self) -> Callable[[Any], Iterable[int]] | None:
        """The tokens that a state singles out; None if no state ever does."""
        if isinstance(self.constraint, Lifted) and not self.constraint.singles_out:
            return None
        return offered(self.constraint, "mentions")

    def removes_at_most(self, horizon: int) -> int | None:
        """A bound on the single-character tokens forbidden at any place; None if there is no promise."""
        own = offered(self.constraint, "removes_at_most")
        return None if own is None else own(horizon)

    @cached_property
    def spares(self) -> Callable[[int], bool]:
        """Whether a token is never forbidden."""
        return offered(self.constraint, "spares") or (lambda token: False)

    @cached_property
    def cut(self) -> Callable[[Any], int] | None:
        """How many trailing tokens a state cuts; None for all but stop strings."""
        return offered(self.constraint, "cut")

    @property
    def is_structural(self) -> bool:
        """Whether few kinds of tokens are all that the rule tells apart, so that the automaton can know it."""
        says = self._own_moves is not None or self._has_kinds
        return self.mentions is None and (says or self._learner.kinds is not None)

    @cached_property
    def _own_moves(self) -> Callable[[Any], Iterable[tuple[Any, Any]] | None] | None:
        if isinstance(self.constraint, Lifted) and not self.constraint.has_moves:
            return None
        return offered(self.constraint, "moves")

    def moves(self, state: Any, *, single: bool = False) -> Iterable[tuple[Any, Any]] | None:
        """Sets of tokens and the states they lead to, None if the rule does not say. If only tokens of `single`
        characters are asked for, others may lack."""
        if self._own_moves is not None and isinstance(self.constraint, Lifted):
            return self.constraint.moves(state, single=single)
        return None if self._own_moves is None else self._own_moves(state)

    @cached_property
    def least(self) -> Callable[[Any], float]:
        """A lower bound on the tokens until the rule accepts."""
        return offered(self.constraint, "least") or (lambda state: 0)

    @cached_property
    def least_singly(self) -> Callable[[Any], float]:
        """The same bound on tokens of single characters."""
        return offered(self.constraint, "least_singly") or self.least

    @cached_property
    def most(self) -> Callable[[Any], float]:
        """An upper bound on the characters that may still follow."""
        return offered(self.constraint, "most") or (lambda state: inf)

    @cached_property
    def spent(self) -> Callable[[Any], frozenset[str] | None]:
        """The characters whose repetition alone the rule might forbid; None if there is no such promise."""
        return offered(self.constraint, "spent") or (lambda state: None)

    @cached_property
    def used_up(self) -> Callable[[Any, int], frozenset[str] | None]:
        """The characters that never come again, as none will that is written from now on; None if they may."""
        return offered(self.constraint, "used_up") or (lambda state, room: None)

    @property
    def uses_up(self) -> bool:
        """Whether the rule ever promises that characters never come again."""
        rule = self.constraint.machine if isinstance(self.constraint, Lifted) else self.constraint
        return offered(rule, "used_up") is not None

    @cached_property
    def needs(self) -> Callable[[Any], Sequence[str]] | None:
        """The characters that must still come, as often as they must; None if the rule never says."""
        if isinstance(self.constraint, Lifted) and offered(self.constraint.machine, "needs") is None:
            return None
        return offered(self.constraint, "needs")

    @cached_property
    def gathers(self) -> Callable[[Any], Sequence[str]] | None:
        """The characters that need only come, in any order, for the rule to accept; None if it forbids anything."""
        if isinstance(self.constraint, Lifted) and offered(self.constraint.machine, "gathers") is None:
            return None
        return offered(self.constraint, "gathers")

    @cached_property
    def wants(self) -> Callable[[Any], str]:
        """What the rule wants next, in words; empty if it does not say."""
        return offered(self.constraint, "wants") or (lambda state: "")


def _member(allowed: Any, token: int) -> bool:
    return token in allowed if isinstance(allowed, TokenSet) else bool(allowed[token])


def as_rule(label: str, processor: Any, vocabulary: Vocabulary, intern: Intern, origin: str = "") -> Rule:
    """A rule out of a constraint, or out of a character machine lifted to the vocabulary."""
    if hasattr(processor, "step"):
        return Rule(label, Lifted(processor, vocabulary, intern), vocabulary, origin)
    return Rule(label, processor, vocabulary, origin)


@dataclass(frozen=True, eq=False)
class Product:
    """All rules at once over one vocabulary. The end of the text is no token here: `accepts` speaks of it."""

    vocabulary: Vocabulary
    rules: tuple[Rule, ...]
    intern: Intern

    def start(self, prompt: Prompt) -> Joint:
        """The joint state before the first new token; GenError if a rule refuses the prompt."""
        return Joint(tuple(rule.start(prompt) for rule in self.rules))

    @cached_property
    def _stops(self) -> tuple[int, ...]:
        return tuple(i for i, rule in enumerate(self.rules) if rule.cut is not None)

    @cached_property
    def _memory(self) -> int:
        """How many places back a stop string may have begun, in tokens."""
        strings = (s for i in self._stops for s in getattr(self.rules[i].constraint, "strings", (b" " * 64,)))
        return max((len(string) for string in strings), default=0)

    def cut(self, joint: Joint) -> int:
        """How many trailing tokens are no part of the text; the text has ended if there are any."""
        cuts = ((self.rules[i].cut, joint.states[i]) for i in self._stops)
        return max((cut(state) for cut, state in cuts if cut is not None), default=0)

    def held(self, joint: Joint) -> int:
        """How many trailing bytes could still become a stop string: all, if what cuts does not say (`held`)."""
        holders = ((self.rules[i].constraint, joint.states[i]) for i in self._stops)
        return max((getattr(stop, "held", lambda _: 1 << 62)(state) for stop, state in holders), default=0)

    def accepts(self, joint: Joint) -> bool:
        """Whether the text may end here."""
        return bool(self._stops and self.cut(joint)) or self._accept(joint.states)

    def _accept(self, states: tuple[Any, ...]) -> bool:
        return all(rule.constraint.accepts(state) for rule, state in zip(self.rules, states, strict=True))

    def permits(self, joint: Joint, token: int) -> bool:
        """Whether every rule lets `token` follow."""
        if token not in self._usable_ids:
            return False
        for rule, state in zip(self.rules, joint.states, strict=True):
            if not rule.permits(state, token):
                return False
        return not self._stops or not self._cuts_short(joint, token)

    def _cuts_short(self, joint: Joint, token: int) -> bool:
        """Whether `token` completes a stop string, the longest if it does several, before which no text could end."""
        stops = [(self.rules[i], joint.states[i]) for i in self._stops]
        cut = max(rule.cut(rule.constraint.next(state, token)) if rule.cut else 0 for rule, state in stops)
        return bool(cut) and not self._accepted_before(joint, cut)

    def _accepted_before(self, joint: Joint, cut: int) -> bool:
        if cut == 1:
            return self._accept(joint.states)
        return len(joint.accepted) >= cut - 1 and joint.accepted[1 - cut]

    @cached_property
    def _next(self) -> tuple[Callable[[Any, int], Any], ...]:
        return tuple(rule.constraint.next for rule in self.rules)

    def next(self, joint: Joint, token: int) -> Joint:
        """The joint state after a permitted token."""
        states = tuple([follow(state, token) for follow, state in zip(self._next, joint.states, strict=True)])
        if not self._stops:
            return Joint(states)
        return Joint(states, (*joint.accepted, self._accept(joint.states))[-self._memory :])

    def allowed(self, joint: Joint, known: TokenSet | None = None, rest: Sequence[int] = ()) -> TokenSet:
        """The tokens that every rule lets follow, the end aside.

        `known` is what all rules but those numbered in `rest` let follow, where that was worked out before.
        """
        if self._stops and self.cut(joint):
            return self.intern.adopt(self._usable.mask.array & False)
        if known is None:
            known, rest = self._usable, range(len(self.rules))
        found = self.let_follow(joint, rest, known) if rest else known
        short = self._short_enders(joint, found) if self._stops else ()
        return found.without(short) if short else found

    def let_follow(self, joint: Joint, rules: Sequence[int], among: TokenSet | None = None) -> TokenSet:
        """The usable tokens, or those `among` others, that each of these rules by itself lets follow."""
        single = among is not None and not among.plus and self._is_single(among.mask)
        sets = [self._usable if among is None else among]
        narrowing: list[tuple[Lifted, Any]] = []
        for i in rules:
            rule, state = self.rules[i].constraint, joint.states[i]
            if isinstance(rule, Lifted) and rule.narrows and not single:
                narrowing.append((rule, state))
            elif isinstance(rule, Lifted):
                sets.append(rule.allowed(state, single=single))
            else:
                sets.append(self.intern.adopt(self.rules[i].allowed(state)))
        found = self.intern.meet(sets)
        for rule, state in narrowing:
            found = rule.narrowed(state, found)
        return found

    def _is_single(self, mask: Mask) -> bool:
        """Whether no token of the mask prints a part of a character, or several."""
        return not self.intern.meet_masks((mask, self._compound)).size

    @cached_property
    def _compound(self) -> Mask:
        lengths = self.vocabulary.arrays.lengths
        return self.intern.mask(self.vocabulary.is_usable & ((lengths < 0) | (lengths > 1)))

    def _short_enders(self, joint: Joint, found: TokenSet) -> Ids:
        enders: set[int] = set()
        for i in self._stops:
            own = offered(self.rules[i].constraint, "enders")
            enders.update(own(joint.states[i]) if own else found.to_array().nonzero()[0].tolist())
        return tuple(token for token in enders if token in found and self._cuts_short(joint, token))

    @cached_property
    def _usable_ids(self) -> frozenset[int]:
        return frozenset(self.vocabulary.usable)

    @cached_property
    def _usable(self) -> TokenSet:
        return self.intern.adopt(self.vocabulary.is_usable)

    def walk(self, joint: Joint, tokens: Sequence[int]) -> list[Joint]:
        """The states along these tokens, `joint` first, as far as they are permitted."""
        joints = [joint]
        for token in tokens:
            if not self.permits(joints[-1], token):
                break
            joints.append(self.next(joints[-1], token))
        return joints

    def narrowed(self) -> Iterator[Product]:
        """The same with one rule of many parts (`parted`) cut down to one of these, for each of them."""
        for index, rule in enumerate(self.rules):
            own = offered(rule.constraint.machine, "parted") if isinstance(rule.constraint, Lifted) else None
            for part in own() if own is not None else ():
                less = as_rule(rule.label, part, self.vocabulary, self.intern, rule.origin)
                yield Product(self.vocabulary, (*self.rules[:index], less, *self.rules[index + 1 :]), self.intern)

    def without(self, index: int) -> Product:
        """The same product less one rule."""
        return Product(self.vocabulary, self.rules[:index] + self.rules[index + 1 :], self.intern)
