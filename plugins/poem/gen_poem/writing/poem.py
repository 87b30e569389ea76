"""What is asked of a poem: its form or tune, and the processors that enforce it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..rules.form import Form, form_rules, size_rules
from ..verse.layout import Shape, by_marks
from ..verse.resolve import Wish, resolve
from ..verse.verse import Verse


@dataclass(frozen=True)
class Poem:
    """What is asked of a poem: the processors that enforce it, its form or verse, and how long it may be if it has
    neither. A template says all of that by itself."""

    rules: tuple[Any, ...]
    shape: Form | Verse | None
    length: int = 0

    @staticmethod
    def of(wish: Wish) -> Poem:
        """A poem of a form or a tune. GenError if it does not exist."""
        return Poem(form_rules(wish), resolve(wish))

    @staticmethod
    def of_size(rows: int, cols: int) -> Poem:
        """A poem of `rows` lines of `cols` characters. GenError if it is too long."""
        return Poem(size_rules(rows, cols), Form(rows, cols))

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes in which a prompt is laid out; none where a template says how the poem is laid out."""
        if self.shape is None:
            return ()
        return (self.shape,) if isinstance(self.shape, Form) else by_marks(self.shape)

    @property
    def widest(self) -> int:
        """How many characters the longest such poem has, marks included."""
        if isinstance(self.shape, Form):
            return len(self.shape.pattern)
        return self.length if self.shape is None else self.shape.suffixes.widest

    @property
    def han(self) -> int:
        """How many Chinese characters the longest such poem has."""
        if self.shape is None:
            return self.length
        if isinstance(self.shape, Form):
            return self.shape.rows * self.shape.cols
        return max(sum(line.length for line in pattern.lines) for pattern in self.shape.patterns)

    @property
    def couplets(self) -> int | None:
        """How many pairs of lines the longest such poem has; None if that is not fixed."""
        if self.shape is None:
            return None
        rows = self.shape.rows if isinstance(self.shape, Form) else max(len(p.lines) for p in self.shape.patterns)
        return rows // 2
