"""Protects state of the whole process while the code of others is imported or asked."""

from __future__ import annotations

import locale
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ..system.interrupts import NAMES


@dataclass(frozen=True)
class Part:
    """A part of the process's state: its name, its present value, and how to restore it."""

    name: str
    look: Callable[[], Any]
    put: Callable[[Any], object]


@contextmanager
def kept(tell: Callable[[str], object]) -> Iterator[None]:
    """Run others' code inside. What it changed of the process is restored and reported."""
    before = [(part, part.look()) for part in PARTS]
    try:
        yield
    finally:
        for part, value in before:
            if part.look() != value:
                with suppress(OSError, ValueError, TypeError):  # perhaps the folder is gone, or this is another thread
                    part.put(value)
                tell(f"it changed {part.name}, which was put back")


def _folder() -> str:
    with suppress(OSError):
        return os.getcwd()
    return os.curdir


def _put_streams(streams: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr, sys.excepthook = streams


def _handlers() -> list[tuple[int, Any]]:
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    return [(number, signal.getsignal(number)) for number in numbers]


def _put_handlers(handlers: list[tuple[int, Any]]) -> None:
    for number, handler in handlers:
        signal.signal(number, handler)


def _fatal_warnings() -> list[Any]:
    return [each for each in warnings.filters if each[0] == "error"]


def _put_fatal_warnings(fatal: list[Any]) -> None:
    warnings.filters[:] = [each for each in warnings.filters if each[0] != "error" or each in fatal]  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _torch() -> tuple[str, bool]:
    """The default dtype and whether gradients are on; also their values before torch is imported."""
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "get_default_dtype"):
        return "float32", True
    return str(torch.get_default_dtype()).removeprefix("torch."), torch.is_grad_enabled()


def _put_torch(values: tuple[str, bool]) -> None:
    torch: Any = sys.modules["torch"]
    torch.set_default_dtype(getattr(torch, values[0]))
    torch.set_grad_enabled(values[1])


PARTS = (
    Part("the standard streams", lambda: (sys.stdin, sys.stdout, sys.stderr, sys.excepthook), _put_streams),
    Part("the handling of signals", _handlers, _put_handlers),
    Part("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)),
    Part("the working folder", _folder, os.chdir),
    Part("the limit of recursion", sys.getrecursionlimit, sys.setrecursionlimit),
    Part("which warnings are errors", _fatal_warnings, _put_fatal_warnings),
    Part("torch's default dtype or gradients", _torch, _put_torch),
)
