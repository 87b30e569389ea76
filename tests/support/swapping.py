"""Puts other code into the functions of a module that is imported already, wherever they are held."""

from __future__ import annotations

import gc
import inspect
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType

CONTENT = (
    "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags",
    "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_exceptiontable",
)  # fmt: skip


Pairs = list[tuple[CodeType, CodeType]]
"""Functions, each with its other version."""

Functions = dict[tuple[str, int], list[FunctionType]]
"""Functions by their qualified name and their first line."""


def differing(before: CodeType, after: CodeType) -> Pairs | None:
    """The functions that differ in two compiled versions of a module, each with its other version.

    Those within a function count as a part of it. None if something differs that runs when the module is imported.
    """
    if before.co_flags & inspect.CO_OPTIMIZED:  # a function; modules and classes are not
        return [(before, after)] if before != after else []
    if _own(before) != _own(after):
        return None
    found: Pairs = []
    for old, new in zip(_within(before), _within(after), strict=True):
        inner = differing(old, new)
        if inner is None:
            return None
        found += inner
    return found


def _own(code: CodeType) -> tuple[object, ...]:
    """All that code says, but for the code within."""
    consts = [(type(each), each) for each in code.co_consts if not isinstance(each, CodeType)]
    return (*(getattr(code, name) for name in CONTENT), consts, len(list(_within(code))))


def _within(code: CodeType) -> Iterator[CodeType]:
    return (each for each in code.co_consts if isinstance(each, CodeType))


def functions_of(file: str) -> Functions:
    """All functions that were made from a file, by their qualified name and their first line."""
    found: Functions = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename == file:
            found[_place(each.__code__)].append(each)
    return found


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def can_swap(pairs: Pairs, functions: Functions) -> bool:
    """Whether these functions exist, and can run their other versions: they see the same variables around them."""
    return all(
        _place(old) in functions
        and all(each.__code__.co_freevars == new.co_freevars for each in functions[_place(old)])
        for old, new in pairs
    )


def swap(pairs: Pairs, functions: Functions) -> None:
    """Let functions run their other versions from now on, and those that they made before, as far as these can."""
    for old, new in pairs:
        for each in functions[_place(old)]:
            each.__code__ = new
        inner = {_place(each): each for each in _within(new)}
        both = [(each, inner[_place(each)]) for each in _within(old) if _place(each) in inner]
        swap([pair for pair in both if pair[0] != pair[1] and can_swap([pair], functions)], functions)
