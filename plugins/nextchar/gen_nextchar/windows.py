"""Which windows a call has to read, and which of them go on from windows that were read before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gen_engine.compiled.pages import PagedRow

AT_ONCE = 2560
"""So many tokens are computed together, or one window."""


@dataclass(eq=False)
class Window:
    """The tokens of a window, and what is remembered of it once it was read.

    It goes on from `parent`, if there is one, whose tokens are its first. `wanted` are the places after which
    predictions are wanted. `row` holds its keys and values, `memory` what the head remembers.
    """

    tokens: tuple[int, ...]
    parent: Window | None = None
    wanted: list[int] = field(default_factory=list)
    row: PagedRow = field(default_factory=PagedRow)
    memory: Any = None

    @property
    def kept(self) -> int:
        """How many of its tokens were read before."""
        return 0 if self.parent is None else len(self.parent.tokens)

    @property
    def new(self) -> tuple[int, ...]:
        """The tokens to read."""
        return self.tokens[self.kept :]

    def asks(self, place: int) -> int:
        """Where the prediction after this place stands among those of the window."""
        if place not in self.wanted:
            self.wanted.append(place)
        return self.wanted.index(place)

    def begins_with(self, tokens: tuple[int, ...]) -> bool:
        """Whether these are its first tokens."""
        return self.tokens[: len(tokens)] == tokens


Answer = tuple[Window, int]
"""A window, and which of its predictions."""


def plan(
    asked: Sequence[Sequence[tuple[int, ...]]],
    parents: Sequence[Window | None],
    place_in: Callable[[tuple[int, ...]], int],
    *,
    grows: bool,
) -> tuple[list[Window], list[Answer]]:
    """The windows to read, and where the prediction of each of the `asked` windows of each row is found.

    Those of a row stand in the order of its text, and `place_in` tells after which token of one the prediction is read.
    Equal ones are read once. With `grows` that is the last token, and no token sees those after it: then a window also
    answers for its own beginnings, and goes on from the row's parent where it can.
    """
    known: dict[tuple[int, ...], Window] = {}
    answers: list[Answer] = []
    for texts, parent in zip(asked, parents, strict=True):
        mine: list[Answer] = []
        window: Window | None = None
        for tokens in reversed(texts):
            place = place_in(tokens)
            if window is None or not grows or place < window.kept or not window.begins_with(tokens):
                longer = grows and parent is not None and len(parent.tokens) <= place
                goes_on = longer and parent is not None and tokens[: len(parent.tokens)] == parent.tokens
                window = known.setdefault(tokens, Window(tokens, parent if goes_on else None))
            mine.append((window, window.asks(place)))
        answers += reversed(mine)
    return list(known.values()), answers


def in_portions(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """The windows in parts to be computed together."""
    portion: list[Window] = []
    tokens = 0
    for window in windows:
        tokens += len(window.new)
        if portion and tokens > AT_ONCE:
            yield portion
            portion, tokens = [], len(window.new)
        portion.append(window)
    if portion:
        yield portion
