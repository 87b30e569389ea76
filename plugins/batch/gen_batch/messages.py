"""What the parts of a batch hand to each other: lines of the input, and their answers. All of it can be pickled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

LINES = 4096
"""The most lines between the last whose answer was put and the last that was read; more for several actors."""


@dataclass(frozen=True)
class Line:
    """A request of the input: its place among all (from 0), and its object.

    `number` is the line of the file in which it begins, or its row in a table, from 1; 0 if nobody knows. `problem` is
    one sentence on what is wrong with the line itself (it is no JSON object, say); `asked` is then empty.
    """

    index: int
    asked: Mapping[str, Any]
    problem: str = ""
    number: int = 0


@dataclass(frozen=True)
class Answer:
    """What is written for a line: `record` is the object of the output, which can be written as JSON.

    `is_error` says that no text was written. `tokens` counts the new ones.
    """

    index: int
    record: Mapping[str, Any]
    is_error: bool = False
    tokens: int = 0


def is_answer(record: Mapping[str, Any], line: Line) -> bool:
    """Whether a record may be the answer of a line, by the id, or the line of the file, that it tells."""
    if "line" in record:
        return bool(record["line"] == (line.number or line.index + 1))
    name = "custom_id" if "custom_id" in record else "id"
    own = line.asked.get(name)
    return bool(record.get(name) == (line.index + 1 if own is None else own))


class Work(Protocol):
    """Whatever answers lines: this process, several, or a cluster."""

    def answers(self, lines: Iterable[Line]) -> Iterator[Answer]:
        """The answer of each line, in any order. It reads only so many lines ahead as it needs to be busy."""
        ...

    def close(self) -> None:
        """Free what it holds; nothing is half done afterwards."""
        ...
