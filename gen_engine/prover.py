"""Is there a legal rest of the text within the budget? Yes with a witness, no with a proof, or undecided.

Four methods, the cheapest first. *Exact over classes*: rules that tell tokens apart only by kind make an automaton,
whose distances to the end prove "no" (`relaxed`). *Counting*: where the other rules remove at most k tokens a place,
a path of that automaton on which every step has more than k tokens proves "yes" (`robust`). *Matching*: where they
only forbid what was written before, different characters for all places do (`fresh.py`), and where there are too few
of them, that proves "no". *Bounded search*: depth first over joint states, one token for each set of tokens that
behave alike, with failures remembered; it ends in a witness, in a proof by exhaustion, or at its limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, Literal

import numpy as np

from .alike import groups, twins
from .automaton import Automaton
from .detours import legal
from .fresh import Fresh
from .needs import Needs
from .patience import check
from .product import Joint, Product
from .tokensets import Ids, Mask, TokenSet

Answer = Literal["yes", "no", "undecided"]
NODES = 20_000
"""How many states one search may visit before the question is undecided."""

REMEMBERED = 200_000
"""Of how many states failures and witnesses are remembered."""

NODE, OPENED, DEAD, REFUSAL = 64, 32, 16, 1
"""What it costs to visit a state, open a node of the automaton, see that a state is dead, and be refused a token."""

TIRED = 4
"""After so many searches behind tokens that ended at their limit, the limit is halved."""

GLANCE = 8
"""So many edges of a state, those of the most tokens, are looked at for always being safe."""

DOUBT = 64
"""After how many states of a search it is asked whether there are too few characters for the places ahead."""


@dataclass(frozen=True, eq=False)
class Prover:
    """Answers for one product of rules; `bound` is how many tokens the counted rules remove at any one place (None:
    they do not say), `room` how many characters a text has at most (None: unknown).

    `_witness` holds the next token of one rest and how long that is, `_onward` a token behind which a rest is known to
    exist, and within which budget. `tokens` caches what the automaton lets follow, by (state, tokens left).
    """

    product: Product
    bound: int | None
    nodes: int = NODES
    room: int | None = None
    tokens: dict[tuple[tuple[Any, ...], int], TokenSet] = field(default_factory=dict, repr=False)
    _failed: dict[Joint, int] = field(default_factory=dict, repr=False)
    _witness: dict[Joint, tuple[int, int]] = field(default_factory=dict, repr=False)
    _onward: dict[Joint, tuple[int, int]] = field(default_factory=dict, repr=False)
    _ids: dict[Mask, list[int]] = field(default_factory=dict, repr=False)
    _doubts: list[int] = field(default_factory=lambda: [0], repr=False)
    _deepest: list[tuple[int, Joint]] = field(default_factory=list, repr=False)

    def feasible(self, joint: Joint, budget: int, before: Joint | None = None) -> Answer:
        """Whether a text of at most `budget` more tokens exists behind `joint`.

        The witness of `before`, the state one token earlier, is tried first: much of it may still be legal.
        """
        if (known := self.at_once(joint, budget)) is not None:
            return known
        if before is None:
            found = self._search(joint, budget, ())
            return self._by_detour(joint, budget) if found == "undecided" else found
        # Where tokens again and again are not found out about, less and less is spent on each.
        patience = max(self.nodes >> self._doubts[0] // TIRED, self.nodes // 32)
        found = self._search(joint, budget, self._rest(before)[1:], nodes=patience)
        self._doubts[0] += found == "undecided"
        return found

    def _by_detour(self, joint: Joint, budget: int) -> Answer:
        """Whether a search that came to its limit left out a rest on another way than the nearest."""
        taken = self.fresh.taken(self.others(joint)) if self.fresh is not None else None
        here = joint, self.structural(joint)
        if taken is None or (found := legal(self.product, self.automaton, here, budget, taken)) is None:
            return "undecided"
        self._remember(*found)
        return "yes"

    def _rest(self, joint: Joint | None) -> Ids:
        """What is written down of a rest of a state, as far as it comes nearer to the end."""
        rest: list[int] = []
        left = inf
        while joint is not None and (known := self._known(joint)) is not None and known[1] < left:
            token, left = known
            rest.append(token)
            joint = self.product.next(joint, token)
        return tuple(rest)

    def _known(self, joint: Joint) -> tuple[int, int] | None:
        """A token behind which a rest is known to exist, and within how many tokens."""
        found = (memory[joint] for memory in (self._witness, self._onward) if joint in memory)
        return min(found, key=lambda known: known[1], default=None)

    def witness(self, joint: Joint, budget: int) -> Ids:
        """The tokens of one legal rest, for a joint state that was found feasible; the end is not among them."""
        rest: list[int] = []
        while not self.product.accepts(joint):
            rest.append(self._step(joint, budget - len(rest)))
            joint = self.product.next(joint, rest[-1])
        return tuple(rest)

    def _step(self, joint: Joint, budget: int) -> int:
        """The next token of some rest: what is written down, else what is seen at once to have one behind it."""
        known = self._known(joint)
        if known is not None and known[1] <= budget:
            return known[0]
        for token in self._candidates(joint, budget, None, [0]):
            if self.at_once(self.product.next(joint, token), budget - 1) == "yes":
                return token
        self._search(joint, budget, (), materialise=True)
        return self._witness[joint][0]

    def unfailing(self, joint: Joint, tokens: np.ndarray, budget: int) -> np.ndarray:
        """Which of these permitted tokens are seen at once to have a rest of at most `budget` more, whatever rules of
        history remove; a bool array like `tokens`. Most edges are passed over where there are many."""
        found = np.zeros(len(tokens), dtype=bool)
        if self.bound is None or self.needs.gathered(joint):
            return found
        for mask, after in self.automaton.edges(self.structural(joint))[: -GLANCE - 1 : -1]:
            mine = mask.array[tokens]
            if mine.any() and (after is None or self.automaton.robust(after, budget) <= budget):
                found |= mine
            if found.all():
                break
        return found

    def stuck(self, joint: Joint, budget: int) -> Joint:
        """The state furthest from `joint`, which has no rest, that a search for one came to."""
        state = self.structural(joint)
        found = self.automaton.stuck(state) if self.automaton.relaxed(state, budget) > budget else None
        if found is not None:
            states = dict(zip(self.structural_rules, found, strict=True))
            return Joint(tuple(states.get(i, own) for i, own in enumerate(joint.states)))
        if self.feasible(joint, budget) == "no" and self._deepest:
            return self._deepest[-1][1]
        return joint

    def at_once(self, joint: Joint, budget: int) -> Answer | None:
        """The answer where it takes no search over joint states; None where it does."""
        if self.product.accepts(joint):
            return "yes"
        if budget <= 0:
            return "no"
        sure = self._sure(joint, budget)
        if sure is not None:
            return sure
        if self._failed.get(joint, -1) >= budget:
            return "no"
        known = self._known(joint)
        return "yes" if known is not None and known[1] <= budget else None

    def _sure(self, joint: Joint, budget: int) -> Answer | None:
        state, wanted = self.structural(joint), self.needs.gathered(joint)
        if not wanted and self.automaton.robust(state, budget) <= budget:
            return "yes"
        if self.automaton.relaxed(state, budget) > budget or self.needs.are_missed(joint):
            return "no"
        if self.fresh is None:
            return None
        if self.fresh.suffices(state, self.others(joint), budget, wanted):
            return "yes"
        return "no" if wanted and self.fresh.rooms(wanted).lack(state, budget) else None

    # ------------------------------------------------------------------------------------------ the automaton

    @cached_property
    def structural_rules(self) -> tuple[int, ...]:
        """The numbers of the rules that the automaton knows."""
        return tuple(i for i, rule in enumerate(self.product.rules) if rule.is_structural)

    @cached_property
    def other_rules(self) -> tuple[int, ...]:
        """The numbers of the others."""
        return tuple(i for i, rule in enumerate(self.product.rules) if not rule.is_structural)

    def structural(self, joint: Joint) -> tuple[Any, ...]:
        """The part of a joint state that the automaton knows."""
        return tuple([joint.states[i] for i in self.structural_rules])

    def others(self, joint: Joint) -> tuple[Any, ...]:
        """The part of a joint state that the automaton does not know."""
        return tuple([joint.states[i] for i in self.other_rules])

    @cached_property
    def automaton(self) -> Automaton:
        """What the rules that tell tokens apart only by kind allow."""
        rules = tuple(self.product.rules[i] for i in self.structural_rules)
        product, narrow = self.product, self.bound or 0
        if self.room is not None:
            narrow = max(narrow, self.room * product.vocabulary.widest)
        others = [product.rules[i].spares for i in self.other_rules]
        return Automaton(
            rules, product.vocabulary, product.intern, self.bound, narrow, lambda token: all(s(token) for s in others)
        )

    @cached_property
    def needs(self) -> Needs:
        """What must still come."""
        return Needs(self.product, self.room)

    @cached_property
    def fresh(self) -> Fresh | None:
        if self.room is None or not self.other_rules:
            return None
        return Fresh(self.automaton, tuple(self.product.rules[i] for i in self.other_rules), self.room)

    # --------------------------------------------------------------------------------------------- the search

    @cached_property
    def _groups(self) -> list[Ids]:
        """The tokens, grouped into those that behave alike under all rules, what prints nothing last."""
        vocabulary = self.product.vocabulary
        rules = self.product.rules
        return groups(vocabulary, [rule.kinds if rule.kinds is not None else range(len(vocabulary)) for rule in rules])

    @cached_property
    def _partial_groups(self) -> list[Ids]:
        partial = frozenset(self.product.vocabulary.partial)
        return [tokens for tokens in self._groups if tokens[0] in partial]

    @cached_property
    def _twins(self) -> dict[int, Ids]:
        """For each token that does not print its text alone all that print it."""
        return twins(self.product.vocabulary)

    @cached_property
    def group_of(self) -> dict[int, int]:
        """A number for each usable token, the same for those that behave alike where no rule singles one out."""
        return {token: number for number, tokens in enumerate(self._groups) for token in tokens}

    def mentioned(self, joint: Joint) -> set[int]:
        """The tokens that a rule singles out, and those that print the same: what one rule says of a token, another
        may say of its text."""
        pairs = zip(self.product.rules, joint.states, strict=True)
        found = {token for rule, state in pairs if rule.mentions is not None for token in rule.mentions(state)}
        return found.union(*(self._twins[token] for token in found if token in self._twins)) if self._twins else found

    def _candidates(self, joint: Joint, budget: int, hint: int | None, spent: list[int]) -> Iterator[int]:
        """Tokens to try, so that if none of them leads to the end, no token does; refusals count as work."""
        for token in self._worth_asking(joint, budget, hint):
            if self.product.permits(joint, token):
                yield token
            else:
                spent[0] += REFUSAL

    def _worth_asking(self, joint: Joint, budget: int, hint: int | None) -> Iterator[int]:
        """One token for each set of tokens that behave alike: the hint first, then one for each edge of the automaton
        that had better not be kept for later, then all others, those nearest to the end first."""
        if hint is not None:
            yield hint
        mentioned = self.mentioned(joint)
        edges = self._nearest(self.structural(joint), budget)
        kept = self.fresh.choice(self.structural(joint)) if self.fresh is not None else ()
        texts = self.product.vocabulary.texts
        tried: set[int] = set()
        for mask in edges:
            for token in self._tokens(mask):
                if token not in mentioned and texts[token] not in kept:
                    tried.add(token)
                    yield token
                    break
        for mask in edges:
            for tokens in self._groups:
                if mask.array[tokens[0]]:
                    yield from self._fresh_one(tokens, mentioned, tried)
        for tokens in self._partial_groups:
            yield from self._fresh_one(tokens, mentioned, tried)
        yield from sorted(mentioned)

    def alike(self, joint: Joint) -> Iterator[int]:
        """One token for each set of tokens that behave alike in this state, permitted or not."""
        mentioned = self.mentioned(joint)
        for tokens in self._groups:
            yield from self._fresh_one(tokens, mentioned, set())
        yield from sorted(mentioned)

    @staticmethod
    def _fresh_one(tokens: Ids, mentioned: set[int], tried: set[int]) -> Iterator[int]:
        fresh = next((token for token in tokens if token not in mentioned), None)
        if fresh is not None and fresh not in tried:
            yield fresh

    def _nearest(self, state: tuple[Any, ...], budget: int) -> list[Mask]:
        """The edges worth trying within the budget, the nearest to the end first, those of many tokens first."""
        surfaces, automaton = self.product.vocabulary.surfaces, self.automaton
        found: list[tuple[float, bool, float, int, Mask]] = []
        for number, (mask, distance) in enumerate(automaton.onward(state, budget - 1)):
            if distance < budget:
                prints_nothing = not surfaces[self._tokens(mask)[0]]
                found.append((distance, prints_nothing, -automaton.weight(mask), number, mask))
        return [mask for *_, mask in sorted(found, key=lambda item: item[:4])]

    def _tokens(self, mask: Mask) -> list[int]:
        found = self._ids.get(mask)
        if found is None:
            if len(self._ids) > self.nodes:
                self._ids.clear()
            surfaces = self.product.vocabulary.surfaces  # what prints nothing leads nowhere: last
            found = self._ids[mask] = sorted(mask.array.nonzero()[0].tolist(), key=lambda token: not surfaces[token])
        return found

    def _search(
        self, joint: Joint, budget: int, hint: Ids, materialise: bool = False, nodes: int | None = None
    ) -> Answer:
        self._forget()
        limit = (self.nodes if nodes is None else nodes) * NODE
        spent, asked, opened = [0], False, self.automaton.work
        stack = [(joint, self._candidates(joint, budget, hint[0] if hint else None, spent))]
        path: list[int] = []
        while stack:
            check()
            here, candidates = stack[-1]
            token = next(candidates, None)
            if spent[0] + OPENED * (self.automaton.work - opened) > limit:
                return "undecided"
            if spent[0] > DOUBT * NODE and not asked and self.fresh is not None:
                asked = True
                if self.fresh.clashes(self.structural(joint), self.others(joint), budget):
                    self._failed[joint] = max(budget, self._failed.get(joint, -1))
                    return "no"
            if token is None:
                if not self._deepest or len(path) > self._deepest[-1][0]:
                    self._deepest[:] = [(len(path), here)]
                self._failed[here] = max(budget - len(path), self._failed.get(here, -1))
                stack.pop()
                del path[-1:]
                continue
            there = self.product.next(here, token)
            left = budget - len(path) - 1
            known = self.at_once(there, left)
            if known == "yes" and (not materialise or self._is_concrete(there, left)):
                if self._is_concrete(there, left):
                    self._remember([*(frame[0] for frame in stack), there], [*path, token])
                else:  # nobody looks for the way to what is known to have a rest again
                    steps = zip((frame[0] for frame in stack), [*path, token], strict=True)
                    self._onward.update((joint, (step, budget - i)) for i, (joint, step) in enumerate(steps))
                return "yes"
            if known == "no":
                spent[0] += DEAD
                continue
            spent[0] += NODE
            path.append(token)
            follow = hint[len(path)] if len(hint) > len(path) else None
            stack.append((there, self._candidates(there, left, follow, spent)))
        return "no"

    def _is_concrete(self, joint: Joint, left: int) -> bool:
        """Whether one rest of at most `left` tokens is written down, not only proven to exist."""
        return (joint in self._witness and self._witness[joint][1] <= left) or self.product.accepts(joint)

    def _remember(self, joints: list[Joint], tokens: list[int]) -> None:
        last = joints[-1]
        rest = 0 if self.product.accepts(last) else self._witness[last][1]
        for joint, token in zip(reversed(joints[:-1]), reversed(tokens), strict=True):
            rest += 1
            if joint not in self._witness or self._witness[joint][1] > rest:
                self._witness[joint] = token, rest

    def _forget(self) -> None:
        for memory in (self._failed, self._witness, self._onward):
            if len(memory) > REMEMBERED:
                memory.clear()
