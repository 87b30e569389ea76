"""Bounded memories: what was worked out once, the least recently used forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import field
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """At most `size` values by their keys. What is forgotten is worked out again: answers never depend on it."""

    __slots__ = ("_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value of a key, which thereby becomes the last to be forgotten; None if there is none."""
        found = self._values.get(key)
        if found is not None or key in self._values:
            self._values.move_to_end(key)
        return found

    def put(self, key: Key, value: Value) -> Value:
        """Remember a value; the value."""
        values = self._values
        if len(values) >= self.size and key not in values:
            values.popitem(last=False)
        values[key] = value
        return value

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._values)


def remembered(size: int) -> Any:
    """A field of a dataclass: a memory of its own for each object, which a copy by `replace` does not share."""
    return field(default_factory=lambda: Memory(size), init=False, repr=False)
