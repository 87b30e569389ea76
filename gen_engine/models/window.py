"""Texts longer than a model's positions: which of its tokens a row reads, fixed by the row's length alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """The tokens a row reads: the leading special one (if `leading`), then those from `start` on.

    While `start` stays, new tokens are added to what was read; when it changes, the row is read again.
    """

    leading: bool
    start: int

    def count(self, length: int) -> int:
        """How many tokens of a row of `length` tokens are read."""
        return self.leading + length - self.start

    def read(self, tokens: list[int]) -> list[int]:
        """The tokens read, in order."""
        return tokens[: int(self.leading)] + tokens[self.start :]


def window(length: int, positions: int | None, leading: bool) -> Window:
    """The window of a row of `length` tokens in a model of `positions`.

    A row that outgrows the positions is read again from its leading special token and its last positions/2 tokens,
    and grows from there until it is full again.
    """
    if positions is None or length <= positions:
        return Window(False, 0)
    half = max(positions // 2, 1)
    leading = leading and half < positions
    grows = positions - leading - half  # this many tokens are added before the window is full
    return Window(leading, length - half - (length - positions - 1) % (grows + 1))
