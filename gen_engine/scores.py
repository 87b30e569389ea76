"""What a decoder is sent back: the scores of its rows, and the draws it asked for, made for all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .course import Course, uniform
from .tokensets import Mask, TokenSet
from .types import Draw, Step

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scores:
    """The draws of one decoder. `logits` [draws, vocab] are the model's own, `allowed[i]` what may follow in draw i.

    `drawn[i]` is the token chosen for draw i, `undone[i]` names the shapers undone there; `forced[r]` are the model's
    own log-probabilities of the forced tokens of row r.
    """

    course: Course
    draws: Sequence[Draw]
    logits: Tensor
    logprobs: Tensor
    allowed: Sequence[TokenSet]
    drawn: Sequence[int]
    drawn_logprobs: Sequence[float]
    undone: Sequence[Sequence[str]]
    forced: Sequence[Sequence[float]]

    def logprob(self, number: int, token: int) -> float:
        """The model's own log-probability of `token` at draw `number`, in nats."""
        if token == self.drawn[number]:
            return self.drawn_logprobs[number]
        return float(self.logprobs[number, token])

    def redraw(self, number: int, struck: Sequence[int], place: float | None) -> int | None:
        """The choice at `place` among what may follow without the struck tokens; None if nothing is left."""
        allowed = self.allowed[number]
        plus = tuple(token for token in allowed.plus if token not in struck)
        rest = TokenSet(allowed.mask, (*allowed.minus, *struck), plus)
        if rest.is_empty():
            return None
        draw = self.draws[number]
        again = Draw(draw.row, draw.joint, draw.left, draw.history, draw.sample, place)
        step = make_step([(self.course, again)], attempt=len(struck))
        chain = self.course.plan.chain
        shaped, _ = chain.shape(step, self.logits[number : number + 1], blocked([rest], len(chain.vocabulary)))
        return pick(shaped, [place])[0]


def score(jobs: Sequence[tuple[Course, Sequence[Draw], Sequence[Sequence[float]]]], logits: Tensor) -> list[Scores]:
    """Scores for each job (its course, its draws, the log-probabilities of its rows' forced tokens) of one chain.

    `logits` [all draws, vocab] float32 are the model's; every step is row by row, so that no row depends on another.
    """
    import torch

    asks = [(course, draw) for course, draws, _ in jobs for draw in draws]
    if not asks:
        return [Scores(course, (), logits, logits, (), (), (), (), forced) for course, _, forced in jobs]
    chain = asks[0][0].plan.chain
    allowed = [course.plan.with_end(course.plan.tokens(draw.joint, draw.left), draw.joint) for course, draw in asks]
    shaped, undone = chain.shape(make_step(asks), logits, blocked(allowed, len(chain.vocabulary)))
    drawn = pick(shaped, [draw.uniform for _, draw in asks])
    logprobs = torch.log_softmax(logits, dim=-1)
    chosen = logprobs.gather(1, torch.tensor(drawn)[:, None]).flatten().tolist()
    names = [[chain.shapers[number].label for number in numbers] for numbers in undone]
    found: list[Scores] = []
    first = 0
    for course, draws, forced in jobs:
        part = slice(first, first + len(draws))
        first += len(draws)
        found.append(
            Scores(
                course,
                draws,
                logits[part],
                logprobs[part],
                allowed[part],
                drawn[part],
                chosen[part],
                names[part],
                forced,
            )
        )
    return found


def make_step(asks: Sequence[tuple[Course, Draw]], attempt: int = 0) -> Step:
    """What the shapers may know of these rows."""

    def draw_named(name: str) -> Tensor:
        import torch

        numbers = [
            uniform(course.seed, draw.sample, len(draw.history) - len(course.plan.prompt.tokens), attempt, name)
            for course, draw in asks
        ]
        return torch.tensor(numbers, dtype=torch.float64)

    return Step(
        histories=[draw.history for _, draw in asks],
        prompt_lengths=[len(course.plan.prompt.tokens) for course, _ in asks],
        vocabulary=asks[0][0].plan.chain.vocabulary,
        draw=draw_named,
    )


def blocked(allowed: Sequence[TokenSet], size: int) -> Tensor:
    """True where a token may not follow, [rows, size]; built from one copy of each distinct mask."""
    import torch

    masks: dict[int, int] = {}
    distinct: list[Mask] = []
    for tokens in allowed:
        if id(tokens.mask) not in masks:
            masks[id(tokens.mask)] = len(distinct)
            distinct.append(tokens.mask)
    if len(distinct) == 1:
        found = distinct[0].tensor.expand(len(allowed), size).clone()
    else:
        which = torch.tensor([masks[id(tokens.mask)] for tokens in allowed])
        found = torch.stack([mask.tensor for mask in distinct])[which]
    array = found.numpy()
    for row, tokens in enumerate(allowed):
        if tokens.minus:
            array[row, np.fromiter(tokens.minus, dtype=np.int64)] = True
        if tokens.plus:
            array[row, np.fromiter(tokens.plus, dtype=np.int64)] = False
    return found


def pick(shaped: Tensor, places: Sequence[float | None]) -> list[int]:
    """For each row the likeliest token, or the one at which the running sum of probabilities passes its place."""
    import torch

    chosen: list[int] = [0] * len(places)
    at_random = [row for row, place in enumerate(places) if place is not None]
    if len(at_random) < len(places):
        best = shaped.argmax(dim=-1).tolist()
        chosen = [best[row] if place is None else 0 for row, place in enumerate(places)]
    if at_random:
        rows = shaped if len(at_random) == len(places) else shaped[at_random]
        sums = torch.softmax(rows, dim=-1).cumsum(dim=-1, dtype=torch.float64)
        wanted = torch.tensor([[places[row]] for row in at_random], dtype=torch.float64) * sums[:, -1:]
        found = torch.searchsorted(sums, wanted, right=True).flatten().tolist()
        for row, token in zip(at_random, found, strict=True):
            chosen[row] = token
    return chosen
