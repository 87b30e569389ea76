"""Several constraints as one: their joint state, and the extra rule that stop strings add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ..memory import Memory, remembered
from ..text.token_sets import Ids, Intern, Mask, TokenSet
from ..text.vocabulary import Vocabulary
from ..types import Prompt
from .lifting.lift import Lifted
from .rule import Rule
from .states import Node, StateTable

LEARNED = 64
"""For how many beginnings the product refined by `learned_from` is remembered."""


class Joint(NamedTuple):
    """The state of every constraint.

    `node` is the state of the rules that the automaton knows, `others` are those of the rest. With stop strings,
    `accepted` says at which of the last places (the newest last) the text could have ended.
    """

    node: Node
    others: tuple[Any, ...]
    accepted: tuple[bool, ...] = ()

    @property
    def states(self) -> tuple[Any, ...]:
        """The states of all rules, in their order."""
        others, known = iter(self.others), dict(zip(self.node.order, self.node.parts, strict=True))
        count = len(self.others) + len(known)
        return tuple([known[i].state if i in known else next(others) for i in range(count)])


@dataclass(frozen=True, eq=False)
class Product:
    """All rules at once over one vocabulary. The end of the text is not a token here; see `accepts`."""

    vocabulary: Vocabulary
    rules: tuple[Rule, ...]
    intern: Intern
    _learned: Memory[tuple[Any, ...], Product] = remembered(LEARNED)

    def start(self, prompt: Prompt) -> Joint:
        """The joint state before the first new token; GenError if a rule refuses the prompt."""
        return self.joint([rule.start(prompt) for rule in self.rules])

    def joint(self, states: Sequence[Any]) -> Joint:
        """The joint state made of a state for each rule."""
        return Joint(self.table.node([states[i] for i in self.known]), tuple([states[i] for i in self.others]))

    def learned_from(self, joint: Joint) -> Product:
        """The same product with tokens classed for texts that continue a joint state; itself if nothing changes."""
        states = joint.states
        found = self._learned.get(states)
        if found is None:
            rules = tuple([rule.learn_from(state) for rule, state in zip(self.rules, states, strict=True)])
            same = all(new is old for new, old in zip(rules, self.rules, strict=True))
            found = self if same else self.of(rules)
            self._learned.put(states, found)
        return found

    @cached_property
    def known(self) -> tuple[int, ...]:
        """The numbers of the rules that the automaton knows."""
        return tuple(i for i, rule in enumerate(self.rules) if rule.is_structural)

    @cached_property
    def others(self) -> tuple[int, ...]:
        """The numbers of the rules that the automaton does not know."""
        return tuple(i for i, rule in enumerate(self.rules) if not rule.is_structural)

    @cached_property
    def other_rules(self) -> tuple[Rule, ...]:
        """The rules that the automaton does not know."""
        return tuple(self.rules[i] for i in self.others)

    @cached_property
    def table(self) -> StateTable:
        """The joint states of the rules that the automaton knows."""
        return StateTable(tuple(self.rules[i] for i in self.known), self.known, self.vocabulary, self.intern)

    def state_of(self, number: int) -> Callable[[Joint], Any]:
        """A function that extracts the state of one rule from a joint state."""
        if number in self.known:
            place = self.known.index(number)
            return lambda joint: joint.node.parts[place].state
        place = self.others.index(number)
        return lambda joint: joint.others[place]

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """The numbers of the rules that cut texts."""
        return tuple(i for i, rule in enumerate(self.rules) if rule.promises.cut is not None)

    @cached_property
    def _other_cuts(self) -> tuple[tuple[int, Callable[[Any], int]], ...]:
        cuts = ((place, rule.promises.cut) for place, rule in enumerate(self.other_rules))
        return tuple((place, cut) for place, cut in cuts if cut is not None)

    @cached_property
    def _memory(self) -> int:
        """How many tokens back a stop string may have begun."""
        strings = (s for i in self.stops for s in getattr(self.rules[i].constraint, "strings", (b" " * 64,)))
        return max((len(string) for string in strings), default=0)

    def cut(self, joint: Joint) -> int:
        """How many trailing tokens are not part of the text; if there are any, the text has ended."""
        if not self._other_cuts:
            return joint.node.cut
        return max(joint.node.cut, *(cut(joint.others[place]) for place, cut in self._other_cuts))

    def held(self, joint: Joint) -> int:
        """How many trailing bytes could still become a stop string; all, if a cutting rule has no `held`."""
        stops = ((self.rules[i].promises.held, self.state_of(i)(joint)) for i in self.stops)
        return max((1 << 62 if held is None else held(state) for held, state in stops), default=0)

    def accepts(self, joint: Joint) -> bool:
        """Whether the text may end here."""
        return bool(self.stops and self.cut(joint)) or self._accept(joint)

    @cached_property
    def _other_accepts(self) -> tuple[Callable[[Any], bool], ...]:
        return tuple(rule.constraint.accepts for rule in self.other_rules)

    def _accept(self, joint: Joint) -> bool:
        if not joint.node.accepts:
            return False
        return all(accepts(state) for accepts, state in zip(self._other_accepts, joint.others, strict=True))

    @cached_property
    def _other_permits(self) -> tuple[Callable[[Any, int], bool], ...]:
        return tuple(rule.permits for rule in self.other_rules)

    def permits(self, joint: Joint, token: int) -> bool:
        """Whether every rule permits `token` next."""
        if token not in self._usable_ids or not self.table.permits(joint.node, token):
            return False
        for permits, state in zip(self._other_permits, joint.others, strict=True):
            if not permits(state, token):
                return False
        return not self.stops or not self._cuts_short(joint, token)

    def _cuts_short(self, joint: Joint, token: int) -> bool:
        """Whether `token` completes a stop string (the longest if several) where the text before it could not end."""
        cut = self.cut(self._follow(joint, token))
        return bool(cut) and not self._accepted_before(joint, cut)

    def _accepted_before(self, joint: Joint, cut: int) -> bool:
        if cut == 1:
            return self._accept(joint)
        return len(joint.accepted) >= cut - 1 and joint.accepted[1 - cut]

    @cached_property
    def _other_nexts(self) -> tuple[Callable[[Any, int], Any], ...]:
        return tuple(rule.constraint.next for rule in self.other_rules)

    def _follow(self, joint: Joint, token: int) -> Joint:
        others = [follow(state, token) for follow, state in zip(self._other_nexts, joint.others, strict=True)]
        return Joint(self.table.after(joint.node, token), tuple(others))

    def next(self, joint: Joint, token: int) -> Joint:
        """The joint state after a permitted token."""
        after = self._follow(joint, token)
        if not self.stops:
            return after
        return after._replace(accepted=(*joint.accepted, self._accept(joint))[-self._memory :])

    def allowed(self, joint: Joint, known: TokenSet | None = None, besides: Sequence[int] = ()) -> TokenSet:
        """The tokens that every rule permits, the end aside.

        `known` is the set that the automaton's rules permit, if it was computed before. Rules in `besides`, none of
        which is in the automaton, are skipped.
        """
        if self.stops and self.cut(joint):
            return self.intern.adopt(self._usable.mask.array & False)
        if known is None:
            known = self.let_follow([part.state for part in joint.node.parts], self.known)
        asked = [(number, joint.others[place]) for place, number in enumerate(self.others) if number not in besides]
        found = self.narrow(asked, known) if asked else known
        short = self._short_enders(joint, found) if self.stops else ()
        return found.without(short) if short else found

    def let_follow(self, states: Sequence[Any], rules: Sequence[int]) -> TokenSet:
        """The usable tokens that each of these rules permits in its state."""
        return self.narrow(zip(rules, states, strict=True), self._usable)

    def narrow(self, asked: Iterable[tuple[int, Any]], found: TokenSet) -> TokenSet:
        """The tokens in `found` that each of these rules (by number) permits in its state.

        Rules that single out characters come last, so that they are called only for what the others leave.
        """
        last: list[tuple[Rule, Lifted, Any]] = []
        for number, state in asked:
            rule = self.rules[number]
            lifted = rule.constraint
            if not isinstance(lifted, Lifted):
                found = self.intern.meet((found, self.intern.adopt(rule.allowed(state))))
            elif (single := not found.plus and self._is_single(found.mask)) or not lifted.narrows:
                found = self.intern.meet((found, lifted.allowed(state, single=single)))
            else:
                last.append((rule, lifted, state))
        for rule, lifted, state in last:  # noqa: B007 - `rule` is for the error report if this fails
            found = lifted.narrowed(state, found)
        return found

    def _is_single(self, mask: Mask) -> bool:
        """Whether every token of the mask prints at most one whole character."""
        return not self.intern.meet_two(mask, self._compound).size

    @cached_property
    def _compound(self) -> Mask:
        lengths = self.vocabulary.arrays.lengths
        return self.intern.mask(self.vocabulary.is_usable & ((lengths < 0) | (lengths > 1)))

    def _short_enders(self, joint: Joint, found: TokenSet) -> Ids:
        enders: set[int] = set()
        for i in self.stops:
            own = self.rules[i].promises.enders
            state = self.state_of(i)(joint)
            enders.update(own(state) if own is not None else found.to_array().nonzero()[0].tolist())
        return tuple(token for token in enders if token in found and self._cuts_short(joint, token))

    @cached_property
    def _usable_ids(self) -> frozenset[int]:
        return frozenset(self.vocabulary.usable)

    @cached_property
    def _usable(self) -> TokenSet:
        return self.intern.adopt(self.vocabulary.is_usable)

    def walk(self, joint: Joint, tokens: Sequence[int]) -> list[Joint]:
        """The states along these tokens, `joint` first, up to the first token that is not permitted."""
        joints = [joint]
        for token in tokens:
            if not self.permits(joints[-1], token):
                break
            joints.append(self.next(joints[-1], token))
        return joints

    def of(self, rules: Sequence[Rule]) -> Product:
        """A product of other rules over the same tokens."""
        return Product(self.vocabulary, tuple(rules), self.intern)

    def narrowed(self) -> Iterator[Product]:
        """The product with one rule of many parts (`parted`) reduced to one part, for each part of each rule."""
        for index, rule in enumerate(self.rules):
            for less in rule.parted():
                yield self.of((*self.rules[:index], less, *self.rules[index + 1 :]))

    def without(self, index: int) -> Product:
        """The same product less one rule."""
        return self.of(self.rules[:index] + self.rules[index + 1 :])
