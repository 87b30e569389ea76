"""Bounded memories: what was worked out once, the least recently used forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import field
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """At most `size` values by their keys. What is forgotten is worked out again: answers never depend on it.

    Threads may share one: a key that another thread makes it forget meanwhile is no error.
    """

    __slots__ = ("_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value of a key, which thereby becomes the last to be forgotten; None if there is none."""
        try:
            self._values.move_to_end(key)
            return self._values[key]
        except KeyError:  # there is none, or another thread let it be forgotten just now
            return None

    def put(self, key: Key, value: Value) -> Value:
        """Remember a value; the value."""
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
    """One object for each key, as long as anybody holds it: so that equal ones are identical. The `size` used last are
    held here."""

    __slots__ = ("_held", "_others", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self._others: WeakValueDictionary[Key, Value] = WeakValueDictionary()

    def get(self, key: Key) -> Value | None:
        """The object of a key; None if nobody holds one."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        elif self._others and (found := self._others.pop(key, None)) is not None:
            self.put(key, found)
        return found

    def put(self, key: Key, value: Value) -> Value:
        """Let this be the object of a key that has none; the object."""
        if len(self._held) >= self.size:
            oldest, gone = self._held.popitem(last=False)
            self._others[oldest] = gone
        self._held[key] = value
        return value

    def __len__(self) -> int:
        return len(self._held) + len(self._others)


def interned(size: int) -> Any:
    """A field of a dataclass: objects by their keys, of its own for each object, which a copy does not share."""
    return field(default_factory=lambda: Interned(size), init=False, repr=False)


def remembered(size: int, *, shared: bool = False) -> Any:
    """A field of a dataclass: a memory of its own for each object; a copy by `replace` has the same one if `shared`."""
    return field(default_factory=lambda: Memory(size), init=shared, repr=False)
