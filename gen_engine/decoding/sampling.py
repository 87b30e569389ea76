"""What a decoder gets back: the scores of its rows, and its draws, computed for all rows at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf, isnan
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.arithmetic import Array, powers
from ..compiled.drawing import log_softmax, log_sums, tempered
from ..types import Draw
from .choosing import Chosen, choose, pick
from .generation import Generation

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scores:
    """The draws of one decoder.

    `drawn[i]` is the token chosen for draw i, and `undone[i]` names the shapers undone there. `forced[r]` are the
    model's own log-probabilities of the forced tokens of row r; `tempered[r]` are the same at the ask's temperature.
    The draws are rows `first` and following of `chosen`.

    `logits`, `logprobs`, `shaped`, `choice` and `shaped_row` are tensors, made on demand; the engine itself takes the
    arrays.
    """

    generation: Generation
    draws: Sequence[Draw]
    own: Array
    drawn: Sequence[int]
    drawn_logprobs: Sequence[float]
    undone: list[Sequence[str]]
    forced: Sequence[Sequence[float]]
    chosen: Chosen
    first: int = 0
    tempered: Sequence[Sequence[float]] = ()
    _anew: dict[int, tuple[Chosen, int]] = field(default_factory=dict)
    _struck: dict[int, Array] = field(default_factory=dict)
    _dead: dict[int, frozenset[int]] = field(default_factory=dict)
    _drawn_anew: dict[int, int | None] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------ in tensors

    @cached_property
    def logits(self) -> Tensor:
        """The model's own logits, [draws, vocab]."""
        return _tensor(self.own)

    @cached_property
    def logprobs(self) -> Tensor:
        """The model's own log-probabilities of all tokens in nats, [draws, vocab]."""
        return _tensor(log_softmax(self.own).astype(np.float32))

    @cached_property
    def shaped(self) -> Tensor:
        """The logits [draws, vocab] that were first drawn from."""
        return _tensor(self.shaped_rows)

    def choice(self, number: int) -> Tensor:
        """The logits [1, vocab] from which draw `number` was last drawn; struck tokens are -inf."""
        return _tensor(self.choice_row(number)[None].copy())

    def shaped_row(self, number: int) -> Tensor:
        """The logits [1, vocab] of draw `number` as last shaped, still including the tokens struck since."""
        return _tensor(self.left_row(number)[None].copy())

    # ------------------------------------------------------------------------------------------------- in arrays

    @property
    def shaped_rows(self) -> Array:
        """The logits [draws, vocab] that were first drawn from."""
        return self.chosen.rows(range(self.first, self.first + len(self.draws)))

    def choice_row(self, number: int) -> Array:
        """What `choice` gives, as an array [vocab]; not to be changed."""
        struck = self._struck.get(number)
        return self.left_row(number) if struck is None else struck

    def choice_rows(self, numbers: Sequence[int]) -> Array:
        """What `choice` gives of several draws, [draws, vocab]."""
        self.chosen.make([self.first + n for n in numbers if n not in self._struck and n not in self._anew])
        return np.stack([self.choice_row(number) for number in numbers])

    def left_row(self, number: int) -> Array:
        """What `shaped_row` gives, as an array [vocab]; not to be changed."""
        chosen, row = self._source(number)
        return chosen.row(row)

    def _source(self, number: int) -> tuple[Chosen, int]:
        """Where draw `number` was last shaped."""
        return self._anew.get(number, (self.chosen, self.first + number))

    def token(self, number: int) -> int | None:
        """The token chosen for draw `number`; None if all allowed tokens turned out to be dead."""
        return self._drawn_anew[number] if number in self._drawn_anew else self.drawn[number]

    def is_shaped_anew(self, number: int) -> bool:
        """Whether draw `number` was shaped again without dead tokens."""
        return number in self._drawn_anew

    def likely(self, number: int) -> list[int]:
        """The tokens that draw `number` may still choose, without the end; none if no shaper removed any."""
        allowed, dead = self.draws[number].allowed, self._dead.get(number, ())
        chosen, row = self._source(number)
        if allowed.is_at_most(chosen.count(row) + len(dead)):
            return []
        end = self.generation.plan.chain.vocabulary.end
        tokens = chosen.left(row)
        if end in tokens:
            tokens.remove(end)
        return tokens

    def shape_without(self, dead: Mapping[int, Collection[int]]) -> set[int]:
        """Shape and choose again as if the given tokens had never been allowed. Returns the draws that have tokens
        left.
        """
        rests: dict[int, Draw] = {}
        for number, tokens in dead.items():
            gone = self._dead[number] = self._dead.get(number, frozenset()).union(tokens)
            draw = self.draws[number]
            rest = replace(draw, allowed=draw.allowed.without(gone))
            if rest.allowed.is_empty():
                self._drawn_anew[number] = None
            else:
                rests[number] = rest
        if rests:
            numbers = list(rests)
            chosen = choose([(self.generation, rest) for rest in rests.values()], self.own[numbers])
            for row, number in enumerate(numbers):
                self._struck.pop(number, None)
                self._anew[number] = chosen, row
                self._drawn_anew[number], self.undone[number] = chosen.tokens[row], chosen.undone[row]
        return set(rests)

    def logprob(self, number: int, token: int) -> float:
        """The model's own log-probability of `token` at draw `number`, in nats."""
        if token == self.drawn[number]:
            return self.drawn_logprobs[number]
        assert self.chosen.norms is not None
        largest, log_sum = self.chosen.norms[:, self.first + number].tolist()
        return float((float(self.own[number, token]) - largest) - log_sum)

    def choice_logprob(self, number: int, token: int) -> float:
        """The log-probability of `token` in the distribution from which draw `number` was last drawn, in nats."""
        return float(log_softmax(self.choice_row(number)[None])[0, token])

    def share(self, number: int) -> float:
        """The share of the distribution of `shaped_row` that the struck tokens left."""
        [(most, whole), (most_left, left)] = log_sums(np.stack([self.left_row(number), self.choice_row(number)])).T
        return float(powers(np.array((most_left - most) + (left - whole))))

    def again(self, places: Sequence[float]) -> list[int | None]:
        """The choice of each draw at another random number. Struck tokens count again, unless the row was shaped
        without them.
        """
        rows = self.shaped_rows
        for number in self._drawn_anew:
            rows[number] = self.left_row(number)
        return pick(rows, places)

    def redraw(self, number: int, struck: Sequence[int], u: float | None) -> int | None:
        """The choice at `u` in the shaped distribution without the struck tokens; None if nothing is left.

        The remaining allowed tokens are shaped again only if the distribution has no other token.
        """
        row = self.choice_row(number).copy()
        row[list(struck)] = -inf
        if np.isfinite(row.max()):
            self._struck[number] = row
            return pick(row[None], [u])[0]
        draw = self.draws[number]
        rest = draw.allowed.without({*struck, *self._dead.get(number, ())})
        if rest.is_empty():
            return None
        asks = [(self.generation, replace(draw, allowed=rest, uniform=u))]
        chosen = choose(asks, self.own[number : number + 1], attempt=len(struck))
        self._struck[number], self._anew[number] = chosen.row(0), (chosen, 0)
        self.undone[number] = (*self.undone[number], *chosen.undone[0])
        return chosen.tokens[0]


def _tensor(array: Array) -> Tensor:
    import torch

    return torch.from_numpy(array)


def score(jobs: Sequence[tuple[Generation, Sequence[Draw], Sequence[Sequence[float]]]], logits: Array) -> list[Scores]:
    """Scores for each job of one chain: its generation, its draws, the log-probabilities of its rows' forced tokens.

    `logits` [all draws, vocab] float32 are the model's. Each step works row by row, so no row depends on another.
    """

    asks = [(generation, draw) for generation, draws, _ in jobs for draw in draws]
    if not asks:
        nothing = Chosen((), logits, (), [], [], None, None)
        return [Scores(generation, (), logits, (), (), [], forced, nothing) for generation, _, forced in jobs]
    chosen = choose(asks, logits, own=True)
    assert chosen.norms is not None
    told = _logprobs(logits[np.arange(len(asks)), chosen.tokens], chosen.norms)
    found: list[Scores] = []
    first = 0
    for generation, draws, forced in jobs:
        part = slice(first, first + len(draws))
        tokens, undone = chosen.tokens[part], chosen.undone[part]
        found.append(Scores(generation, draws, logits[part], tokens, told[part], undone, forced, chosen, first))
        first += len(draws)
    return found


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


BLOCK = 1 << 18
"""How many logits are copied at a time."""


def descending(values: np.ndarray, first: int) -> Iterator[int]:
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


def sound(logprob: float) -> float:
    """A log-probability; NaN counts as impossible."""
    return -inf if isnan(logprob) else logprob
