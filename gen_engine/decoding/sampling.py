"""What a decoder gets back: the scores of its rows, and its draws, computed for all rows at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING

import numpy as np

from ..shapers.shaping import FEW, is_plain, side_by_side
from ..text.token_sets import Blocked
from ..types import Draw, Step
from .generation import Generation, uniform

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scores:
    """The draws of one decoder. `logits` [draws, vocab] are the model's own.

    `drawn[i]` is the token chosen for draw i, and `undone[i]` names the shapers undone there. `forced[r]` are the
    model's own log-probabilities of the forced tokens of row r; `tempered[r]` are the same at the ask's temperature.
    `shaped` [draws, vocab] are the logits that were drawn from.
    """

    generation: Generation
    draws: Sequence[Draw]
    logits: Tensor
    drawn: Sequence[int]
    drawn_logprobs: Sequence[float]
    undone: list[Sequence[str]]
    forced: Sequence[Sequence[float]]
    shaped: Tensor
    tempered: Sequence[Sequence[float]] = ()
    _anew: dict[int, Tensor] = field(default_factory=dict)
    _struck: dict[int, Tensor] = field(default_factory=dict)
    _dead: dict[int, frozenset[int]] = field(default_factory=dict)
    _drawn_anew: dict[int, int | None] = field(default_factory=dict)

    @cached_property
    def logprobs(self) -> Tensor:
        """The model's own log-probabilities of all tokens in nats, [draws, vocab], computed on demand."""
        return self.logits.log_softmax(dim=-1)

    def token(self, number: int) -> int | None:
        """The token chosen for draw `number`; None if all allowed tokens turned out to be dead."""
        return self._drawn_anew[number] if number in self._drawn_anew else self.drawn[number]

    def is_shaped_anew(self, number: int) -> bool:
        """Whether draw `number` was shaped again without dead tokens."""
        return number in self._drawn_anew

    @cached_property
    def _possible(self) -> list[int]:
        """How many tokens the shapers first left to each draw."""
        found: list[int] = (self.shaped > -inf).sum(dim=-1).tolist()
        return found

    def likely(self, number: int) -> list[int]:
        """The tokens that draw `number` may still choose, without the end; none if no shaper removed any."""
        allowed, dead = self.draws[number].allowed, self._dead.get(number, ())
        row = self.shaped_row(number)[0]
        count = self._possible[number] if number not in self._anew else int((row > -inf).sum())
        if allowed.is_at_most(count + len(dead)):
            return []
        end = self.generation.plan.chain.vocabulary.end
        return [token for token in np.flatnonzero(row.cpu().numpy() > -inf).tolist() if token != end]

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
            drawn, undone, shaped = _choose([(self.generation, rest) for rest in rests.values()], self.logits[numbers])
            for place, number in enumerate(numbers):
                self._struck[number] = self._anew[number] = shaped[place : place + 1]
                self._drawn_anew[number], self.undone[number] = drawn[place], undone[place]
        return set(rests)

    def logprob(self, number: int, token: int) -> float:
        """The model's own log-probability of `token` at draw `number`, in nats."""
        if token == self.drawn[number]:
            return self.drawn_logprobs[number]
        return logprobs_of(self.logits, [number], [token])[0]

    def choice(self, number: int) -> Tensor:
        """The logits [1, vocab] from which draw `number` was last drawn; struck tokens are -inf."""
        return self._struck.get(number, self.shaped[number : number + 1])

    def choice_logprob(self, number: int, token: int) -> float:
        """The log-probability of `token` in the distribution from which draw `number` was last drawn, in nats."""
        return float(self.choice(number).log_softmax(dim=-1)[0, token])

    def shaped_row(self, number: int) -> Tensor:
        """The logits [1, vocab] of draw `number` as last shaped, still including the tokens struck since."""
        return self._anew.get(number, self.shaped[number : number + 1])

    def share(self, number: int) -> float:
        """The share of the distribution of `shaped_row` that the struck tokens left."""
        whole, left = self.shaped_row(number).double(), self.choice(number).double()
        return float((left.logsumexp(dim=-1) - whole.logsumexp(dim=-1)).exp())

    def again(self, places: Sequence[float]) -> list[int | None]:
        """The choice of each draw at another random number. Struck tokens count again, unless the row was shaped
        without them.
        """
        found = pick(self.shaped, places)
        for number in self._drawn_anew:
            found[number] = pick(self.shaped_row(number), [places[number]])[0]
        return found

    def redraw(self, number: int, struck: Sequence[int], u: float | None) -> int | None:
        """The choice at `u` in the shaped distribution without the struck tokens; None if nothing is left.

        The remaining allowed tokens are shaped again only if the distribution has no other token.
        """
        row = self.choice(number).clone()
        row[0, list(struck)] = float("-inf")
        if isfinite(float(row.amax())):
            self._struck[number] = row
            return pick(row, [u])[0]
        draw = self.draws[number]
        rest = draw.allowed.without({*struck, *self._dead.get(number, ())})
        if rest.is_empty():
            return None
        asks = [(self.generation, replace(draw, allowed=rest, uniform=u))]
        (token,), (names,), row = _choose(asks, self.logits[number : number + 1], attempt=len(struck))
        self._struck[number] = self._anew[number] = row
        self.undone[number] = (*self.undone[number], *names)
        return token


def score(jobs: Sequence[tuple[Generation, Sequence[Draw], Sequence[Sequence[float]]]], logits: Tensor) -> list[Scores]:
    """Scores for each job of one chain: its generation, its draws, the log-probabilities of its rows' forced tokens.

    `logits` [all draws, vocab] float32 are the model's. Each step works row by row, so no row depends on another.
    """

    asks = [(generation, draw) for generation, draws, _ in jobs for draw in draws]
    if not asks:
        return [Scores(generation, (), logits, (), (), [], forced, logits) for generation, _, forced in jobs]
    drawn, undone, shaped = _choose(asks, logits)
    chosen = logprobs_of(logits, range(len(drawn)), drawn)
    found: list[Scores] = []
    first = 0
    for generation, draws, forced in jobs:
        part = slice(first, first + len(draws))
        first += len(draws)
        found.append(
            Scores(
                generation,
                draws,
                logits[part],
                drawn[part],
                chosen[part],
                undone[part],
                forced,
                shaped[part],
            )
        )
    return found


def _choose(
    asks: Sequence[tuple[Generation, Draw]], logits: Tensor, attempt: int = 0
) -> tuple[list[int], list[Sequence[str]], Tensor]:
    """The token drawn in each row of `logits` [draws, vocab], the shapers undone there, and the shaped logits."""
    chain = asks[0][0].plan.chain
    step, places = make_step(asks, attempt), [draw.uniform for _, draw in asks]
    out = Blocked([draw.allowed for _, draw in asks], len(chain.vocabulary))
    choice = chain.shape(step, logits, out)
    drawn = pick(choice, places)
    undone: list[Sequence[str]] = [()] * len(asks)
    unsound = [row for row, token in enumerate(drawn) if token is None]
    if unsound:
        shaped, names = chain.shape_warily(step, logits, out.tensor)
        again = pick(shaped, places)
        choice[unsound] = shaped[unsound]  # only these: no row may depend on its neighbours
        for row in unsound:
            drawn[row], undone[row] = again[row], names[row]
    return [token for token in drawn if token is not None], undone, choice


def make_step(asks: Sequence[tuple[Generation, Draw]], attempt: int = 0) -> Step:
    """What shapers are told about these rows."""
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
        return torch.tensor(numbers, dtype=torch.float64)

    return Step(
        histories=[draw.history for _, draw in asks],
        prompt_lengths=[len(generation.plan.prompt.tokens) for generation, _ in asks],
        vocabulary=chain.vocabulary,
        draw=draw_named,
        memories=[draw.memory for _, draw in asks] if chain.first_memory else (),
    )


def logprobs_of(logits: Tensor, rows: Sequence[int], tokens: Sequence[int], temperature: float = 1.0) -> list[float]:
    """The log-probability of `tokens[i]` in row `rows[i]` of `logits` [rows, vocab] at a temperature, in nats.

    Bit-equal to a log-softmax of whole rows: torch sums a row in its own order, so torch computes it. Only a block of
    rows is kept at a time.
    """
    import torch

    found: list[float] = []
    many = max(1, BLOCK // logits.shape[-1])
    for first in range(0, len(tokens), many):
        own = rows[first : first + many]
        some = logits[own.start : own.stop] if isinstance(own, range) else logits[own]
        logprobs = torch.log_softmax(some if temperature == 1 else some / temperature, dim=-1)
        found += logprobs.gather(1, torch.tensor(tokens[first : first + many])[:, None]).flatten().tolist()
    return found


BLOCK = 1 << 18
"""How many log-probabilities are computed at a time."""


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


def pick(shaped: Tensor, places: Sequence[float | None]) -> list[int | None]:
    """For each row the likeliest token, or the token at which the cumulative probability passes `places`.

    None for a row without a finite logit, or with a NaN.
    """
    import torch

    chosen: list[int | None] = [None] * len(places)
    at_random = [row for row, place in enumerate(places) if place is not None]
    if len(at_random) < len(places):
        best, tokens = (found.tolist() for found in shaped.max(dim=-1))
        chosen = [token if isfinite(value) else None for value, token in zip(best, tokens, strict=True)]
    if at_random:
        rows = shaped if len(at_random) == len(places) else shaped[at_random]
        wanted = torch.tensor([places[row] for row in at_random], dtype=torch.float64)[:, None]
        for row, token in zip(at_random, _invert(torch.softmax(rows, dim=-1), wanted), strict=True):
            chosen[row] = token
    return chosen


def _invert(probabilities: Tensor, places: Tensor) -> list[int | None]:
    """The token of each row at which the cumulative probability passes its place [rows, 1]; None for NaN.

    Where few tokens are possible, only these are summed: adding 0 changes no bit.
    """
    import torch

    # Finding the possible tokens takes as long as summing all. A sample tells whether it is worth it.
    few, size = is_plain(probabilities) and probabilities.numel() >= FEW, probabilities.numel()
    few = few and bool(SPARSE * STRIDE * np.count_nonzero(probabilities.numpy()[:, ::STRIDE]) < size)
    flat = np.flatnonzero(probabilities.numpy() != 0) if few else np.empty(0, dtype=np.int64)
    sparse = 0 < SPARSE * len(flat) < size
    table = probabilities
    if sparse:
        counts, width, where = side_by_side(flat, len(probabilities), probabilities.shape[-1], 1)
        table = torch.zeros(len(probabilities), width)
        table.numpy().reshape(-1)[where] = probabilities.numpy().reshape(-1)[flat]
    sums = table.cumsum(dim=-1, dtype=torch.float64)
    total = sums.numpy()[:, -1:]
    with np.errstate(invalid="ignore"):
        # A place that rounds up to the total would lie behind every token.
        wanted = np.minimum(places.numpy() * total, np.nextafter(total, 0.0))
    found = torch.searchsorted(sums, torch.from_numpy(wanted), right=True).flatten().numpy()
    if sparse:
        found = flat[np.cumsum(counts) - counts + np.minimum(found, counts - 1)] % probabilities.shape[-1]
    sound_rows = np.isfinite(total).ravel().tolist()
    return [token if whole else None for token, whole in zip(found.tolist(), sound_rows, strict=True)]


STRIDE = 16
"""The sample looks at every token at this distance."""

SPARSE = 4
"""If at most one token in this many is possible, only the possible ones are summed."""
