"""What is wrong with a chain before it is used: contradictions, redundancy, dependence on order, slow rules.

*Contradictions* are those that the chain itself finds. A constraint is *redundant* if every text that the others admit
obeys it already. The proof tries every joint state within the budget, with one token of each set that behaves alike, as
long as the states are few. Shapers are *probed* on random logits, with one of them left out, or two neighbours swapped.
A rule that offers only its four functions, and about which nothing else is found out, is asked *row by row*, and is
timed.
"""

from __future__ import annotations

import random
import statistics
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..blame import blaming
from ..chain import Chain
from ..constraints.lengths import Length
from ..constraints.strings import BannedStrings, EachChar
from ..errors import ConflictError, GenError, PluginError, UndecidedError
from ..proving.answers import broken_promise
from ..proving.lifting.lift import Lifted
from ..proving.lifting.promises import Promises, offered
from ..proving.product import Product
from ..proving.prover import prover_of
from ..proving.rule import Rule, as_rule
from ..system.underway import doing
from ..text.token_sets import TokenSet
from ..text.vocabulary import in_a_row
from ..types import CORE, Named, Prompt, Step

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["contradiction", "empty", "redundant", "order", "row by row", "not found out"]

STATES = 1500
"""How many joint states are tried before redundancy stays undecided."""

TRIES = 60_000
"""The limit on the tokens tried in these states."""

NODES = 2000
"""How long the prover may search each time."""

ROWS = 64
"""How many rows of random logits shapers are probed on."""

STEPS = 64
"""How many tokens the timing of a rule covers."""

SAYS_MORE = ({*Promises.__dataclass_fields__} | {"kind", "bars"}) - {"permits", "describe_next"}
"""What a rule may offer beyond four functions. `permits` and `describe_next` add no information."""

NEAR = 1e-5
"""The largest difference between two probabilities that count as equal."""


@dataclass(frozen=True)
class Finding:
    """One finding about a chain. `members` are the processors it is about, as they were written. `microseconds` is the
    measured cost per row and step of one that is asked row by row; else None.
    """

    kind: Kind
    members: tuple[str, ...]
    message: str
    microseconds: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether the chain should be changed. The other findings are for information."""
        return self.kind in ("contradiction", "empty", "redundant")

    def record(self) -> dict[str, Any]:
        """The finding for programs; with `microseconds` only if measured."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@blaming()
@doing("trying the rules against each other")
def lint(chain: Chain, prompt: Prompt, max_new: int) -> list[Finding]:
    """The findings about a chain for this prompt and at most `max_new` new tokens, the worst first."""
    _refuse_wrong_answers(chain, prompt)
    wrong = list(_contradictions(chain, prompt, max_new))
    if not wrong:
        wrong = list(_emptiness(chain, prompt, max_new))
    idle = list(_unprintable(chain))
    if not any(finding.kind == "contradiction" for finding in wrong):
        idle += _redundant_constraints(chain, prompt, max_new)
    return [*wrong, *idle, *_shaper_findings(chain), *_row_by_row(chain, prompt)]


def _refuse_wrong_answers(chain: Chain, prompt: Prompt) -> None:
    """PluginError for a rule that answers what it may not, of the beginning, even where nobody would ask it."""
    for rule in _own_rules(chain):
        if rule.origin == CORE:
            continue
        try:
            state = rule.start(prompt)
        except PluginError:
            raise
        except GenError:  # it refuses the prompt, which is told below
            continue
        if wrong := broken_promise(rule, state):
            raise PluginError(wrong)


def _contradictions(chain: Chain, prompt: Prompt, max_new: int) -> Iterator[Finding]:
    try:
        chain.plan(prompt, max_new)
    except ConflictError as conflict:
        yield Finding("contradiction", conflict.members, str(conflict))
    except UndecidedError as undecided:
        yield Finding("not found out", tuple(rule.label for rule in _own_rules(chain)), str(undecided))
    except GenError as refused:
        refusing = [rule.label for rule in _own_rules(chain) if _refuses(rule, prompt)]
        yield Finding("contradiction", (*refusing,), str(refused))


def _emptiness(chain: Chain, prompt: Prompt, max_new: int) -> Iterator[Finding]:
    """The rules that admit only the empty text: with at least one character, they contradict each other."""
    product = chain.product
    some = as_rule("", Length(1, None, whole=False), chain.vocabulary, product.intern)
    longer = product.of((*product.rules, some))
    try:
        replace(chain, product=longer).plan(prompt, max_new)
    except ConflictError as conflict:
        members = tuple(name for name in conflict.members if name)
        if members:
            leave = "leaves" if len(members) == 1 else "leave"
            message = f"{in_a_row(members, 'and')} {leave} nothing to write but the empty text; change "
            yield Finding("empty", members, f"{message}{'it' if len(members) == 1 else 'one of them'}.")
    except GenError:
        return  # undecided


def _refuses(rule: Rule, prompt: Prompt) -> bool:
    try:
        rule.start(prompt)
    except GenError:
        return True
    return False


def _own_rules(chain: Chain) -> Sequence[Rule]:
    """The rules that the user wrote."""
    return chain.product.rules[chain.background :]


# ------------------------------------------------------------------------------------------------- constraints


def _unprintable(chain: Chain) -> Iterator[Finding]:
    """Some characters that `ban` and `only` name, but no token prints."""
    vocabulary = chain.vocabulary
    for rule in _own_rules(chain):
        machine = rule.constraint.machine if isinstance(rule.constraint, Lifted) else None
        if vocabulary.partial or not isinstance(machine, BannedStrings | EachChar):
            continue  # tokens that print parts of characters can print every character
        chars = machine.chars
        named = [*(chars.kind if isinstance(chars.kind, frozenset) and len(chars.kind) < STATES else ()), *chars.minus]
        named += [*chars.plus, *(machine.strings if isinstance(machine, BannedStrings) else ())]
        missing = sorted(each for each in named if not all(char in vocabulary.carriers for char in each))
        if missing and (len(missing) < len(named) or isinstance(chars.kind, str)):
            shown = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
            message = f"{rule.label} names {shown}, which no token prints; leave that out."
            yield Finding("redundant", (rule.label,), message)


def _redundant_constraints(chain: Chain, prompt: Prompt, max_new: int) -> Iterator[Finding]:
    product = chain.product
    for index in range(len(product.rules) - 1, chain.background - 1, -1):
        label = product.rules[index].label
        implying = _implying(product, index, prompt, max_new, chain.background)
        if implying is None:
            yield Finding("not found out", (label,), f"Whether the others make {label} redundant was not found out.")
        elif implying is not False:
            by = f"follows from {' and '.join(implying)}" if implying else "forbids nothing that this model can write"
            yield Finding("redundant", (label, *implying), f"{label} {by} within {max_new} new tokens; leave it out.")
            product = product.without(index)


def _implying(
    product: Product, index: int, prompt: Prompt, max_new: int, background: int
) -> list[str] | Literal[False] | None:
    """A minimal set of rules from which the one at `index` follows. False if it does not follow, None if undecided."""
    last, always = product.rules[index], product.rules[:background]
    others = tuple(rule for rule in product.rules[background:] if rule is not last)

    def follows(rules: Sequence[Rule]) -> bool | None:
        smaller = product.of((*always, *rules, last))
        return _is_implied(smaller, len(smaller.rules) - 1, prompt, max_new)

    verdict = follows(others)
    if verdict is None:  # too many states: a subset of the rules may be enough, and have fewer
        learned = product.learned_from(product.start(prompt)).rules
        known = {id(old) for old, new in zip(product.rules, learned, strict=True) if new.is_structural}
        parts = [tuple(rule for rule in others if id(rule) in known), *((rule,) for rule in others)]
        found = next((part for part in parts if follows(part)), None)
        if found is None:
            return None
        others = found
    elif not verdict:
        return False
    for rule in reversed(others):
        fewer = tuple(other for other in others if other is not rule)
        if follows(fewer):
            others = fewer
    return [rule.label for rule in others]


def _is_implied(product: Product, index: int, prompt: Prompt, max_new: int) -> bool | None:
    """Whether every text that the other rules admit obeys the one at `index`; None if undecided."""
    others = product.without(index)
    everything, joint = prover_of(product, prompt, max_new, NODES)
    without, start = prover_of(others, prompt, max_new, NODES)
    product, others = everything.product, without.product
    cut, state_of = product.rules[index].promises.cut, product.state_of(index)
    seen = {joint}
    waiting = deque([(joint, start, max_new)])
    tries, doubt = 0, False
    while waiting:
        here, there, left = waiting.popleft()
        if others.accepts(there) and not product.accepts(here):
            return False
        for token in everything.alike.of(here) if left and not others.cut(there) else ():
            tries += 1
            if not others.permits(there, token):
                continue
            after = others.next(there, token)
            answer = without.feasible(after, left - 1)
            doubt = doubt or answer == "undecided"
            if answer != "yes":
                continue
            if not product.permits(here, token):
                return False
            following = product.next(here, token)
            if cut is not None and cut(state_of(following)):
                return False
            if following not in seen:
                seen.add(following)
                waiting.append((following, after, left - 1))
        if len(seen) > STATES or tries > TRIES:
            return None
    return None if doubt else True


def _row_by_row(chain: Chain, prompt: Prompt) -> Iterator[Finding]:
    """The rules that are only four functions and so are asked for each row, with the cost."""
    try:
        product = chain.product.learned_from(chain.product.start(prompt))
    except GenError:
        return  # already reported as a contradiction
    for number in product.others:
        rule = product.rules[number]
        if any(offered(rule.machine, name) for name in SAYS_MORE):
            continue
        taken = _microseconds(rule, prompt)
        if taken is not None:
            message = (
                f"{rule.label} takes part row by row: asked alone, {taken:g} µs a row and step here. {_remedy(rule)}"
            )
            yield Finding("row by row", (rule.label,), message, taken)


def _remedy(rule: Rule) -> str:
    """How to ask all rows at once, or make one row cheaper."""
    over = "" if isinstance(rule.constraint, Lifted) else ", and is written over characters,"
    compound = rule.vocabulary.merged or rule.vocabulary.partial
    where = " with models whose tokens print one character each" if compound else ""
    told = f"If it is a rule of history{over} it may offer `banned`, which is asked for all rows at once{where}."
    if not over and offered(rule.machine, "allowed") is None:
        told += " It may offer `allowed`, one set of characters in place of a `step` for each."
    return told


def _microseconds(rule: Rule, prompt: Prompt) -> float | None:
    """The time of `allowed` and `next` for one row and token: the median along a random walk; None if nothing may
    follow. What the rule has remembered by then counts, as it does in use.
    """
    dice, usable, taken = random.Random(0), rule.vocabulary.is_usable, []
    state = first = rule.start(prompt)
    for _ in range(STEPS):
        start = time.perf_counter()
        allowed = rule.allowed(state)
        half = time.perf_counter()
        array = allowed.to_array() if isinstance(allowed, TokenSet) else allowed
        tokens = (array & usable).nonzero()[0].tolist()
        if tokens:
            token = dice.choice(tokens)
            again = time.perf_counter()
            state = rule.constraint.next(state, token)
            taken.append(half - start + time.perf_counter() - again)
        elif state is first:
            return None
        else:
            state = first
    return float(f"{1e6 * statistics.median(taken):.2g}")


# ----------------------------------------------------------------------------------------------------- shapers


@dataclass(frozen=True, eq=False)
class _Probe:
    """Random logits, and the result of a chain with these shapers."""

    chain: Chain

    def shaped(self, shapers: Sequence[Named]) -> Tensor:
        """The choice distributions, [rows, vocab]."""
        import torch

        noise = torch.Generator().manual_seed(0)
        count = len(self.chain.vocabulary)
        peaks = torch.linspace(0.5, 6, ROWS)[:, None]  # from nearly even rows to rows with one likely token
        logits = torch.randn(ROWS, count, generator=noise) * peaks
        some = torch.randint(max(1, count // 3), (ROWS, 40), generator=noise)  # some tokens must be unseen
        histories = ((some + 7 * torch.arange(ROWS)[:, None]) % count).tolist()
        chain = replace(self.chain, shapers=tuple(shapers))
        step = Step(histories, [10] * ROWS, self.chain.vocabulary, _uniform, (), [chain.first_memory] * ROWS)
        step = step if chain.first_memory else replace(step, memories=())
        return chain.shape_warily(step, logits, torch.zeros(ROWS, count, dtype=torch.bool))[0].softmax(-1)

    def differing(self, one: Sequence[Named], other: Sequence[Named]) -> tuple[int, float]:
        """In how many rows two lists of shapers differ, and the largest difference of a probability."""
        distance = (self.shaped(one) - self.shaped(other)).abs().amax(-1)
        return int((distance > NEAR).sum()), float(distance.amax())


def _uniform(name: str) -> Tensor:
    import torch

    return torch.rand(ROWS, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def _shaper_findings(chain: Chain) -> Iterator[Finding]:
    probe, kept = _Probe(chain), list(chain.shapers)
    for number in range(len(kept) - 1, -1, -1):
        fewer = kept[:number] + kept[number + 1 :]
        if not probe.differing(kept, fewer)[0]:
            yield _idle_shaper(probe, kept, number)
            kept = fewer
    for number in range(len(kept) - 1):
        one, other = kept[number : number + 2]
        swapped = [*kept[:number], other, one, *kept[number + 2 :]]
        rows, most = probe.differing(kept, swapped)
        if rows:
            yield Finding(
                "order",
                (one.label, other.label),
                f"{one.label} comes before {other.label}, and {_why(one, other)}; the other way round {rows} of {ROWS} "
                f"random distributions differ, by up to {most:.2g} in a probability.",
            )


def _idle_shaper(probe: _Probe, shapers: Sequence[Named], number: int) -> Finding:
    """Which other shapers make one redundant: none, or the fewest of them."""
    idle, others = shapers[number], [named for i, named in enumerate(shapers) if i != number]
    where = {id(named): i for i, named in enumerate(shapers)}
    for named in list(others):
        fewer = [other for other in others if other is not named]
        both = sorted([*fewer, idle], key=lambda each: where[id(each)])
        if not probe.differing(both, fewer)[0]:
            others = fewer
    labels = tuple(named.label for named in others)
    by = f" beside {' and '.join(labels)}" if labels else ""
    return Finding(
        "redundant",
        (idle.label, *labels),
        f"{idle.label} changes nothing{by} (none of {ROWS} random distributions); leave it out.",
    )


def _why(one: Named, other: Named) -> str:
    truncates = [bool(getattr(named.processor, "truncates", False)) for named in (one, other)]
    if all(truncates):
        return f"{other.label} counts only what {one.label} has left"
    if truncates[1]:
        return f"{other.label} chooses among probabilities that {one.label} has changed"
    if truncates[0]:
        return f"{one.label} chooses among probabilities that {other.label} has not changed yet"
    return f"{other.label} starts from what {one.label} has made"
