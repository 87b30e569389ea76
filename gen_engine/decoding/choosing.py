"""Chooses a token in each row: in one pass over the logits, or by the shapers in torch where one of them needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..chain import Chain
from ..compiled.arithmetic import Array, as_array
from ..compiled.drawing import MOST_KEPT, Allowed, Drawn, Operation, draw, log_sums, norms
from ..text.token_sets import Blocked
from ..types import Draw, Step
from .generation import Generation, uniform

if TYPE_CHECKING:
    from torch import Tensor

Ask = tuple[Generation, Draw]


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


def choose(asks: Sequence[Ask], logits: Array, attempt: int = 0, *, own: bool = False) -> Chosen:
    """A token for each row of `logits` [rows, vocab], under the one chain of all asks. `own`: the norms are wanted."""
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


def make_step(asks: Sequence[Ask], attempt: int = 0) -> Step:
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


def _allowed(asks: Sequence[Ask]) -> Allowed:
    sets = [draw.allowed for _, draw in asks]
    out = Blocked(sets, len(asks[0][0].plan.chain.vocabulary))
    masks = [tokens.mask for tokens in sets]
    return Allowed([mask.array for mask in masks], [mask.address for mask in masks], out.minus, out.plus)


def _of_rows(operation: Operation, numbers: Sequence[int]) -> Operation:
    """An operation for some of the rows only."""
    edits = operation.edits
    return operation if edits is None else replace(operation, edits=[edits[number] for number in numbers])
