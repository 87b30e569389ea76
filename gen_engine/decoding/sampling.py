"""What a decoder gets back: the scores of its rows, and its draws, computed for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled.arithmetic import Array, as_array, powers
from ..compiled.drawing import log_softmax, log_sums
from ..types import Draw
from .choosing import ArrayLogits, descending, logprobs_of, pick
from .ends import fold_ends, fold_ends_of_tensor
from .generation import Generation, is_on_device
from .logits import Choices, Leaning, Logits

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Scores", "descending", "logits_of", "logprobs_of", "pick", "score", "sound"]


def logits_of(found: Any, model: Any) -> Logits:
    """What a model returned: on the host in numpy, or where it is on an accelerator. The end stands for all ends."""
    vocabulary = model.tokenizer.vocabulary
    if not is_on_device(model) or isinstance(found, np.ndarray):
        return ArrayLogits(fold_ends(as_array(found), vocabulary))
    import torch

    from .device_choices import DeviceLogits

    with torch.inference_mode():
        own = found.float()
        return DeviceLogits(fold_ends_of_tensor(own.clone(), vocabulary) if vocabulary.ends else own)


@dataclass(frozen=True, eq=False)
class Scores:
    """The draws of one decoder.

    `drawn[i]` is the token chosen for draw i, and `undone[i]` names the shapers undone there. `forced[r]` are the
    model's own log-probabilities of the forced tokens of row r; `tempered[r]` are the same at the ask's temperature.
    The draws are rows `first` and following of `chosen`.

    `logits`, `logprobs`, `shaped`, `choice` and `shaped_row` are tensors, made on demand; the engine itself takes the
    arrays. On an accelerator tensors are there, and arrays are copies for the host, which waits for each.
    """

    generation: Generation
    draws: Sequence[Draw]
    drawn: Sequence[int]
    drawn_logprobs: Sequence[float]
    undone: list[Sequence[str]]
    forced: Sequence[Sequence[float]]
    chosen: Choices
    first: int = 0
    tempered: Sequence[Sequence[float]] = ()
    _anew: dict[int, tuple[Choices, int]] = field(default_factory=dict)
    _struck: dict[int, Array] = field(default_factory=dict)
    _dead: dict[int, frozenset[int]] = field(default_factory=dict)
    _drawn_anew: dict[int, int | None] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------ in tensors

    @cached_property
    def logits(self) -> Tensor:
        """The model's own logits, [draws, vocab]."""
        return self.chosen.own_tensor(self.first, self.first + len(self.draws))

    @cached_property
    def logprobs(self) -> Tensor:
        """The model's own log-probabilities of all tokens in nats, [draws, vocab]."""
        return self.chosen.logprob_tensor(self.first, self.first + len(self.draws))

    @cached_property
    def shaped(self) -> Tensor:
        """The logits [draws, vocab] that were first drawn from."""
        return self.chosen.tensor(self.shaped_rows)

    def choice(self, number: int) -> Tensor:
        """The logits [1, vocab] from which draw `number` was last drawn; struck tokens are -inf."""
        return self.chosen.tensor(self.choice_row(number)[None].copy())

    def shaped_row(self, number: int) -> Tensor:
        """The logits [1, vocab] of draw `number` as last shaped, still including the tokens struck since."""
        return self.chosen.tensor(self.left_row(number)[None].copy())

    # ------------------------------------------------------------------------------------------------- in arrays

    @property
    def shaped_rows(self) -> Array:
        """The logits [draws, vocab] that were first drawn from."""
        return self.chosen.rows(range(self.first, self.first + len(self.draws)))

    def choice_row(self, number: int) -> Array:
        """What `choice` gives, as an array [vocab]; not to be changed."""
        struck = self._struck.get(number)
        return self.left_row(number) if struck is None else struck

    def left_row(self, number: int) -> Array:
        """What `shaped_row` gives, as an array [vocab]; not to be changed."""
        chosen, row = self._source(number)
        return chosen.row(row)

    @property
    def own(self) -> Array:
        """The model's own logits, [draws, vocab]."""
        return self.chosen.own_rows(range(self.first, self.first + len(self.draws)))

    def _source(self, number: int) -> tuple[Choices, int]:
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
            asks = [(self.generation, rest) for rest in rests.values()]
            chosen = self.chosen.choose_again(asks, [self.first + number for number in numbers])
            for row, number in enumerate(numbers):
                self._struck.pop(number, None)
                self._anew[number] = chosen, row
                self._drawn_anew[number], self.undone[number] = chosen.tokens[row], chosen.undone[row]
        return set(rests)

    def logprob(self, number: int, token: int, temperature: float = 1.0) -> float:
        """The model's own log-probability of `token` at draw `number` and a temperature, in nats."""
        if temperature == 1 and token == self.drawn[number]:
            return self.drawn_logprobs[number]
        return self.chosen.logprob(self.first + number, token, temperature)

    def choice_logprob(self, number: int, token: int) -> float:
        """The log-probability of `token` in the distribution from which draw `number` was last drawn, in nats."""
        if number in self._struck:
            return float(log_softmax(self._struck[number][None])[0, token])
        chosen, row = self._source(number)
        return chosen.choice_logprob(row, token)

    def shaped_logprob(self, number: int, token: int) -> float:
        """The log-probability of `token` in the distribution of `shaped_row`, in nats."""
        chosen, row = self._source(number)
        norm = chosen.norms_of(row, row + 1)[0] if number in self._anew else self._norms[number]
        return chosen.value(row, token) - norm

    @cached_property
    def _norms(self) -> list[float]:
        """Those of the logits that were first drawn from, all at once."""
        return self.chosen.norms_of(self.first, self.first + len(self.draws))

    def candidates(
        self,
        numbers: Sequence[int],
        totals: Sequence[float],
        leanings: Sequence[Sequence[Leaning]],
        less: Mapping[int, float],
        first: int,
    ) -> Iterator[tuple[int, int, float]]:
        """The tokens that are left to some draws, the highest rank first; see `Choices.candidates`."""
        sources = [self._struck[number] if number in self._struck else self._source(number) for number in numbers]
        rows = [self.first + number for number in numbers]
        return self.chosen.candidates(rows, sources, totals, leanings, less, first)

    def share(self, number: int) -> float:
        """The share of the distribution of `shaped_row` that the struck tokens left."""
        [(most, whole), (most_left, left)] = log_sums(np.stack([self.left_row(number), self.choice_row(number)])).T
        return float(powers(np.array((most_left - most) + (left - whole))))

    def again(self, places: Sequence[float]) -> list[int | None]:
        """The choice of each draw at another random number. Struck tokens count again, unless the row was shaped
        without them.
        """
        found = self.chosen.pick(self.first, self.first + len(self.draws), places)
        for number in self._drawn_anew:
            [found[number]] = pick(self.left_row(number)[None], [places[number]])
        return found

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
        chosen = self.chosen.choose_again(asks, [self.first + number], len(struck))
        self._struck[number], self._anew[number] = chosen.row(0), (chosen, 0)
        self.undone[number] = (*self.undone[number], *chosen.undone[0])
        return chosen.tokens[0]


Forced = Callable[[], Sequence[Sequence[float]]]
"""Returns the log-probabilities of the forced tokens of each row."""


def score(jobs: Sequence[tuple[Generation, Sequence[Draw], Forced, Forced]], chosen: Choices) -> list[Scores]:
    """Scores for each job of one chain: its generation, its draws, the log-probabilities of its rows' forced tokens,
    and the same at the ask's temperature.

    `chosen` are the choices of all draws, in order.
    """
    found: list[Scores] = []
    first = 0
    for generation, draws, forced, tempered in jobs:
        end = first + len(draws)
        tokens, undone = chosen.tokens[first:end], list(chosen.undone[first:end])
        told = chosen.logprobs(first, end)
        found.append(Scores(generation, draws, tokens, told, undone, forced(), chosen, first, tempered()))
        first = end
    return found


def sound(logprob: float) -> float:
    """A log-probability; NaN counts as impossible."""
    return -inf if isnan(logprob) else logprob
