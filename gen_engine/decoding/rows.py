"""Many texts of one plan, step by step, with little work per row.

What depends on the state alone is looked up in the state table. What the texts have used stands in one array for all of
them (`histories.py`). So a row costs a few look-ups per step. Rules that offer only the four functions are asked row by
row. Where a look-up gives no answer, the row is asked by itself (`viable.py`). The answer is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..chain import Plan
from ..proving.histories import History
from ..proving.lifting.lift import Lifted
from ..proving.product import Joint, Product
from ..proving.states import Node
from ..text.token_sets import Ids, TokenSet

ROOM = 512
"""How many characters the shared array has room for. A longer text continues in an array of its own."""


@dataclass(eq=False, slots=True)
class Continuation:
    """One text being written. `tokens` are the new tokens, including those of an unfinished stop string. The model has
    not read the last `unread` of them. The last `forced` of these had no alternative. `unsent` are the bytes not yet
    streamed, and `allowed` is what may follow, the end included. `memory` is what the shapers remember. `branch` tells
    apart texts of one sample that are written at the same time. `rest` holds the tokens of a legal rest, as far as it
    is written out. `history` holds the characters for rules that look at many rows at once. A draft `proposed` so
    many tokens, and so many of them were drawn (`accepted`).

    `node` is the state in the automaton. `asked` are the states of the rules that are asked row by row. States of rules
    of history are computed on demand. `last_joint` is the last joint state that was computed; `unstepped` are the
    tokens written since.
    """

    sample: int
    product: Product
    node: Node
    asked: tuple[Any, ...]
    last_joint: Joint
    unstepped: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    exact: bool = True
    undone: dict[str, None] = field(default_factory=dict)
    unsent: bytes = b""
    unread: int = 0
    forced: int = 0
    allowed: TokenSet | None = None
    memory: tuple[Any, ...] = ()
    branch: int = 0
    rest: Ids = ()
    history: History | None = None
    proposed: int = 0
    accepted: int = 0

    @property
    def joint(self) -> Joint:
        """The state of every rule."""
        if self.unstepped:
            for token in self.unstepped:
                self.last_joint = self.product.next(self.last_joint, token)
            self.unstepped = []
        return self.last_joint

    def fork(self, sample: int | None = None, history: History | None = None) -> Continuation:
        """A copy of the text that continues separately, with its own history."""
        other = copy(self)
        other.unstepped, other.tokens = self.unstepped[:], self.tokens[:]
        other.logprobs, other.undone = self.logprobs[:], dict(self.undone)
        other.sample = self.sample if sample is None else sample
        other.history = history or (None if self.history is None else self.history.fork())
        return other


@dataclass(frozen=True, eq=False)
class Rows:
    """What is asked about all texts of a plan at each step."""

    plan: Plan

    def begin(self, samples: range, memory: tuple[Any, ...]) -> list[Continuation]:
        """An empty text for each sample."""
        plan = self.plan
        begun = plan.prover.histories.begin(plan.prompt, len(samples), min(plan.budget, ROOM))
        first = Continuation(samples.start, plan.product, plan.start.node, self.asked_of(plan.start), plan.start)
        first.memory, first.rest = memory, plan.rest
        return [first.fork(sample, begun[row] if begun else None) for row, sample in enumerate(samples)]

    def asked_of(self, joint: Joint) -> tuple[Any, ...]:
        """The part of a joint state that belongs to the rules asked row by row."""
        return tuple([joint.others[place] for place in self.plan.prover.sufficient.row_by_row])

    @cached_property
    def is_plain(self) -> bool:
        """Whether the automaton's state and the written tokens are all that matters: no stop string may be cut, and no
        position has requirements.
        """
        return not self.plan.product.stops and not self.plan.prover.needs.gathers

    @cached_property
    def _rules(self) -> tuple[tuple[int, Callable[[Any], bool]], ...]:
        """The rules that are asked row by row: their numbers, and a check whether a state visibly forbids nothing."""
        product = self.plan.product
        numbers = [product.others[place] for place in self.plan.prover.sufficient.row_by_row]
        rules = [(number, product.rules[number].constraint) for number in numbers]
        return tuple(
            (number, rule.forbids_nothing if isinstance(rule, Lifted) else _not_seen) for number, rule in rules
        )

    @cached_property
    def _nexts(self) -> tuple[Callable[[Any, int], Any], ...]:
        """For each of these rules, the function that gives its state after a permitted token."""
        rules = [self.plan.product.rules[number].constraint for number, _ in self._rules]
        return tuple(rule.after if isinstance(rule, Lifted) else rule.next for rule in rules)

    def allowed(self, text: Continuation, left: int) -> TokenSet:
        """What may follow a text of a plain plan, without the end, as `Plan.tokens` says it."""
        plan = self.plan
        found = plan.alive(text.node, left)
        pairs = zip(self._rules, text.asked)  # noqa: B905 - a step of each row
        asked = [(number, state) for (number, forbids_nothing), state in pairs if not forbids_nothing(state)]
        if asked:
            found = plan.product.narrow(asked, found)
        return plan.less_banned(found, text.history)

    def go_on(self, text: Continuation, token: int, left: int | None) -> bool:
        """Continue a text of a plain plan with a permitted token, if a quick check finds a rest of at most `left - 1`
        tokens. The check is that of `Viable.look`. Returns whether it did. None for `left` means that the token has no
        alternative, and needs no proof.
        """
        node = self.plan.product.table.along(text.node, token)
        if node is None:
            return False
        asked = tuple([follow(state, token) for follow, state in zip(self._nexts, text.asked)])  # noqa: B905
        known = text.rest[:1] == (token,)
        if not known and left is not None:
            char = self._texts[token]
            if not self.plan.prover.sufficient.is_sure(node, asked, left - 1, text.history, char):
                return False
        text.node, text.asked, text.rest = node, asked, text.rest[1:] if known else ()
        text.unstepped.append(token)
        return True

    def force(self, text: Continuation, token: int) -> None:
        """Continue a text with a token that has no alternative."""
        if not self.is_plain or not self.go_on(text, token, None):
            rest = text.rest[1:] if text.rest[:1] == (token,) else ()
            self.stand(text, self.plan.product.next(text.joint, token), rest)

    def stand(self, text: Continuation, joint: Joint, rest: Ids) -> None:
        """Set the text to a state that was computed for it alone."""
        text.last_joint, text.unstepped, text.rest = joint, [], rest
        text.node, text.asked = joint.node, self.asked_of(joint)

    @cached_property
    def _texts(self) -> tuple[str | None, ...]:
        return self.plan.chain.vocabulary.texts


def _not_seen(state: Any) -> bool:
    """For a rule of four functions, the quick check never finds that it forbids nothing."""
    return False
