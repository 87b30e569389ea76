"""Bounded memories of computed values; the least recently used value is forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import field
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """At most `size` values by key. A forgotten value is computed again, so answers never depend on the memory.

    Threads may share one: it is no error if another thread causes a key to be forgotten meanwhile.
    """

    __slots__ = ("_values", "size")

    def __init__(self, size: int) -> None:
        self.size: int = size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value of a key, which becomes the most recently used one; None if the key is absent."""
        try:
            self._values.move_to_end(key)
            return self._values[key]
        except KeyError:  # absent, or just evicted by another thread
            return None

    def put(self, key: Key, value: Value) -> Value:
        """Remember a value, and return it."""
        values = self._values
        values.pop(key, None)
        values[key] = value
        if len(values) > self.size:
            values.popitem(last=False)
        return value

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._values)


class Interned(Generic[Key, Value]):
    """One object per key for as long as it is in use, so that equal ones are identical.

    The `size` most recently used objects are kept alive here.
    """

    __slots__ = ("_held", "_others", "size")

    def __init__(self, size: int) -> None:
        self.size: int = size
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self._others: WeakValueDictionary[Key, Value] = WeakValueDictionary()

    def get(self, key: Key) -> Value | None:
        """The object of a key; None if no such object is alive."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        elif self._others and (found := self._others.pop(key, None)) is not None:
            self.put(key, found)
        return found

    def put(self, key: Key, value: Value) -> Value:
        """Make this the object of a key that has none, and return it."""
        if len(self._held) >= self.size:
            oldest, gone = self._held.popitem(last=False)
            self._others[oldest] = gone
        self._held[key] = value
        return value

    def __len__(self) -> int:
        return len(self._held) + len(self._others)


def interned(size: int) -> Any:
    """A dataclass field: an `Interned` that each instance creates for itself; copies do not share it."""
    return field(default_factory=lambda: Interned(size), init=False, repr=False)


def remembered(size: int, *, shared: bool = False) -> Any:
    """A dataclass field: a `Memory` that each instance creates for itself; copies by `replace` share it if `shared`."""
    return field(default_factory=lambda: Memory(size), init=shared, repr=False)
