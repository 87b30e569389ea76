"""Is there a legal rest of the text within the budget? Yes with a witness, no with a proof, or undecided.

There are four methods, the cheapest first.
*Exact over classes*: rules that distinguish tokens only by kind form an automaton. Its distances to the end prove "no"
(`relaxed`).
*Counting*: suppose the other rules remove at most k tokens a place. Then a path of the automaton with more than k
tokens at every step proves "yes" (`robust`).
*Matching*: suppose they only forbid what was written before. Then different characters for all places prove "yes"
(`distinct.py`), and too few different characters prove "no".
*Bounded search*: depth first over joint states, with one token for each set of tokens that behave alike. Failures are
remembered. It ends with a witness, with a proof by exhaustion, or at its limit.

Every answer depends on the question alone. Memories only make answers faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ..errors import UndecidedError
from ..memory import Memory, remembered
from ..patience import check
from ..text.token_sets import Ids, Mask, TokenSet
from ..types import Prompt
from .alike import Alike, one_of
from .automaton import Automaton
from .detours import legal
from .distances import Distances
from .distinct import Distinct
from .histories import HistoryRules
from .needs import Needs
from .product import Joint, Product
from .states import Node
from .sufficient import Sufficient

Answer = Literal["yes", "no", "undecided"]
NODES = 20_000
"""How many states one search may visit before the question is undecided."""

FINDINGS = 50_000
"""How many findings are remembered."""

BEGINNINGS = 32
"""For how many beginnings a prover remembers the prover derived for them."""

ALIVE = 8192
"""For how many nodes and numbers of tokens left the allowed set is remembered."""

ONCE = 10
"""Multiplier of the search limit for a rest that is known to exist."""

NODE, OPENED, DEAD, REFUSAL = 64, 32, 16, 1
"""Search costs: visiting a state, opening a node of the automaton, seeing that a state is dead, a refused token."""

GLANCE = 8
"""How many edges of a state, those with the most tokens, are tested for being safe whatever history rules remove."""

DOUBT = 64
"""After this many states, a search tests once whether there are too few characters for the places ahead."""


@dataclass(frozen=True)
class Finding:
    """What is known of the rest of a text.

    `rest` are the tokens of a legal one, as far as it is written out; from there a rest is known without a search.
    `stuck` is the furthest state that a failed search reached.
    """

    answer: Answer
    rest: Ids = ()
    stuck: Joint | None = None


YES, NO = Finding("yes"), Finding("no")


def automaton_of(product: Product, bound: int | None, room: int) -> Automaton:
    """The automaton of the rules that distinguish tokens only by kind, with an empty memory.

    `bound` is the largest number of tokens that the counted rules remove at any one place (None: no bound is promised).
    """
    others = [rule.promises.never_forbids for rule in product.other_rules]

    def is_spared(token: int) -> bool:
        return all(spares(token) for spares in others)

    narrow = max(bound or 0, room * product.vocabulary.widest)
    return Automaton(Distances(product.table, bound, narrow, is_spared))


@dataclass(frozen=True, eq=False)
class Prover:
    """Answers for one product of rules, some of which the automaton knows.

    `room` is the largest number of characters a text has (None: unknown). `alive` remembers what the automaton permits,
    by (node, tokens left). `like` is a prover for texts with another beginning; what does not depend on the beginning
    is shared with it.
    """

    product: Product
    automaton: Automaton
    nodes: int = NODES
    room: int | None = None
    like: Prover | None = None
    alive: Memory[tuple[Node, int], TokenSet] = remembered(ALIVE)
    _found: Memory[tuple[Joint, int, Ids, int], Finding] = remembered(FINDINGS)
    _behind: Memory[Node, Prover] = remembered(BEGINNINGS)

    def behind(self, origin: Node) -> Prover:
        """The prover for texts that follow `origin` in which the same graphs are searched.

        That is this prover itself, unless graphs are put off.
        """
        if not self.automaton.put_off:
            return self
        found = self._behind.get(origin)
        if found is None:
            found = self._behind.put(origin, replace(self, automaton=self.automaton.behind(origin), like=self))
        return found

    def find(self, joint: Joint, budget: int, hint: Ids = (), nodes: int | None = None) -> Finding:
        """Search for a rest of at most `budget` tokens from a joint state, visiting at most `nodes` states.

        `hint` holds tokens to try first: a rest that was legal one token earlier, much of which may still be legal.
        """
        known = self.at_once(joint, budget)
        if known is not None:
            return YES if known == "yes" else NO
        question = (joint, budget, hint, self.nodes if nodes is None else nodes)
        found = self._found.get(question)
        if found is None:
            found = _Search(self, joint, budget, hint, question[3] * NODE).run()
            if found.answer == "undecided":
                found = self._by_detour(joint, budget) or found
            self._found.put(question, found)
        return found

    def feasible(self, joint: Joint, budget: int) -> Answer:
        """Whether a text of at most `budget` more tokens exists from a joint state."""
        return self.find(joint, budget).answer

    def _by_detour(self, joint: Joint, budget: int) -> Finding | None:
        """A rest on a path other than the shortest one, after the search reached its limit."""
        taken = self.distinct.taken(joint.others) if self.distinct is not None else None
        found = None if taken is None else legal(self.product, self.automaton, joint, budget, taken)
        return None if found is None else Finding("yes", found)

    def step(self, joint: Joint, budget: int) -> Ids:
        """A rest of at least one token, as far as it is written out, from a state that has one and does not accept.

        Raises UndecidedError if it was not found.
        """
        for token in _Candidates(self, joint, budget, None):
            if (
                self.product.permits(joint, token)
                and self.at_once(self.product.next(joint, token), budget - 1) == "yes"
            ):
                return (token,)
        found = _Search(self, joint, budget, (), ONCE * self.nodes * NODE).run()
        rest = found.rest or getattr(self._by_detour(joint, budget), "rest", ())
        if not rest:
            raise UndecidedError("The text can go on, but the search did not find how; drop or relax a constraint.")
        return rest

    def let_live(self, node: Node, left: int) -> TokenSet:
        """What the automaton's rules permit with `left` tokens to go, without known dead ends."""
        alive = self.automaton.alive(node, left - 1)
        if alive is not None:
            return TokenSet(alive)
        return self.product.let_follow([part.state for part in node.parts], self.product.known)

    def unfailing(self, joint: Joint, tokens: np.ndarray, budget: int) -> np.ndarray:
        """Which permitted tokens surely have a rest of at most `budget` more, whatever history rules remove.

        A bool array like `tokens`. If there are many edges, most are skipped.
        """
        found = np.zeros(len(tokens), dtype=bool)
        if self.automaton.bound is None or self.needs.gathered(joint):
            return found
        for mask, after in self.automaton.edges(joint.node)[: -GLANCE - 1 : -1]:
            mine = mask.array[tokens]
            if mine.any() and (after is None or self.automaton.robust(after, budget) <= budget):
                found |= mine
            if found.all():
                break
        return found

    def stuck(self, joint: Joint, budget: int) -> Joint:
        """The furthest state that a search reached from `joint`, which has no rest."""
        node = self.automaton.stuck(joint.node, budget)
        return joint._replace(node=node) if node is not None else self.find(joint, budget).stuck or joint

    def at_once(self, joint: Joint, budget: int) -> Answer | None:
        """The answer if it needs no search over joint states, else None."""
        if self.product.accepts(joint):
            return "yes"
        if budget <= 0:
            return "no"
        node, wanted = joint.node, self.needs.gathered(joint)
        if not wanted and self.automaton.robust(node, budget) <= budget:
            return "yes"
        if self.automaton.reach(node, budget) > budget or self.needs.are_missed(joint):
            return "no"
        if self.distinct is None:
            return None
        if self.distinct.suffices(node, joint.others, budget, wanted):
            return "yes"
        return "no" if wanted and self.distinct.rooms(wanted).lack(node, budget) else None

    @cached_property
    def sufficient(self) -> Sufficient:
        """The answers that need no look at each rule."""
        return Sufficient(self.product, self.automaton, self.histories, self.needs, self.distinct)

    @cached_property
    def histories(self) -> HistoryRules:
        """The rules that say for many rows at once what they forbid."""
        return HistoryRules.of(self.product)

    @cached_property
    def needs(self) -> Needs:
        """The characters that must still come."""
        return Needs(self.product, self.room)

    @cached_property
    def distinct(self) -> Distinct | None:
        if self.room is None or not self.product.others:
            return None
        if self.like is not None:
            return self.like.distinct
        return Distinct(self.automaton, self.product.other_rules, self.room)

    @cached_property
    def alike(self) -> Alike:
        """The classes of tokens that behave alike."""
        return Alike(self.product) if self.like is None else self.like.alike


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Tokens to try, one for each set of tokens that behave alike; if all of them fail, so does every token.

    The hint comes first. Then comes one token for each edge of the automaton, but none that is better kept for later.
    All others follow, those nearest to the end first.
    """

    prover: Prover
    joint: Joint
    budget: int
    hint: int | None

    def __iter__(self) -> Iterator[int]:
        prover, joint = self.prover, self.joint
        if self.hint is not None:
            yield self.hint
        mentioned = prover.alike.mentioned(joint)
        edges = self._nearest()
        kept = prover.distinct.choice(joint.node) if prover.distinct is not None else ()
        texts = prover.product.vocabulary.texts
        tried: set[int] = set()
        for mask in edges:
            for token in prover.alike.members(mask):
                if token not in mentioned and texts[token] not in kept:
                    tried.add(token)
                    yield token
                    break
        for mask in edges:
            for tokens in prover.alike.groups:
                if mask.array[tokens[0]]:
                    yield from one_of(tokens, mentioned, tried)
        for tokens in prover.alike.partial_groups:
            yield from one_of(tokens, mentioned, tried)
        yield from sorted(mentioned)

    def _nearest(self) -> list[Mask]:
        """The edges worth trying within the budget: nearest to the end first, then those with the most tokens."""
        prover, automaton = self.prover, self.prover.automaton
        surfaces = prover.product.vocabulary.surfaces
        found: list[tuple[float, bool, float, int, Mask]] = []
        for number, (mask, distance) in enumerate(automaton.onward(self.joint.node, self.budget - 1)):
            if distance < self.budget:
                prints_nothing = not surfaces[prover.alike.members(mask)[0]]
                found.append((distance, prints_nothing, -automaton.weight(mask), number, mask))
        return [mask for *_, mask in sorted(found, key=lambda item: item[:4])]


@dataclass
class _Search:
    """One depth-first search, which may spend `limit`. `failed` gives a budget within which a state has no rest."""

    prover: Prover
    joint: Joint
    budget: int
    hint: Ids
    limit: int
    spent: int = 0
    failed: dict[Joint, int] = field(default_factory=dict)
    path: list[int] = field(default_factory=list)
    deepest: int = -1
    stuck: Joint | None = None
    _asked: bool = False

    def run(self) -> Finding:
        """Search until there is an answer."""
        stack = [(self.joint, self._permitted(self.joint))]
        while stack:
            check()
            here, candidates = stack[-1]
            token = next(candidates, None)
            if self.spent > self.limit:
                return Finding("undecided", stuck=self.stuck)
            if self.spent > DOUBT * NODE and self._lacks_characters():
                return Finding("no", stuck=self.stuck or self.joint)
            if token is None:
                if len(self.path) > self.deepest:
                    self.deepest, self.stuck = len(self.path), here
                self.failed[here] = max(self.budget - len(self.path), self.failed.get(here, -1))
                stack.pop()
                del self.path[-1:]
                continue
            there = self.prover.product.next(here, token)
            answer = "no" if there == here else self._at_once(there)  # what changes nothing only costs tokens
            if answer == "yes":
                return Finding("yes", (*self.path, token))
            if answer == "no":
                self.spent += DEAD
                continue
            self.spent += NODE
            self.path.append(token)
            stack.append((there, self._permitted(there)))
        return Finding("no", stuck=self.stuck)

    def _at_once(self, there: Joint) -> Answer | None:
        left = self.budget - len(self.path) - 1
        return "no" if self.failed.get(there, -1) >= left else self.prover.at_once(there, left)

    def _lacks_characters(self) -> bool:
        """Whether there are too few characters for the places ahead; tested once."""
        distinct = self.prover.distinct
        if self._asked or distinct is None:
            return False
        self._asked = True
        return distinct.clashes(self.joint.node, self.joint.others, self.budget)

    def _permitted(self, here: Joint) -> Iterator[int]:
        """The permitted candidates of a state; refusals count towards the limit."""
        depth = len(self.path)
        hint = self.hint[depth] if len(self.hint) > depth else None
        for token in _Candidates(self.prover, here, self.budget - depth, hint):
            if self.prover.product.permits(here, token):
                yield token
            else:
                self.spent += REFUSAL


def counted_bound(product: Product, horizon: int) -> int | None:
    """The largest number of single-character tokens that the rules outside the automaton remove at any one place.

    None if one of them promises no bound. Rounded up to a power of two, so that requests of similar length share a
    prover.
    """
    total = 0
    for rule in product.rules:
        if rule.is_structural or rule.promises.gathers is not None:
            continue
        bound = rule.promises.removes_at_most(horizon)
        if bound is None:
            return None
        total += bound
    return round_up(total)


def prover_of(product: Product, prompt: Prompt, budget: int, nodes: int) -> tuple[Prover, Joint]:
    """A prover for texts that continue a prompt by at most `budget` tokens, and the state where they begin.

    A search of it may visit `nodes` states.
    """
    horizon = len(prompt.text) + budget * product.vocabulary.longest
    learned = product.learned_from(product.start(prompt))
    joint = learned.start(prompt)
    return new_prover(learned, joint.node, horizon, nodes), joint


def new_prover(product: Product, origin: Node, horizon: int, nodes: int) -> Prover:
    """A prover with an empty memory, for texts that follow `origin` and have at most `horizon` characters."""
    room = round_up(horizon)
    automaton = automaton_of(product, counted_bound(product, horizon), room)
    return Prover(product, automaton.from_origin(origin, room * product.vocabulary.tokens_per_char), nodes, room)


def round_up(count: int) -> int:
    """The next power of two; 0 stays 0."""
    return 1 << (count - 1).bit_length() if count else 0
