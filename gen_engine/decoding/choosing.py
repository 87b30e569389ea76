"""Chooses a token in each row: in one pass over the logits, or by the shapers in torch where one of them needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..chain import Chain
from ..compiled.arithmetic import Array, as_array
from ..compiled.drawing import MOST_KEPT, Allowed, Drawn, Operation, draw, log_softmax, log_sums, norms, tempered
from ..shapers.shaping import beside, wide
from ..text.token_sets import Blocked
from ..types import Step
from .generation import uniform
from .logits import Ask, Leaning

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1 << 18
"""How many logits are copied at a time."""


@dataclass(frozen=True, eq=False)
class ArrayLogits:
    """Logits [rows, vocab] in float32 on the host; see `Logits`."""

    array: Array

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: Sequence[int]) -> ArrayLogits:
        """These rows, in this order."""
        return self if rows == list(range(len(self))) else ArrayLogits(self.array[rows])

    def copy(self, first: int, end: int) -> ArrayLogits:
        """A copy of some rows."""
        return ArrayLogits(self.array[first:end].copy())

    def logprobs(self, rows: Sequence[int], tokens: Sequence[int], temperature: float) -> Callable[[], list[float]]:
        """The log-probabilities of tokens, computed now."""
        found = logprobs_of(self.array, rows, tokens, temperature)
        return lambda: found

    def choose(self, asks: Sequence[Ask], attempt: int = 0, *, own: bool = False, temperature: float = 1.0) -> Chosen:
        """A token for each row."""
        del temperature  # what is wanted at another one is computed when it is asked for
        return choose(asks, self.array, attempt, own=own)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What was chosen in each row of `logits` [rows, vocab], which are the model's own.

    `tokens` are the choices, and `undone[i]` names the shapers undone in row i. `norms` [2, rows] are those of the
    model's own distribution (`compiled.drawing.norms`), if they were wanted. `drawn` tells which tokens were left, if
    the chain removes any. The rows that were drawn from are made when they are asked for.
    """

    asks: Sequence[Ask]
    logits: Array
    operations: Sequence[Operation]
    tokens: list[int]
    undone: list[Sequence[str]]
    norms: Array | None
    drawn: Drawn | None
    _made: dict[int, Array] = field(default_factory=dict)
    _norms: dict[float, Array] = field(default_factory=dict)

    def row(self, number: int) -> Array:
        """The logits [vocab] that row `number` was drawn from; not to be changed."""
        found = self._made.get(number)
        if found is None:
            self.make(self._long() if self._is_told(number) and self._is_long(number) else [number])
            found = self._made[number]
        return found

    def rows(self, numbers: Sequence[int]) -> Array:
        """The same of several rows, [rows, vocab]."""
        self.make(numbers)
        return np.stack([self._made[number] for number in numbers])

    def count(self, number: int) -> int:
        """How many tokens the shapers left to row `number`."""
        return self._counts[number] if self._is_told(number) else int((self.row(number) > -np.inf).sum())

    @cached_property
    def _counts(self) -> list[int]:
        assert self.drawn is not None
        assert self.drawn.counts is not None
        found: list[int] = self.drawn.counts.tolist()
        return found

    def left(self, number: int) -> list[int]:
        """The tokens that the shapers left to row `number`, in order."""
        if not self._is_told(number) or self._is_long(number):
            found: list[int] = np.flatnonzero(self.row(number) > -np.inf).tolist()
            return found
        assert self.drawn is not None
        assert self.drawn.kept is not None
        few: list[int] = self.drawn.kept[number, : self._counts[number]].tolist()
        return few

    def _is_told(self, number: int) -> bool:
        """Whether the draw told which tokens were left; of rows drawn warily it did not."""
        return self.drawn is not None and self._counts[number] > 0

    def _is_long(self, number: int) -> bool:
        return self._counts[number] > MOST_KEPT

    def _long(self) -> list[int]:
        """The rows whose tokens are too many to be listed; they are made together."""
        return [number for number, count in enumerate(self._counts) if count > MOST_KEPT]

    def make(self, numbers: Sequence[int]) -> None:
        """Make the rows that are not made yet, all at once."""
        numbers = [number for number in numbers if number not in self._made]
        if not numbers:
            return
        operations = [_of_rows(operation, numbers) for operation in self.operations]
        own = self.logits[numbers] if len(numbers) < len(self.logits) else self.logits
        made = draw(own, operations, None, _allowed([self.asks[number] for number in numbers]), shaped=True).shaped
        assert made is not None
        self._made.update(zip(numbers, made, strict=True))

    # ------------------------------------------------------------------------------------- the model's own numbers

    def own_rows(self, numbers: Sequence[int]) -> Array:
        """The model's own logits of these rows, [rows, vocab]."""
        return self.logits[list(numbers)]

    def own_tensor(self, first: int, end: int) -> Tensor:
        """The model's own logits of some rows, [rows, vocab]."""
        return self.tensor(self.logits[first:end])

    def logprob_tensor(self, first: int, end: int) -> Tensor:
        """The model's own log-probabilities of all tokens of some rows in nats, [rows, vocab]."""
        return self.tensor(log_softmax(self.logits[first:end]).astype(np.float32))

    def tensor(self, array: Array) -> Tensor:
        """An array as a tensor."""
        import torch

        return torch.from_numpy(array)

    def logprobs(self, first: int, end: int) -> list[float]:
        """The model's own log-probabilities of the chosen tokens of some rows, in nats."""
        if first == end:
            return []
        assert self.norms is not None
        return _logprobs(self.logits[np.arange(first, end), self.tokens[first:end]], self.norms[:, first:end])

    def logprob(self, number: int, token: int, temperature: float = 1.0) -> float:
        """The model's own log-probability of a token of row `number` at a temperature, in nats."""
        if temperature == 1 and self.norms is not None:
            self._norms[temperature] = self.norms
        known = self._norms.get(temperature)
        if known is None:
            known = self._norms[temperature] = log_sums(tempered(self.logits, temperature))
        largest, log_sum = known[:, number].tolist()
        [own] = tempered(self.logits[number, token : token + 1], temperature).tolist()
        return float((own - largest) - log_sum)

    # ------------------------------------------------------------------------------- the logits that were drawn from

    def choice_logprob(self, number: int, token: int) -> float:
        """The log-probability of a token in the distribution that row `number` was drawn from, in nats."""
        return float(log_softmax(self.row(number)[None])[0, token])

    def value(self, number: int, token: int) -> float:
        """The logit of a token that row `number` was drawn from."""
        return float(self.row(number)[token])

    def norms_of(self, first: int, end: int) -> list[float]:
        """The logs of the sums of e^logit of some rows, as they were drawn from."""
        found: list[float] = log_sums(self.rows(range(first, end))).sum(0).tolist()
        return found

    def pick(self, first: int, end: int, places: Sequence[float]) -> list[int | None]:
        """The choices of some rows at other random numbers; None for a row without any."""
        return pick(self.rows(range(first, end)), places)

    def choose_again(self, asks: Sequence[Ask], numbers: Sequence[int], attempt: int = 0) -> Chosen:
        """Choose again from the own logits of some rows."""
        return choose(asks, self.own_rows(numbers), attempt)

    def candidates(
        self,
        numbers: Sequence[int],
        sources: Sequence[tuple[Chosen, int] | Array],
        totals: Sequence[float],
        leanings: Sequence[Sequence[Leaning]],
        less: Mapping[int, float],
        first: int,
    ) -> Iterator[tuple[int, int, float]]:
        """The tokens that are left to some rows, the highest rank first; see `Choices`."""
        mine = [source[1] for source in sources if isinstance(source, tuple) and source[0] is self]
        self.make(mine)
        left = np.stack([each if isinstance(each, np.ndarray) else each[0].row(each[1]) for each in sources]) > -np.inf
        yield from ranked(self.own_rows(numbers), left, totals, leanings, less, first)


def choose(asks: Sequence[Ask], logits: Array, attempt: int = 0, *, own: bool = False) -> Chosen:
    """A token for each row of `logits` [rows, vocab], under the one chain of all asks. `own`: the norms are wanted."""
    if not asks:
        return Chosen((), logits, (), [], [], None, None)
    chain = asks[0][0].plan.chain
    step = make_step(asks, attempt)
    if chain.fused is None:
        return _by_shapers(chain, step, asks, logits, own=own)
    places = [draw.uniform for _, draw in asks]
    operations = [make(step) for make in chain.fused]
    found = draw(logits, operations, places, _allowed(asks), own=own, kept=chain.truncates)
    assert found.tokens is not None
    told = norms(found.largest, found.sums) if found.largest is not None and found.sums is not None else None
    kept = found if chain.truncates else None
    chosen = Chosen(asks, logits, operations, found.tokens.tolist(), [()] * len(asks), told, kept)
    for row, token in enumerate(chosen.tokens):
        if token < 0:
            _draw_warily(chosen, chain, row)
    return chosen


def _draw_warily(chosen: Chosen, chain: Chain, row: int) -> None:
    """Draw a row again; undo each shaper that leaves no token, or a number that is none.

    A row in which the model gives no probability to any allowed token is treated as uniform over them.
    """
    _, ask = chosen.asks[row]
    allowed, own = ask.allowed.to_array(), chosen.logits[row]
    shaped = np.where(allowed & ~np.isnan(own), own, np.float32(-np.inf))[None]
    if not np.isfinite(shaped.max()):
        shaped = np.where(allowed, np.float32(0), np.float32(-np.inf))[None]
    undone: list[str] = []
    for named, operation in zip(chain.shapers, chosen.operations, strict=True):
        after = draw(shaped, [_of_rows(operation, [row])], [None], shaped=True)
        assert after.shaped is not None
        assert after.tokens is not None
        if after.tokens[0] < 0:
            undone.append(named.label)
        else:
            shaped = after.shaped
    [token] = pick(shaped, [ask.uniform])
    assert token is not None
    chosen.tokens[row], chosen.undone[row], chosen._made[row] = token, undone, shaped[0]


def _by_shapers(chain: Chain, step: Step, asks: Sequence[Ask], logits: Array, *, own: bool) -> Chosen:
    """The same by calling the shapers, which speak of tensors."""
    import torch

    places = [draw.uniform for _, draw in asks]
    out = Blocked([draw.allowed for _, draw in asks], len(chain.vocabulary))
    undone: list[Sequence[str]] = [()] * len(asks)
    with torch.inference_mode():
        given = torch.from_numpy(logits)
        shaped = as_array(chain.shape(step, given, out))
        drawn = pick(shaped, places)
        unsound = [row for row, token in enumerate(drawn) if token is None]
        if unsound:
            warily, names = chain.shape_warily(step, given, out.tensor)
            again = pick(as_array(warily), places)
            shaped[unsound] = as_array(warily)[unsound]  # only these: no row may depend on its neighbours
            for row in unsound:
                drawn[row], undone[row] = again[row], names[row]
    tokens = [token for token in drawn if token is not None]
    told = log_sums(logits) if own else None
    return Chosen(asks, logits, (), tokens, undone, told, None, dict(enumerate(shaped)))


def pick(shaped: Array, places: Sequence[float | None]) -> list[int | None]:
    """For each row the likeliest token, or the token at which the cumulative probability passes `places`.

    None for a row without a finite logit, or with a NaN.
    """
    found = draw(shaped, (), places).tokens
    assert found is not None
    return [token if token >= 0 else None for token in found.tolist()]


def make_step(asks: Sequence[Ask], attempt: int = 0, like: Tensor | None = None) -> Step:
    """What shapers are told about these rows. Random numbers are where `like` is, or on the host."""
    chain = asks[0][0].plan.chain

    def draw_named(name: str) -> Tensor:
        import torch

        numbers = [
            uniform(
                generation.seed,
                draw.sample,
                len(draw.history) - len(generation.plan.prompt.tokens),
                attempt,
                f"{name} {draw.branch}" if draw.branch else name,
            )
            for generation, draw in asks
        ]
        return torch.tensor(numbers, dtype=torch.float64) if like is None else beside(like, numbers, wide(like))

    return Step(
        histories=[draw.history for _, draw in asks],
        prompt_lengths=[len(generation.plan.prompt.tokens) for generation, _ in asks],
        vocabulary=chain.vocabulary,
        draw=draw_named,
        memories=[draw.memory for _, draw in asks] if chain.first_memory else (),
    )


def _allowed(asks: Sequence[Ask]) -> Allowed:
    sets = [draw.allowed for _, draw in asks]
    out = Blocked(sets, len(asks[0][0].plan.chain.vocabulary))
    masks = [tokens.mask for tokens in sets]
    return Allowed([mask.array for mask in masks], [mask.address for mask in masks], out.minus, out.plus)


def _of_rows(operation: Operation, numbers: Sequence[int]) -> Operation:
    """An operation for some of the rows only."""
    edits = operation.edits
    return operation if edits is None else replace(operation, edits=[edits[number] for number in numbers])


# ---------------------------------------------------------------------------------------------- log-probabilities


def _logprobs(logits: Array, norms: Array) -> list[float]:
    """The log-probabilities of one logit of each row, in nats."""
    with np.errstate(invalid="ignore"):
        found: list[float] = ((logits.astype(np.float64) - norms[0]) - norms[1]).tolist()
    return found


def logprobs_of(logits: Array, rows: Sequence[int], tokens: Sequence[int], temperature: float = 1.0) -> list[float]:
    """The log-probability of `tokens[i]` in row `rows[i]` of `logits` [rows, vocab] at a temperature, in nats.

    Only a block of rows is copied at a time.
    """
    found: list[float] = []
    many = max(1, BLOCK // logits.shape[-1])
    for first in range(0, len(tokens), many):
        own = logits[list(rows[first : first + many])]
        own = tempered(own, temperature)
        chosen = own[np.arange(len(own)), list(tokens[first : first + many])]
        found += _logprobs(chosen, log_sums(own))
    return found


def ranked(
    own: Array,
    left: Array,
    totals: Sequence[float],
    leanings: Sequence[Sequence[Leaning]],
    less: Mapping[int, float],
    first: int,
) -> Iterator[tuple[int, int, float]]:
    """The tokens where `left` [rows, vocab], the highest rank first; `Choices.candidates` says how they are ranked."""
    values = log_softmax(own)
    values[np.isnan(values)] = -np.inf
    values += np.array(totals)[:, None]
    leaning = np.zeros_like(values)
    for row, shapers in enumerate(leanings):
        for stands, gains in shapers:
            leaning[row] += stands
            leaning[row, list(gains)] += list(gains.values())
    ranks = values + leaning
    for token, amount in less.items():
        ranks[:, token] -= amount
    places = np.flatnonzero(left)
    for index in descending(ranks.ravel()[places], first):
        row, token = divmod(int(places[index]), own.shape[1])
        yield row, token, float(values[row, token])


def descending(values: Array, first: int) -> Iterator[int]:
    """The indices of the values, the highest first, ties in order of index. Sorting goes only as far as needed."""
    size, told = first, 0
    while told < len(values):
        places = np.arange(len(values))
        if size < len(values):
            places = np.flatnonzero(values >= np.partition(values, -size)[-size])
        order = places[np.argsort(-values[places], kind="stable")]
        yield from order[told:].tolist()
        told = len(order)
        size *= 8
