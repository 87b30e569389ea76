"""Ctrl-C and other requests to end the program. They are noticed from the start, and obeyed where nothing is half done.

Signals belong to the process, and so does the state kept here. A program that only imports gen_engine never calls
`listen`. For it, Ctrl-C stays as Python handles it.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing and the like would be imported before Ctrl-C is handled
if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """The program was asked to end by the signal `number`. Its exit code is 128 plus that, as in shells."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Process:
    """Whether there is something to lose yet, the signal that came, the depth of uninterruptible blocks, and last
    actions.
    """

    has_begun: bool = False
    asked: int = 0
    shields: int = 0

    def __init__(self) -> None:
        self.last_actions: list[Callable[[], object]] = []


_process = _Process()


def listen() -> None:
    """Handle the signals by which users and systems end programs. Those that the caller ignores (nohup) stay ignored.

    The first one raises `Stopped`, unless nothing has begun yet. Every further one ends the program at once. Call this
    in the main thread.
    """
    for name in NAMES:
        number = getattr(signal, name, None)  # Windows has fewer
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _heed)
    sys.unraisablehook = _swallowed


def _swallowed(lost: sys.UnraisableHookArgs) -> None:
    """Raise again what Python dropped because it was raised in a finaliser or a callback of the garbage collector."""
    if isinstance(lost.exc_value, Stopped):
        from threading import Timer

        number, _process.asked = lost.exc_value.number, 0
        Timer(0.05, os.kill, (os.getpid(), number)).start()
    else:
        sys.__unraisablehook__(lost)


def begin() -> None:
    """From here on there may be something to lose: the first signal lets running code tidy up."""
    _process.has_begun = True


def end(code: int) -> None:
    """From here on everything is done: if another signal comes, the program ends with `code`."""
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _heed:
            signal.signal(number, lambda *_: os._exit(code))


def asked() -> int:
    """The signal by which the program was asked to end, or 0. Libraries may have swallowed the exception."""
    return _process.asked


def is_real(problem: BaseException) -> bool:
    """Whether an exception is a Ctrl-C. If this module listens, or Ctrl-C is ignored (nohup), a KeyboardInterrupt
    raised by code is not.
    """
    is_plain = signal.getsignal(signal.SIGINT) not in (_heed, signal.SIG_IGN)
    return isinstance(problem, KeyboardInterrupt if is_plain else Stopped) or bool(_process.asked)


def _heed(number: int, _: object) -> None:
    is_first = not _process.asked
    _process.asked = _process.asked or number
    if not (is_first and _process.has_begun):
        _leave(number)
    if not _process.shields:
        raise Stopped(number)


def _leave(number: int) -> None:
    for act in _process.last_actions:
        act()
    wiped = b"\r\x1b[K" if os.isatty(2) else b""  # over the line that says what is being done
    os.write(2, wiped + b"gen: Stopped.\n")
    os._exit(128 + number)


def go_on(problem: BaseException) -> bool:
    """Whether a Ctrl-C ended only what was being done, so that the program goes on and the next one is its first again.

    For a request to end the program itself it is False, and nothing changes.
    """
    if isinstance(problem, Stopped) and problem.number != signal.SIGINT:
        return False
    if _process.asked not in (0, signal.SIGINT):
        return False
    _process.asked = 0
    return True


class shielded:  # noqa: N801 - used like a function, and contextlib is slow to import
    """Do what is inside completely: a signal waits for its end, and a second one does not."""

    def __enter__(self) -> None:
        _process.shields += 1

    def __exit__(self, kind: object, *_: object) -> None:
        _process.shields -= 1
        if _process.asked and not _process.shields and kind is None:
            raise Stopped(_process.asked)


class at_last:  # noqa: N801 - likewise
    """`act` is done even if the program ends at once inside."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __enter__(self) -> None:
        _process.last_actions.append(self.act)

    def __exit__(self, *_: object) -> None:
        _process.last_actions.remove(self.act)
