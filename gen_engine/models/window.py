"""Texts longer than a model's positions: which tokens a row reads. Only its length and its beginning decide this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..text.vocabulary import Vocabulary
from ..types import LanguageModel


@dataclass(frozen=True)
class Window:
    """The tokens that a row reads: the first `leading` ones (a special token, a context), then those from `start` on.

    While the window stays, new tokens are appended to what was read. When it moves, the row is read again.
    """

    leading: int
    start: int

    def count(self, length: int) -> int:
        """How many tokens of a row of `length` are read."""
        return self.leading + length - self.start

    def read(self, tokens: list[int]) -> list[int]:
        """The tokens read, in order."""
        return tokens[: self.leading] + tokens[self.start :]


WHOLE = Window(0, 0)


def window(length: int, positions: int | None, leading: int) -> Window:
    """The window of a row of `length` tokens in a model of `positions`.

    A row that outgrows the positions is read again: its `leading` tokens (as many as fit) and its last positions/2
    tokens. From there it grows until the positions are full again.
    """
    if positions is None or length <= positions:
        return WHOLE
    half = max(positions // 2, 1)
    leading = min(leading, positions - half)
    grows = positions - leading - half  # this many tokens are added before the window is full
    return Window(leading, length - half - (length - positions - 1) % (grows + 1))


def leading_tokens(vocabulary: Vocabulary, rows: Sequence[Sequence[int]], pinned: Sequence[int] | None) -> list[int]:
    """How many first tokens of each row stay in its window: the `pinned` ones, and a special first token."""
    given = pinned or [0] * len(rows)
    return [max(count, row[0] in vocabulary.specials) for row, count in zip(rows, given, strict=True)]


def in_last_window(length: int, last: int, positions: int | None, leading: int) -> int:
    """How many of a row's `last` tokens are read in the window of the whole row of `length` tokens."""
    final = window(length, positions, leading)
    return next((i for i in range(1, last) if window(length - i, positions, leading) != final), last)


def with_earlier_windows(
    model: LanguageModel,
    logits: Any,
    rows: Sequence[list[int]],
    last: Sequence[int],
    found: Sequence[int],
    pinned: Sequence[int] | None,
) -> Any:
    """`logits` [sum(found), vocab] of each row's last window, with those of earlier windows inserted.

    A run of tokens seldom crosses its window. If it does, the earlier part is read separately.
    """
    if list(last) == list(found):
        return logits
    parts: list[Any] = []
    end = 0
    for i, (row, wanted, count) in enumerate(zip(rows, last, found, strict=True)):
        if wanted > count:
            before, kept = row[: len(row) - count], None if pinned is None else [pinned[i]]
            parts.append(model.feed(model.open(1), [-1], [0], [before], [wanted - count], kept))
        parts.append(logits[end : end + count])
        end += count
    if isinstance(logits, np.ndarray):
        return np.concatenate(parts)
    import torch

    return torch.cat(parts)
