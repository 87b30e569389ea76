"""The chain: constraints first, then a witness, then the shapers in the order given. Only this room knows the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .answers import whose
from .errors import ConflictError, GenError, PluginError, UndecidedError, brief
from .lift import AnyText
from .patience import Patience
from .product import Joint, Product, Rule, as_rule
from .prover import NODES, Answer, Prover
from .spellings import judged
from .text import Vocabulary, in_a_row
from .tokensets import REMEMBERED, Ids, Intern, TokenSet
from .types import CORE, Named, Prompt, Step
from .underway import doing

if TYPE_CHECKING:
    from torch import Tensor


HELP = 3
"""How many times as long as usual it is searched for whether fewer rules admit a text."""

LABEL = 120
"""So many characters of a processor a conflict echoes."""

ONCE = 10
"""How many times as long as usual it is searched for whether there is any text at all."""


@dataclass(frozen=True, eq=False)
class Chain:
    """What a request is decoded under; made by `make_chain`, shared by all requests that were written alike."""

    vocabulary: Vocabulary
    product: Product
    shapers: tuple[Named, ...]
    background: int
    nodes: int = NODES
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    _provers: dict[tuple[int | None, int, tuple[int, ...]], Prover] = field(default_factory=dict, repr=False)
    _not_refused: set[tuple[Joint, int]] = field(default_factory=set, repr=False)

    def with_shapers(self, shapers: tuple[Named, ...]) -> Chain:
        """The same constraints, and all that is remembered of them, with other shapers."""
        return replace(self, shapers=shapers)

    @doing("looking whether there is a text under these rules")
    def plan(self, prompt: Prompt, budget: int, patience: Patience | None = None) -> Plan:
        """The chain for one prompt and at most `budget` new tokens, which may be searched for with so much patience.

        Raises ConflictError if no text exists, UndecidedError if that was not found out within the search limit or
        with the patience there is, and GenError if a rule refuses the prompt.
        """
        if budget < 0:
            raise GenError(f"max_new={budget} is less than nothing; give a number of tokens from 0.")
        patience = patience or Patience()
        try:
            with patience:
                return replace(self._plan(judged(prompt, self.labels), budget), patience=patience)
        except UndecidedError:
            if not patience.is_over:
                raise
            names = self._names(self.product.rules) or "the vocabulary"
            raise UndecidedError(
                f"Whether any text obeys {names} was not decided in {patience.seconds:g} seconds; drop or relax one of "
                "them, or allow more (--patience SECONDS)."
            ) from None

    def _plan(self, prompt: Prompt, budget: int) -> Plan:
        joint = self.product.start(prompt)
        plan = Plan(self, prompt, budget, joint, self._shared_prover(joint, self._horizon(joint, prompt, budget)))
        if plan.prover.at_once(joint, budget) == "yes":
            return plan
        self._refuse_early(joint, prompt, budget)
        answer = plan.prover.feasible(joint, budget)
        if answer == "undecided" and self._is_refuted(self.product, prompt, budget, len(self.product.rules)):
            answer = "no"
        if answer == "undecided":  # this is asked once, not at each token: there is time for more
            patient = prover_of(self.product, prompt, budget, ONCE * self.nodes)
            answer = patient.feasible(joint, budget)
            plan = replace(plan, prover=patient)
        if answer == "no":
            raise self._conflict(self.product, prompt, budget)
        if answer == "undecided":
            raise UndecidedError(
                f"Whether any text obeys {self._names(self.product.rules)} was not decided after {self.nodes} steps; "
                "drop or relax one of them."
            )
        return plan

    def _refuse_early(self, joint: Joint, prompt: Prompt, budget: int) -> None:
        """ConflictError if no text obeys even one part of a rule of many parts, which is soon found out."""
        if (joint, budget) in self._not_refused:
            return
        for narrowed in self.product.narrowed():
            if prover_of(narrowed, prompt, budget, self.nodes).feasible(narrowed.start(prompt), budget) == "no":
                raise self._conflict(narrowed, prompt, budget)
        self._not_refused.add((joint, budget))

    def _horizon(self, joint: Joint, prompt: Prompt, budget: int) -> int:
        """How many characters the text may have at most."""
        rest = [rule.most(state) for rule, state in zip(self.product.rules, joint.states, strict=True)]
        return len(prompt.text) + int(min([budget * self.vocabulary.longest, *rest]))

    def _shared_prover(self, joint: Joint, horizon: int) -> Prover:
        """The prover of all requests with a like horizon that start where the rules' kinds are known to hold."""
        versions = tuple(rule.cover(state) for rule, state in zip(self.product.rules, joint.states, strict=True))
        key = (counted_bound(self.product, horizon), round_up(horizon), versions)
        if key not in self._provers:
            self._provers[key] = Prover(self.product, key[0], self.nodes, key[1])
        return self._provers[key]

    def _conflict(self, product: Product, prompt: Prompt, budget: int) -> ConflictError:
        """Drops every rule without which there still is no text; what is left is a conflict of which each is needed."""
        unproven: list[str] = []
        for index in range(len(product.rules) - 1, self.background - 1, -1):
            smaller = product.without(index)
            answer = self._without_help(smaller, prompt, budget)
            if answer == "undecided":
                unproven.append(product.rules[index].label)
            product = smaller if answer == "no" else product
        members = list(dict.fromkeys(rule.label for rule in product.rules[self.background :]))
        first = brief(members[0], LABEL) if members else ""
        if not members:
            message = f"The model can write no text at all within {budget} new tokens; give it more."
        elif len(members) == 1 and (unwritten := self._unwritten(product, prompt)):
            message = f"{first} wants {unwritten}, which the model has no token for; ask for something else."
        elif len(members) == 1:
            message = f"{first} admits no text within {budget} new tokens; change it, or allow more tokens."
        else:
            doubt = f" (whether {' and '.join(unproven)} is needed for that was not decided)" if unproven else ""
            message = (
                f"{self._names(product.rules)} admit no text together within {budget} new tokens{doubt}"
                f"{self._clash(product, prompt, budget)}; drop or change one of them."
            )
        return ConflictError(message, members)

    def _unwritten(self, product: Product, prompt: Prompt) -> str:
        """The characters that a rule needs and no token prints."""
        pairs = list(zip(product.rules, product.start(prompt).states, strict=True))[self.background :]
        needed = [char for rule, state in pairs if rule.needs is not None for char in rule.needs(state)]
        missing = () if self.vocabulary.partial else dict.fromkeys(needed)
        return " and ".join(char for char in missing if char not in self.vocabulary.carriers)

    def _is_refuted(self, product: Product, prompt: Prompt, budget: int, below: int) -> bool:
        """Whether even fewer rules are known to admit no text; those numbered `below` and more stay."""
        for index in range(below - 1, self.background - 1, -1):
            if product.rules[index].is_structural:
                continue  # without one of these there is more to try, not less
            smaller = product.without(index)
            answer = prover_of(smaller, prompt, budget, self.nodes).feasible(smaller.start(prompt), budget)
            if answer == "no" or (answer == "undecided" and self._is_refuted(smaller, prompt, budget, index)):
                return True
        return False

    def _clash(self, product: Product, prompt: Prompt, budget: int) -> str:
        """Where the rules part, in their own words; empty if they do not say."""
        joint = product.start(prompt)
        try:
            joint = prover_of(product, prompt, budget, self.nodes).stuck(joint, budget)
        except UndecidedError:  # no patience is left
            return ""
        pairs = list(zip(product.rules, joint.states, strict=True))[self.background :]
        told = [f"{brief(rule.label, LABEL)} {what}" for rule, state in pairs if (what := _demand(rule, state, pairs))]
        return f": {', '.join(told)}" if len(told) > 1 else ""

    def _without_help(self, product: Product, prompt: Prompt, budget: int) -> Answer:
        """Whether fewer rules admit a text, searched for longer: so that conflicts are as small as said."""
        try:
            return prover_of(product, prompt, budget, HELP * self.nodes).feasible(product.start(prompt), budget)
        except UndecidedError:  # no patience is left: the conflict stands, and is perhaps not the smallest
            return "undecided"

    def _names(self, rules: Sequence[Rule]) -> str:
        labels = list(dict.fromkeys(brief(rule.label, LABEL) for rule in rules[self.background :]))
        return in_a_row(labels, "and")

    def shape(self, step: Step, logits: Tensor, blocked: Tensor) -> Tensor:
        """The choice logits [rows, vocab] of what is not blocked.

        `logits` [rows, vocab] are the model's and stay as they are; `blocked` [rows, vocab] is True where a token may
        not follow. Rows in which nothing finite is left are for `shape_warily`.
        """
        shaped = logits.masked_fill(blocked, float("-inf"))
        for index in range(len(self.shapers)):
            shaped = self._apply(index, step, shaped, blocked)
        return shaped

    def shape_warily(self, step: Step, logits: Tensor, blocked: Tensor) -> tuple[Tensor, list[list[str]]]:
        """The same, undoing each shaper in the rows where it leaves nothing or no number; and their names, by row.

        A row in which the model itself gives nothing to the allowed tokens is taken as uniform over them.
        """
        shaped = logits.masked_fill(blocked | logits.isnan(), float("-inf"))
        empty = ~_sound_rows(shaped)
        shaped[empty] = shaped[empty].fill_(0.0).masked_fill(blocked[empty], float("-inf"))
        undone: list[list[str]] = [[] for _ in range(len(logits))]
        for index, named in enumerate(self.shapers):
            after = self._apply(index, step, shaped.clone(), blocked)  # a shaper may work in place
            bad = ~_sound_rows(after)
            for row in bad.nonzero().flatten().tolist():
                undone[row].append(named.label)
            shaped = after.where(~bad[:, None], shaped)
        return shaped, undone

    def _apply(self, index: int, step: Step, logits: Tensor, blocked: Tensor) -> Tensor:
        """One shaper, overruled where it revives what is blocked (built-in ones promise not to)."""
        named = self.shapers[index]
        if step.memories:
            step = replace(step, states=[memory[index] for memory in step.memories])
        after: Tensor = named.processor(step, logits)
        if getattr(after, "shape", None) != logits.shape or not getattr(after, "is_floating_point", bool)():
            which = whose(named.label, named.origin)
            raise PluginError(f"{which} returned no logits of the shape it was given; mend it, or leave it out.")
        revives_nothing = getattr(named.processor, "revives_nothing", False)
        return after if revives_nothing else after.masked_fill(blocked, float("-inf"))

    @cached_property
    def truncates(self) -> bool:
        """Whether any shaper may remove tokens, so that what may be drawn depends on what else may follow."""
        return any(getattr(named.processor, "truncates", True) for named in self.shapers)

    @cached_property
    def first_memory(self) -> tuple[Any, ...]:
        """What each shaper remembers before the first token (None: nothing ever); empty if none has a memory."""
        memory = tuple(named.processor.start() if has_memory(named.processor) else None for named in self.shapers)
        return memory if any(has_memory(named.processor) for named in self.shapers) else ()

    def remember(self, memory: tuple[Any, ...], token: int, logprob: float) -> tuple[Any, ...]:
        """What each shaper remembers after a token that was chosen with the log-probability `logprob`."""
        pairs = zip(self.shapers, memory, strict=True)
        return tuple(
            named.processor.next(state, token, logprob) if has_memory(named.processor) else None
            for named, state in pairs
        )


def _sound_rows(logits: Tensor) -> Tensor:
    best = logits.amax(dim=-1)
    return best.isfinite()


def counted_bound(product: Product, horizon: int) -> int | None:
    """How many single-character tokens the rules that do not belong to the automaton remove at any one place.

    None if one of them makes no promise. Rounded up to a power of two, so that requests of like length share a prover.
    """
    total = 0
    for rule in product.rules:
        if rule.is_structural or rule.gathers is not None:
            continue
        bound = rule.removes_at_most(horizon)
        if bound is None:
            return None
        total += bound
    return round_up(total)


def prover_of(product: Product, prompt: Prompt, budget: int, nodes: int) -> Prover:
    """A prover for the texts that continue a prompt by at most `budget` tokens, which may search `nodes` states."""
    horizon = len(prompt.text) + budget * product.vocabulary.longest
    return Prover(product, counted_bound(product, horizon), nodes, round_up(horizon))


def round_up(count: int) -> int:
    """The next power of two, or 0."""
    return 1 << (count - 1).bit_length() if count else 0


def make_chain(
    vocabulary: Vocabulary, processors: Sequence[Named], nodes: int = NODES, alike: Chain | None = None
) -> Chain:
    """A chain of named processors over a vocabulary; constraints and shapers are told apart by their methods.

    What is remembered of the constraints is shared with `alike`, a chain that has the same ones.
    """
    intern = Intern()
    hard = [
        replace(named, processor=part)
        for named in processors
        if is_constraint(named.processor)
        for part in getattr(named.processor, "parts", (named.processor,))
    ]
    soft = tuple(named for named in processors if not is_constraint(named.processor))
    for named in processors:
        if isinstance(named.processor, type) or not (callable(named.processor) or is_constraint(named.processor)):
            raise PluginError(
                f"{whose(named.label, named.origin)} is no processor; give a constraint (start, allowed, next, "
                "accepts), a character machine (start, step, accepts) or a shaper (a function of step and logits)."
            )
    if alike is not None:
        return alike.with_shapers(soft)
    background = [Named("valid UTF-8", AnyText(), CORE)] if vocabulary.partial else []
    rules = tuple(
        as_rule(named.label, named.processor, vocabulary, intern, named.origin) for named in (*background, *hard)
    )
    return Chain(vocabulary, Product(vocabulary, rules, intern), soft, len(background), nodes)


def _demand(rule: Rule, state: Any, among: Sequence[tuple[Rule, Any]]) -> str:
    """What a rule asks for, in words: characters that it needs several times where another lets none come again, or
    what it wants next."""
    needed = rule.needs(state) if rule.needs is not None and any(other.uses_up for other, _ in among) else ()
    twice = [char for char in dict.fromkeys(needed) if needed.count(char) > 1]
    if twice:
        return f"needs {in_a_row(twice, 'and')} more than once"
    return f"wants {what}" if (what := rule.wants(state)) else ""


def has_memory(shaper: Any) -> bool:
    """Whether a shaper remembers what was chosen."""
    return hasattr(shaper, "start") and hasattr(shaper, "next")


def is_constraint(processor: Any) -> bool:
    """Whether `processor` is a constraint or a character machine, rather than a shaper."""
    return all(hasattr(processor, name) for name in ("start", "accepts")) and (
        hasattr(processor, "step") or (hasattr(processor, "allowed") and hasattr(processor, "next"))
    )


@dataclass(frozen=True, eq=False)
class Plan:
    """A chain with one prompt and one budget, proven to have a text."""

    chain: Chain
    prompt: Prompt
    budget: int
    start: Joint
    prover: Prover
    patience: Patience = field(default_factory=Patience)

    @cached_property
    def product(self) -> Product:
        return self.chain.product

    def tokens(self, joint: Joint, left: int) -> TokenSet:
        """The tokens that may follow with `left` more tokens to go, the end aside; those known to be dead are out."""
        prover = self.prover
        state = prover.structural(joint)
        known = prover.tokens.get((state, left))
        if known is None:
            with self.patience:
                alive = prover.automaton.alive(state, left - 1)
            self.patience.forgive()
            structural = prover.structural_rules
            known = self.product.let_follow(joint, structural) if alive is None else TokenSet(alive)
            if len(prover.tokens) > REMEMBERED:
                prover.tokens.clear()
            prover.tokens[state, left] = known
        found = self.product.allowed(joint, known, prover.other_rules)
        due = prover.needs.due(joint, left)
        return found if due is None else self.product.intern.meet([found, due])

    def with_end(self, tokens: TokenSet) -> TokenSet:
        """The same set and the end of the text, if the model has one; for places where every rule accepts."""
        end = self.chain.vocabulary.end
        return tokens if end is None else replace(tokens, plus=(*tokens.plus, end))

    def is_alive(self, joint: Joint, left: int, before: Joint) -> Answer:
        """Whether a text exists behind `joint`, which follows `before`, with at most `left` more tokens."""
        with self.patience:
            answer = self.prover.feasible(joint, left, before)
        self.patience.forgive()
        return answer

    def witness(self, joint: Joint, left: int) -> Ids:
        """The tokens of one legal rest of at most `left` tokens, where there is one; the end is not among them."""
        with self.patience:
            return self.prover.witness(joint, left)
