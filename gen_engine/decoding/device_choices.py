"""Choices on an accelerator: masks, shapers and draws stay beside the logits; the host gets a few numbers of each row.

What the host wants of all rows comes in one copy (`Transfer`). It is made when the first number is read: by then the
work of all chains of a step is queued. Built-in shapers never make the host wait; others may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from math import inf

import numpy as np
import torch
from torch import Tensor

from ..chain import Chain
from ..compiled.arithmetic import Array
from ..compiled.drawing import log_softmax, log_sums, tempered
from ..shapers.shaping import beside
from .choosing import make_step, pick, ranked
from .device_draws import (
    COUNT,
    LARGEST,
    LOG_SUM,
    LOGPROB,
    NORM,
    ROOM,
    TEMPERED,
    TOKEN,
    VALUE,
    Transfer,
    all_logprobs,
    draw_tokens,
    indices,
    logprobs_at,
    numbers_of,
    packed,
    ranks_of,
    to_host,
)
from .device_masks import Barred, barred
from .logits import Ask, Leaning

AT_LEAST = 64
"""How many candidates are copied at first."""


@dataclass(frozen=True, eq=False)
class DeviceLogits:
    """Logits [rows, vocab] in float32 on an accelerator; see `Logits`."""

    values: Tensor
    transfer: Transfer = field(default_factory=Transfer)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Sequence[int]) -> DeviceLogits:
        """These rows, in this order."""
        if rows == list(range(len(self))):
            return self
        return DeviceLogits(self.values.index_select(0, indices(rows, self.values)), self.transfer)

    def copy(self, first: int, end: int) -> DeviceLogits:
        """A copy of some rows."""
        return DeviceLogits(self.values[first:end].clone())

    def logprobs(self, rows: Sequence[int], tokens: Sequence[int], temperature: float) -> Callable[[], list[float]]:
        """The log-probabilities of tokens, copied with the next draws."""
        found: list[Tensor] = []
        many = max(1, ROOM // self.values.shape[-1])
        for first in range(0, len(rows), many):
            part = slice(first, first + many)
            own = self.values.index_select(0, indices(rows[part], self.values)) / temperature
            found.append(logprobs_at(own, indices(tokens[part], own)))
        read = self.transfer.add(torch.cat(found) if found else self.values.new_empty(0))
        return lambda: read().tolist()

    def choose(
        self, asks: Sequence[Ask], attempt: int = 0, *, own: bool = False, temperature: float = 1.0
    ) -> DeviceChosen:
        """A token for each row; nothing is copied yet."""
        del own  # they are computed with the rest
        values, size = self.values, self.values.shape[-1]
        if not asks:
            return DeviceChosen((), self, None, values, attempt, temperature, _never, None)
        chain = asks[0][0].plan.chain
        with torch.inference_mode():
            out = barred([draw.allowed for _, draw in asks], values, chain.on_device)
            shaped = chain.shape(make_step(asks, attempt, values), values, out).float()
            tokens = draw_tokens(shaped, [draw.uniform for _, draw in asks])
            numbers = self.transfer.add(numbers_of(values, shaped, tokens, temperature))
            bits = self.transfer.add(packed(shaped > -inf)) if chain.truncates else None
        assert size == len(chain.vocabulary)
        return DeviceChosen(asks, self, out, shaped, attempt, temperature, numbers, bits)


def _never() -> Array:
    return np.empty((8, 0))


@dataclass(frozen=True, eq=False)
class DeviceChosen:
    """What was chosen in each row of `logits`; see `Choices`.

    `shaped` [rows, vocab] was drawn from. `_numbers` and `_bits` are read when they are asked for: the numbers above,
    and which tokens are left. Rows that were copied are kept in `_host`; a row that could not be drawn is drawn again
    there, warily.
    """

    asks: Sequence[Ask]
    logits: DeviceLogits
    barred: Barred | None
    shaped: Tensor
    attempt: int
    temperature: float
    _numbers: Callable[[], Array]
    _bits: Callable[[], Array] | None
    # At most the rows and the candidates of one step.
    _host: dict[int, Array] = field(default_factory=dict)
    _known: dict[tuple[int, int], float] = field(default_factory=dict)

    @cached_property
    def _told(self) -> list[list[float]]:
        found: list[list[float]] = self._numbers().tolist()
        return found

    @cached_property
    def _drawn(self) -> tuple[list[int], list[Sequence[str]]]:
        """The tokens, and the shapers undone."""
        tokens = [int(token) for token in self._told[TOKEN]]
        undone: list[Sequence[str]] = [()] * len(tokens)
        for row in [row for row, token in enumerate(tokens) if token < 0]:
            tokens[row], undone[row] = self._draw_warily(row)
        return tokens, undone

    @property
    def tokens(self) -> list[int]:
        """The tokens chosen."""
        return self._drawn[0]

    @property
    def undone(self) -> list[Sequence[str]]:
        """The names of the shapers undone in each row."""
        return self._drawn[1]

    def _draw_warily(self, row: int) -> tuple[int, Sequence[str]]:
        """Draw a row again by itself, and undo each shaper that leaves no token, or a number that is none."""
        assert self.barred is not None
        ask, own = self.asks[row], self.logits.values[row : row + 1]
        chain: Chain = ask[0].plan.chain
        with torch.inference_mode():
            blocked = self.barred.tensor[row : row + 1]
            shaped, [undone] = chain.shape_warily(make_step([ask], self.attempt, own), own, blocked)
        self._host[row] = to_host(shaped[0].float())
        [token] = pick(self._host[row][None], [ask[1].uniform])
        assert token is not None
        return token, undone

    def _is_told(self, row: int, token: int) -> bool:
        """Whether the numbers of this row are about this token."""
        return self._told[TOKEN][row] == token

    def row(self, number: int) -> Array:
        """The logits [vocab] that row `number` was drawn from; not to be changed."""
        self._copy([number])
        return self._host[number]

    def rows(self, numbers: Sequence[int]) -> Array:
        """The same of several rows, [rows, vocab]; a copy."""
        self._copy(numbers)
        return np.stack([self._host[number] for number in numbers])

    def _copy(self, numbers: Sequence[int]) -> None:
        _ = self._drawn  # rows that have to be drawn warily are not those first drawn from
        missing = [number for number in numbers if number not in self._host]
        if missing:
            rows = to_host(self.shaped.index_select(0, indices(missing, self.shaped)))
            self._host.update(zip(missing, rows, strict=True))

    def count(self, number: int) -> int:
        """How many tokens the shapers left to row `number`."""
        told = int(self._told[COUNT][number])
        return told if self._told[TOKEN][number] >= 0 else int((self.row(number) > -inf).sum())

    def left(self, number: int) -> list[int]:
        """The tokens that the shapers left to row `number`, in order."""
        if self._bits is None or self._told[TOKEN][number] < 0:
            left = self.row(number) > -inf
        else:
            left = np.unpackbits(self._bits()[number], count=self.shaped.shape[-1]).astype(bool)
        found: list[int] = left.nonzero()[0].tolist()
        return found

    # ------------------------------------------------------------------------------------- the model's own numbers

    def own_rows(self, numbers: Sequence[int]) -> Array:
        """The model's own logits of these rows, [rows, vocab]; a copy."""
        return to_host(self.logits.take(list(numbers)).values)

    def own_tensor(self, first: int, end: int) -> Tensor:
        """The model's own logits of some rows, [rows, vocab]."""
        return self.logits.values[first:end]

    def logprob_tensor(self, first: int, end: int) -> Tensor:
        """The model's own log-probabilities of all tokens of some rows in nats, [rows, vocab]."""
        return self.logits.values[first:end].log_softmax(-1)

    def tensor(self, array: Array) -> Tensor:
        """An array as a tensor where the logits are."""
        return beside(self.shaped, array)

    def logprobs(self, first: int, end: int) -> list[float]:
        """The model's own log-probabilities of the chosen tokens of some rows, in nats."""
        return [self.logprob(row, self.tokens[row]) for row in range(first, end)]

    def logprob(self, number: int, token: int, temperature: float = 1.0) -> float:
        """The model's own log-probability of a token of row `number` at a temperature, in nats."""
        if self._is_told(number, token) and temperature in (1, self.temperature):
            return self._told[LOGPROB if temperature == 1 else TEMPERED][number]
        if temperature != 1:
            own = tempered(self.own_rows([number]), temperature)
            largest, log_sum = log_sums(own)[:, 0].tolist()
            return float((float(own[0, token]) - largest) - log_sum)
        if (number, token) not in self._known:
            self._learn(number, token, float(to_host(self.logits.values[number, token])))
        return self._known[number, token]

    # ------------------------------------------------------------------------------- the logits that were drawn from

    def choice_logprob(self, number: int, token: int) -> float:
        """The log-probability of a token in the distribution that row `number` was drawn from, in nats."""
        if self._is_told(number, token):
            return self._told[VALUE][number] - self._told[NORM][number]
        return float(log_softmax(self.row(number)[None])[0, token])

    def value(self, number: int, token: int) -> float:
        """The logit of a token that row `number` was drawn from."""
        return self._told[VALUE][number] if self._is_told(number, token) else float(self.row(number)[token])

    def norms_of(self, first: int, end: int) -> list[float]:
        """The logs of the sums of e^logit of some rows, as they were drawn from."""
        rows = range(first, end)
        return [
            self._told[NORM][row] if self._told[TOKEN][row] >= 0 else float(log_sums(self.row(row)[None]).sum())
            for row in rows
        ]

    def pick(self, first: int, end: int, places: Sequence[float]) -> list[int | None]:
        """The choices of some rows at other random numbers; None for a row without any."""
        with torch.inference_mode():
            found = to_host(draw_tokens(self.shaped[first:end], places)).tolist()
        for place, row in enumerate(range(first, end)):
            if self._told[TOKEN][row] < 0:
                [found[place]] = pick(self.row(row)[None], [places[place]])
        return [token if token is not None and token >= 0 else None for token in found]

    def choose_again(self, asks: Sequence[Ask], numbers: Sequence[int], attempt: int = 0) -> DeviceChosen:
        """Choose again from the own logits of some rows."""
        return self.logits.take(list(numbers)).choose(asks, attempt)

    def candidates(
        self,
        numbers: Sequence[int],
        sources: Sequence[tuple[DeviceChosen, int] | Array],
        totals: Sequence[float],
        leanings: Sequence[Sequence[Leaning]],
        less: Mapping[int, float],
        first: int,
    ) -> Iterator[tuple[int, int, float]]:
        """The tokens that are left to some rows, the highest rank first; see `Choices`.

        The highest are sorted on the device, ever more of them as they are wanted.
        """
        with torch.inference_mode():
            own = self.logits.take(list(numbers)).values
            left = torch.stack([_left(source, own) for source in sources])
            logprobs = all_logprobs(own)
            ranks = ranks_of(logprobs, left, totals, leanings, less)
        told, size = 0, max(AT_LEAST, 2 * first)
        while size < ranks.numel():
            with torch.inference_mode():
                best, places = ranks.view(-1).topk(size)
                found = to_host(torch.stack([best, places.to(best.dtype), logprobs.view(-1)[places]]))
            sure = found[:, (found[0] > found[0, -1]) & (found[0] > -inf)]  # of ties with the last, others may be lower
            order = np.lexsort((sure[1], -sure[0]))
            for place, logprob in zip(sure[1, order[told:]].tolist(), sure[2, order[told:]].tolist(), strict=True):
                row, token = divmod(int(place), own.shape[1])
                self._known[numbers[row], token] = logprob
                yield row, token, logprob + totals[row]
            told, size = len(order), size * 8
        transfer = Transfer()
        every_own, every_left = transfer.add(own), transfer.add(left)
        every = ranked(every_own(), every_left(), totals, leanings, less, first)
        for row, token, value in islice(every, told, None):
            self._learn(numbers[row], token, float(every_own()[row, token]))
            yield row, token, value

    def _learn(self, number: int, token: int, own: float) -> None:
        """Note the model's own log-probability of a token, from its logit."""
        self._known[number, token] = (own - self._told[LARGEST][number]) - self._told[LOG_SUM][number]


def _left(source: tuple[DeviceChosen, int] | Array, own: Tensor) -> Tensor:
    """Which tokens are left, bool [vocab]."""
    if isinstance(source, np.ndarray):
        return beside(own, source > -inf)
    chosen, row = source
    copied = chosen._host.get(row)
    return chosen.shaped[row] > -inf if copied is None else beside(own, copied > -inf)
