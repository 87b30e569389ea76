"""What is asked of the model's logits, and of the tokens chosen from them, wherever they are.

There are two kinds. Those of `choosing.py` are arrays of the host, drawn from by the compiled library, or by numpy.
Those of `device_draws.py` stay on an accelerator. The host gets a few numbers of each row, in one copy a step; whole
rows are copied only for the rare questions that need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..compiled.arithmetic import Array
from ..types import Draw
from .generation import Generation

if TYPE_CHECKING:
    from torch import Tensor

Ask = tuple[Generation, Draw]

Leaning = tuple[float, Mapping[int, float]]
"""What a shaper adds to the rank of a text, and how much more if the text goes on with a token, in nats."""


class Logits(Protocol):
    """Rows of the model's own logits, [rows, vocab]."""

    def __len__(self) -> int: ...

    def take(self, rows: Sequence[int]) -> Logits:
        """These rows, in this order."""
        ...

    def copy(self, first: int, end: int) -> Logits:
        """A copy of some rows, which later passes leave alone."""
        ...

    def logprobs(self, rows: Sequence[int], tokens: Sequence[int], temperature: float) -> Callable[[], list[float]]:
        """A function that returns the log-probability of `tokens[i]` in row `rows[i]` at a temperature, in nats."""
        ...

    def choose(self, asks: Sequence[Ask], attempt: int = 0, *, own: bool = False, temperature: float = 1.0) -> Choices:
        """A token for each row, under the one chain of all asks.

        `own`: the log-probabilities of the model itself are wanted, too, also at this `temperature`.
        """
        ...


class Choices(Protocol):
    """What was chosen in each row: `tokens`, and the names of the shapers `undone` there.

    A row's *own* logits are those of the model. Its logits as such are those that were drawn from.
    """

    @property
    def tokens(self) -> Sequence[int]: ...

    @property
    def undone(self) -> Sequence[Sequence[str]]: ...

    def row(self, number: int) -> Array:
        """The logits [vocab] that row `number` was drawn from; not to be changed."""
        ...

    def rows(self, numbers: Sequence[int]) -> Array:
        """The same of several rows, [rows, vocab]."""
        ...

    def count(self, number: int) -> int:
        """How many tokens the shapers left to row `number`."""
        ...

    def left(self, number: int) -> list[int]:
        """The tokens that the shapers left to row `number`, in order."""
        ...

    def own_rows(self, numbers: Sequence[int]) -> Array:
        """The model's own logits of these rows, [rows, vocab]."""
        ...

    def own_tensor(self, first: int, end: int) -> Tensor:
        """The model's own logits of some rows, [rows, vocab]."""
        ...

    def logprob_tensor(self, first: int, end: int) -> Tensor:
        """The model's own log-probabilities of all tokens of some rows in nats, [rows, vocab]."""
        ...

    def tensor(self, array: Array) -> Tensor:
        """An array as a tensor where the logits are."""
        ...

    def logprobs(self, first: int, end: int) -> list[float]:
        """The model's own log-probabilities of the chosen tokens of some rows, in nats."""
        ...

    def logprob(self, number: int, token: int, temperature: float = 1.0) -> float:
        """The model's own log-probability of a token of row `number` at a temperature, in nats."""
        ...

    def choice_logprob(self, number: int, token: int) -> float:
        """The log-probability of a token in the distribution that row `number` was drawn from, in nats."""
        ...

    def value(self, number: int, token: int) -> float:
        """The logit of a token that row `number` was drawn from."""
        ...

    def norms_of(self, first: int, end: int) -> list[float]:
        """The logs of the sums of e^logit of some rows, as they were drawn from."""
        ...

    def pick(self, first: int, end: int, places: Sequence[float]) -> list[int | None]:
        """The choices of some rows at other random numbers; None for a row without any."""
        ...

    def choose_again(self, asks: Sequence[Ask], numbers: Sequence[int], attempt: int = 0) -> Choices:
        """Choose again from the own logits of some rows."""
        ...

    def candidates(
        self,
        numbers: Sequence[int],
        sources: Sequence[tuple[Any, int] | Array],
        totals: Sequence[float],
        leanings: Sequence[Sequence[Leaning]],
        less: Mapping[int, float],
        first: int,
    ) -> Iterator[tuple[int, int, float]]:
        """The tokens that are left to some rows, the highest rank first, ties in order: index of the row in `numbers`,
        token, value.

        The value is the model's own log-probability plus the row's of `totals`, in nats. The rank adds the row's
        `leanings` and subtracts the token's of `less`. `sources[i]` says in which logits tokens are left to row i: in a
        row of some choices, or in these. Usually no more than `first` are taken.
        """
        ...
