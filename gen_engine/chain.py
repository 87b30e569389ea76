"""The chain: constraints first, then a witness, then the shapers in the order given. Only this file knows the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from .compiled.drawing import Operation
from .errors import GenError, PluginError, UndecidedError
from .memory import Memory, remembered
from .patience import Patience
from .proving.answers import whose, wrong_parts
from .proving.conflicts import Case
from .proving.distances import Graph
from .proving.histories import Banned, History
from .proving.lifting.lift import AnyText
from .proving.product import Joint, Product
from .proving.prover import NODES, Finding, Prover, counted_bound, new_prover, round_up
from .proving.rule import as_rule
from .proving.states import Node
from .shapers.shaping import NamedShaper
from .system.underway import doing
from .text.spellings import respelt
from .text.token_sets import Ids, Intern, TokenSet
from .text.vocabulary import Vocabulary
from .types import CORE, Named, Prompt, Step

if TYPE_CHECKING:
    from torch import Tensor


BETWEEN = 8
"""Divisor of the search limit between tokens, relative to the search for whether any text exists."""

PROVERS = 32
"""How many provers a chain remembers, one for each prompt state and length of texts that need a different search."""

REFUSALS = 4096
"""For how many beginnings the chain remembers that no part of a rule refuses them, and what can be searched there."""

ONCE = 10
"""Multiplier of the search limit for deciding whether any text exists at all."""


class Bars(Protocol):
    """The tokens that may not follow in some rows: `Blocked`, or the same on an accelerator."""

    def bar(self, logits: Tensor) -> Tensor:
        """A copy of the logits with -inf where a token may not follow."""
        ...


@dataclass(frozen=True, eq=False)
class Chain:
    """What a request is decoded under. `make_chain` makes it; all requests with the same processors share it.

    `on_device` remembers masks that were copied to accelerators.
    """

    vocabulary: Vocabulary
    product: Product
    shapers: tuple[Named, ...]
    background: int
    nodes: int = NODES
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    _provers: Memory[Any, Prover] = remembered(PROVERS, shared=True)
    _searched: Memory[Any, frozenset[Graph]] = remembered(REFUSALS, shared=True)
    _not_refused: Memory[tuple[Joint, int], bool] = remembered(REFUSALS, shared=True)
    on_device: Memory[Any, Tensor] = remembered(REFUSALS, shared=True)

    def with_shapers(self, shapers: tuple[Named, ...]) -> Chain:
        """The same constraints and their memories, with other shapers."""
        return replace(self, shapers=shapers)

    @doing("looking whether there is a text under these rules")
    def plan(self, prompt: Prompt, budget: int, patience: Patience | None = None) -> Plan:
        """The chain for one prompt and at most `budget` new tokens; `patience` limits the search.

        Raises ConflictError if no text exists, UndecidedError if the search limit or the patience ran out first, and
        GenError if a rule refuses the prompt.
        """
        if budget < 0:
            raise GenError(f"max_new={budget} is negative; give a number of tokens from 0.")
        patience = patience or Patience()
        judged = replace(prompt, spelt=respelt(prompt.text, prompt.spelt, self.labels))
        case = Case(self.product, judged, budget, self.nodes, self.background)
        try:
            with patience:
                return replace(self._plan(case), patience=patience)
        except UndecidedError:
            if not patience.is_over:
                raise
            raise UndecidedError(
                f"Whether any text obeys {case.names() or 'the vocabulary'} was not decided in {patience.seconds:g} "
                "seconds; drop or relax one of them, or allow more (--patience SECONDS)."
            ) from None

    def _plan(self, case: Case) -> Plan:
        prompt, budget = case.prompt, case.budget
        joint = self.product.start(prompt)
        horizon = self._horizon(joint, prompt, budget)
        learned = self.product.learned_from(joint)
        joint = joint if learned is self.product else learned.start(prompt)
        prover = self._shared_prover(learned, joint, horizon)
        if prover.at_once(joint, budget) != "yes":
            self._refuse_early(joint, case)
        found = prover.find(joint, budget)
        if found.answer == "undecided" and case.is_refuted():
            raise case.conflict()
        if found.answer == "undecided":  # asked once per request, not at each token, so a longer search is affordable
            found = prover.find(joint, budget, nodes=ONCE * self.nodes)
        if found.answer == "no":
            raise case.conflict()
        if found.answer == "undecided":
            raise UndecidedError(
                f"Whether any text obeys {case.names()} was not decided after {self.nodes} steps; drop or relax one of "
                "them."
            )
        return Plan(self, prompt, budget, joint, prover, found.rest)

    def _refuse_early(self, joint: Joint, case: Case) -> None:
        """ConflictError if no text obeys even one part of a rule of many parts, which is quick to find out."""
        if (joint, case.budget) in self._not_refused:
            return
        for narrowed in self.product.narrowed():
            smaller = replace(case, product=narrowed)
            if smaller.answer() == "no":
                raise smaller.conflict()
        self._not_refused.put((joint, case.budget), True)

    def _horizon(self, joint: Joint, prompt: Prompt, budget: int) -> int:
        """The largest number of characters the text may have."""
        rest = [
            rule.promises.max_remaining(state) for rule, state in zip(self.product.rules, joint.states, strict=True)
        ]
        return len(prompt.text) + int(min([budget * self.vocabulary.longest, *rest]))

    def _shared_prover(self, product: Product, joint: Joint, horizon: int) -> Prover:
        """The prover shared by all requests of similar length whose texts allow the same searches."""
        key = (product, counted_bound(product, horizon), round_up(horizon))
        graphs, prover = self._searched.get((*key, joint.node)), None
        if graphs is None:
            prover = new_prover(product, joint.node, horizon, self.nodes)
            graphs = self._searched.put((*key, joint.node), prover.automaton.searched)
        known = self._provers.get((*key, graphs))
        if known is None:
            prover = prover or new_prover(product, joint.node, horizon, self.nodes)
            known = self._provers.put((*key, graphs), prover)
        return known.behind(joint.node)

    def shape(self, step: Step, logits: Tensor, blocked: Bars) -> Tensor:
        """The choice logits [rows, vocab], with blocked tokens at -inf.

        `logits` [rows, vocab] are the model's and stay unchanged. If a row has no finite logit left, the caller falls
        back to `shape_warily`.
        """
        shaped = blocked.bar(logits)
        for index in range(len(self.shapers)):
            shaped = self._apply(index, step, shaped, blocked.bar)
        return shaped

    def shape_warily(self, step: Step, logits: Tensor, blocked: Tensor) -> tuple[Tensor, list[list[str]]]:
        """Like `shape`, but undo each shaper in rows where it leaves no token or yields NaN; also return their labels.

        `blocked` [rows, vocab] is True where a token may not follow. A row in which the model gives no probability to
        any allowed token is treated as uniform over them. The labels of undone shapers are listed by row.
        """
        import torch

        shaped = logits.masked_fill(blocked | logits.isnan(), float("-inf"))
        empty = ~_sound_rows(shaped)
        shaped[empty] = shaped[empty].fill_(0.0).masked_fill(blocked[empty], float("-inf"))
        undone: list[list[str]] = [[] for _ in range(len(logits))]
        bar = partial(torch.Tensor.masked_fill, mask=blocked, value=-torch.inf)
        for index, named in enumerate(self.shapers):
            after = self._apply(index, step, shaped.clone(), bar)  # a shaper may work in place
            bad = ~_sound_rows(after)
            for row in bad.nonzero().flatten().tolist():
                undone[row].append(named.label)
            shaped = after.where(~bad[:, None], shaped)
        return shaped, undone

    def _apply(self, index: int, step: Step, logits: Tensor, bar: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply one shaper, and block again (by `bar`) what it revives; built-in ones promise to revive nothing."""
        named = self.shapers[index]
        if step.memories:
            step = replace(step, states=[memory[index] for memory in step.memories])
        after: Tensor = named.processor(step, logits)
        if getattr(after, "shape", None) != logits.shape or not getattr(after, "is_floating_point", bool)():
            which = whose(named.label, named.origin)
            raise PluginError(f"{which} did not return logits of the shape it was given; mend it, or leave it out.")
        revives_nothing = getattr(named.processor, "revives_nothing", False)
        return after if revives_nothing else bar(after)

    @cached_property
    def fused(self) -> tuple[Callable[[Step], Operation], ...] | None:
        """What the shapers do, as operations of the draw in one pass; None if one of them has to be called."""
        found: list[Callable[[Step], Operation]] = []
        for named in self.shapers:
            if not isinstance(named.processor, NamedShaper) or named.processor.fused is None:
                return None
            found.append(named.processor.fused)
        return tuple(found)

    @cached_property
    def truncates(self) -> bool:
        """Whether any shaper may remove tokens. If so, the distribution depends on which other tokens may follow."""
        return any(getattr(named.processor, "truncates", True) for named in self.shapers)

    @cached_property
    def first_memory(self) -> tuple[Any, ...]:
        """Each shaper's state before the first token (None if it keeps none); empty if no shaper keeps a state."""
        memory = tuple(named.processor.start() if has_memory(named.processor) else None for named in self.shapers)
        return memory if any(has_memory(named.processor) for named in self.shapers) else ()

    def remember(self, memory: tuple[Any, ...], token: int, logprob: float) -> tuple[Any, ...]:
        """Each shaper's state after a token that was chosen with the log-probability `logprob`."""
        pairs = zip(self.shapers, memory, strict=True)
        return tuple(
            named.processor.next(state, token, logprob) if has_memory(named.processor) else None
            for named, state in pairs
        )


def _sound_rows(logits: Tensor) -> Tensor:
    best = logits.amax(dim=-1)
    return best.isfinite()


def make_chain(
    vocabulary: Vocabulary, processors: Sequence[Named], nodes: int = NODES, alike: Chain | None = None
) -> Chain:
    """A chain of named processors over a vocabulary; their methods tell constraints from shapers.

    `alike` is a chain with the same constraints; the new chain shares its memories of them.
    """
    for named in processors:
        if is_constraint(named.processor) and (wrong := wrong_parts(named.processor)):
            raise PluginError(f"{whose(named.label, named.origin)} {wrong}.")
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


def has_memory(shaper: Any) -> bool:
    """Whether a shaper keeps a state."""
    return hasattr(shaper, "start") and hasattr(shaper, "next")


def is_constraint(processor: Any) -> bool:
    """Whether `processor` is a constraint or a character machine, rather than a shaper."""
    return all(hasattr(processor, name) for name in ("start", "accepts")) and (
        hasattr(processor, "step") or (hasattr(processor, "allowed") and hasattr(processor, "next"))
    )


@dataclass(frozen=True, eq=False)
class Plan:
    """A chain with one prompt and one budget for which a text is proven to exist."""

    chain: Chain
    prompt: Prompt
    budget: int
    start: Joint
    prover: Prover
    rest: Ids = ()
    patience: Patience = field(default_factory=Patience)

    @property
    def product(self) -> Product:
        """The constraints, in the form that the prover uses."""
        return self.prover.product

    @property
    def end(self) -> int | None:
        """The token that ends a text, if the model has one."""
        return self.chain.vocabulary.end

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Run the clock during one question between two tokens."""
        with self.patience:
            yield
        self.patience.forgive()

    def alive(self, node: Node, left: int) -> TokenSet:
        """What the automaton's rules allow with `left` more tokens to go, without known dead ends; remembered."""
        known = self.prover.alive.get((node, left))
        if known is None:
            with self.searching():
                known = self.prover.alive.put((node, left), self.prover.let_live(node, left))
        return known

    def less_banned(self, tokens: TokenSet, history: History | None) -> TokenSet:
        """The set less what history rules forbid after a text; the subtraction is evaluated on access."""
        if history is None:
            return tokens
        mask, minus = tokens.mask, tokens.minus
        if tokens.plus:  # a set's `plus` would overrule its `minus`
            mask, minus = self.product.intern.mask(tokens.to_array()), ()
        return TokenSet(mask, Banned(self.prover.histories, history, minus))

    def tokens(self, joint: Joint, left: int, history: History | None = None) -> TokenSet:
        """The tokens that may follow with `left` more tokens to go, without the end and without known dead ends.

        If `history` is given, what history rules forbid is evaluated only on access.
        """
        prover, known = self.prover, self.alive(joint.node, left)
        rules = prover.histories
        if history is None or not rules.numbers or self.product.stops:
            found = self.product.allowed(joint, known)
        else:
            found = self.product.allowed(joint, known, rules.numbers)
            found = self.less_banned(found, history)
        due = prover.needs.due(joint, left)
        return found if due is None else self.product.intern.meet([found, due])

    def with_end(self, tokens: TokenSet) -> TokenSet:
        """The set plus the end token, if the model has one; for states where every rule accepts."""
        return tokens if self.end is None else replace(tokens, plus=(*tokens.plus, self.end))

    def find(self, joint: Joint, left: int, hint: Ids = ()) -> Finding:
        """Search for a text from a state within `left` more tokens, trying the hint first."""
        with self.searching():
            return self.prover.find(joint, left, hint, nodes=self.prover.nodes // BETWEEN)

    def step(self, joint: Joint, left: int) -> Ids:
        """A rest of at least one token, for a state that does not accept and is known to have a rest."""
        with self.patience:
            return self.prover.step(joint, left)
