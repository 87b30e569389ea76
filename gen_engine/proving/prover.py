"""Is there a legal rest of the text within the budget? Yes with a witness, no with a proof, or undecided.

Four methods, the cheapest first. *Exact over classes*: rules that tell tokens apart only by kind make an automaton,
whose distances to the end prove "no" (`relaxed`). *Counting*: where the other rules remove at most k tokens a place,
a path of that automaton on which every step has more than k tokens proves "yes" (`robust`). *Matching*: where they
only forbid what was written before, different characters for all places do (`fresh.py`), and where there are too few
of them, that proves "no". *Bounded search*: depth first over joint states, one token for each set of tokens that
behave alike, with failures remembered; it ends in a witness, in a proof by exhaustion, or at its limit.

Every answer is a function of the question. What is remembered makes it faster, and nothing else.
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
from .distinct import Fresh
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
"""For how many beginnings a prover remembers another one."""

ALIVE = 8192
"""For how many nodes and tokens left it is remembered what may follow."""

ONCE = 10
"""How many times as long it is searched for a rest that is known to exist."""

NODE, OPENED, DEAD, REFUSAL = 64, 32, 16, 1
"""What it costs to visit a state, open a node of the automaton, see that a state is dead, and be refused a token."""

GLANCE = 8
"""So many edges of a state, those of the most tokens, are looked at for always being safe."""

DOUBT = 64
"""After how many states of a search it is asked whether there are too few characters for the places ahead."""


@dataclass(frozen=True)
class Finding:
    """What is known of the rest of a text. `rest` are tokens of a legal one, as far as it is written out: behind them a
    rest is seen at once. `stuck` is the state furthest on that a search which found none came to."""

    answer: Answer
    rest: Ids = ()
    stuck: Joint | None = None


YES, NO = Finding("yes"), Finding("no")


def automaton_of(product: Product, bound: int | None, room: int) -> Automaton:
    """The automaton of the rules that tell tokens apart only by kind, remembering nothing yet. `bound` is how many
    tokens the counted rules remove at any one place (None: they do not say)."""
    others = [rule.promises.spares for rule in product.other_rules]

    def is_spared(token: int) -> bool:
        return all(spares(token) for spares in others)

    narrow = max(bound or 0, room * product.vocabulary.widest)
    return Automaton(Distances(product.table, bound, narrow, is_spared))


@dataclass(frozen=True, eq=False)
class Prover:
    """Answers for one product of rules, of which the automaton knows some; `room` is how many characters a text has at
    most (None: unknown). `alive` remembers what the automaton lets follow, by (node, tokens left). `like` is another
    one, of texts with another beginning, from which is taken what does not depend on that.
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
        """The prover for texts that follow `origin`, in which the same graphs are searched as far as none is put off:
        itself if none is."""
        if not self.automaton.put_off:
            return self
        found = self._behind.get(origin)
        if found is None:
            found = self._behind.put(origin, replace(self, automaton=self.automaton.behind(origin), like=self))
        return found

    def find(self, joint: Joint, budget: int, hint: Ids = (), nodes: int | None = None) -> Finding:
        """Look for a rest of at most `budget` tokens behind a joint state, visiting at most `nodes` states.

        `hint` are tokens to try first, a rest that was legal a token earlier: much of it may still be.
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
        """Whether a text of at most `budget` more tokens exists behind a joint state."""
        return self.find(joint, budget).answer

    def _by_detour(self, joint: Joint, budget: int) -> Finding | None:
        """A rest that a search which came to its limit left out, on another way than the nearest."""
        taken = self.fresh.taken(joint.others) if self.fresh is not None else None
        found = None if taken is None else legal(self.product, self.automaton, joint, budget, taken)
        return None if found is None else Finding("yes", found)

    def step(self, joint: Joint, budget: int) -> Ids:
        """A rest of at least one token, as far as it is written out, behind a state that has one and does not accept.

        Raises UndecidedError where it is known to exist and not found.
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
            raise UndecidedError("How a text goes on that is known to exist was not found; drop or relax a constraint.")
        return rest

    def let_live(self, node: Node, left: int) -> TokenSet:
        """What the rules of the automaton let follow with `left` tokens to go, without what is known to be dead."""
        alive = self.automaton.alive(node, left - 1)
        if alive is not None:
            return TokenSet(alive)
        return self.product.let_follow([part.state for part in node.parts], self.product.known)

    def unfailing(self, joint: Joint, tokens: np.ndarray, budget: int) -> np.ndarray:
        """Which of these permitted tokens are seen at once to have a rest of at most `budget` more, whatever rules of
        history remove; a bool array like `tokens`. Most edges are passed over where there are many."""
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
        """The state furthest from `joint`, which has no rest, that a search for one came to."""
        node = self.automaton.stuck(joint.node, budget)
        return joint._replace(node=node) if node is not None else self.find(joint, budget).stuck or joint

    def at_once(self, joint: Joint, budget: int) -> Answer | None:
        """The answer where it takes no search over joint states; None where it does."""
        if self.product.accepts(joint):
            return "yes"
        if budget <= 0:
            return "no"
        node, wanted = joint.node, self.needs.gathered(joint)
        if not wanted and self.automaton.robust(node, budget) <= budget:
            return "yes"
        if self.automaton.reach(node, budget) > budget or self.needs.are_missed(joint):
            return "no"
        if self.fresh is None:
            return None
        if self.fresh.suffices(node, joint.others, budget, wanted):
            return "yes"
        return "no" if wanted and self.fresh.rooms(wanted).lack(node, budget) else None

    @cached_property
    def sufficient(self) -> Sufficient:
        """What is seen without a look at each rule."""
        return Sufficient(self.product, self.automaton, self.histories, self.needs, self.fresh)

    @cached_property
    def histories(self) -> HistoryRules:
        """The rules that tell for many rows at once what they forbid."""
        return HistoryRules.of(self.product)

    @cached_property
    def needs(self) -> Needs:
        """What must still come."""
        return Needs(self.product, self.room)

    @cached_property
    def fresh(self) -> Fresh | None:
        if self.room is None or not self.product.others:
            return None
        if self.like is not None:
            return self.like.fresh
        return Fresh(self.automaton, self.product.other_rules, self.room)

    @cached_property
    def alike(self) -> Alike:
        """Which tokens behave alike."""
        return Alike(self.product) if self.like is None else self.like.alike


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Tokens to try, so that if none of them leads to the end, no token does: one for each set of tokens that behave
    alike. The hint first, then one for each edge of the automaton that had better not be kept for later, then all
    others, those nearest to the end first."""

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
        kept = prover.fresh.choice(joint.node) if prover.fresh is not None else ()
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
        """The edges worth trying within the budget, the nearest to the end first, those of many tokens first."""
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
    """One search, depth first, which may spend `limit`. `failed` says within which budget a state has no rest."""

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
            answer = self._at_once(there)
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
        """Whether there are too few characters for the places ahead; asked once."""
        fresh = self.prover.fresh
        if self._asked or fresh is None:
            return False
        self._asked = True
        return fresh.clashes(self.joint.node, self.joint.others, self.budget)

    def _permitted(self, here: Joint) -> Iterator[int]:
        """The candidates of a state that are permitted; refusals count as work, as do the nodes of the automaton."""
        depth = len(self.path)
        hint = self.hint[depth] if len(self.hint) > depth else None
        for token in _Candidates(self.prover, here, self.budget - depth, hint):
            if self.prover.product.permits(here, token):
                yield token
            else:
                self.spent += REFUSAL


def counted_bound(product: Product, horizon: int) -> int | None:
    """How many single-character tokens the rules that do not belong to the automaton remove at any one place.

    None if one of them makes no promise. Rounded up to a power of two, so that requests of like length share a prover.
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
    """A prover for the texts that continue a prompt by at most `budget` tokens, which may visit `nodes` states, and the
    state where they begin."""
    horizon = len(prompt.text) + budget * product.vocabulary.longest
    learned = product.learned_from(product.start(prompt))
    joint = learned.start(prompt)
    return new_prover(learned, joint.node, horizon, nodes), joint


def new_prover(product: Product, origin: Node, horizon: int, nodes: int) -> Prover:
    """A prover that remembers nothing, for texts that follow `origin` and have at most `horizon` characters."""
    room = round_up(horizon)
    automaton = automaton_of(product, counted_bound(product, horizon), room)
    return Prover(product, automaton.from_origin(origin, room * product.vocabulary.tokens_per_char), nodes, room)


def round_up(count: int) -> int:
    """The next power of two, or 0."""
    return 1 << (count - 1).bit_length() if count else 0
