"""The standard streams of the program, guarded: what cannot be written is one sentence, or silence if nobody reads;
and standard output holds results alone."""

from __future__ import annotations

import io
import os
import sys
from threading import current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import GenError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PENS = ("click", "rich", "json", "pprint", "gen_engine.system.underway")
"""Modules that write for whoever calls them."""

IMPORTS = ("importlib", "_frozen_importlib")


class UnreadError(GenError):
    """Whoever read standard output has gone (`| head`): no fault, and nothing to say. The exit code is SIGPIPE's."""

    exit_code = 141


class Sink(io.FileIO):
    """A file whose refusals are a GenError of this title and remedy; once `is_shut`, it takes all and keeps nothing."""

    def __init__(self, place: int | str, title: str, remedy: str, *, closefd: bool = True) -> None:
        super().__init__(place, "w", closefd=closefd)
        self.title = title
        self.remedy = remedy
        self.is_shut = False

    def write(self, data: ReadableBuffer, /) -> int:
        if self.is_shut:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            raise UnreadError("") from None
        except OSError as problem:
            raise GenError(f"{self.title} cannot be written ({problem.strerror}); {self.remedy}.") from problem


class _Remarks(io.FileIO):
    """Standard error: a remark that cannot be written stops nothing."""

    def write(self, data: ReadableBuffer, /) -> int:
        rest = memoryview(data).cast("B")
        size = rest.nbytes
        while rest:
            try:
                rest = rest[super().write(rest) or 0 :]
            except OSError:
                break
        return size


class _Results(io.TextIOWrapper):
    """Standard output. Only the engine's own code and commands write to it: what all other code writes (plugins while
    they are imported or called by the engine, libraries) goes to standard error."""

    def write(self, text: str, /) -> int:
        return super().write(text) if is_result(sys._getframe(1)) else sys.stderr.write(text)

    def close(self) -> None:
        self.flush()  # nobody ends it for the others

    @property
    def buffer(self) -> Any:
        return super().buffer if is_result(sys._getframe(1)) else sys.stderr.buffer


def is_result(frame: FrameType | None) -> bool:
    """Whether what the code of `frame` writes is a result: if the engine itself writes, or a command that click called.

    It is none if the engine called that code, if it runs while a module is imported, or in a thread of its own, unless
    that writes by `click.echo`.
    """
    by_echo = frame is not None and _is_of(frame, ("click",))
    is_ours = True
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module == "click.core":
            return True
        if _is_of(frame, IMPORTS):
            return False
        if not _is_of(frame, PENS):
            if _is_of(frame, ("gen_engine",)):
                return is_ours
            is_ours = False
        frame = frame.f_back
    return by_echo or current_thread() is main_thread()


def _is_of(frame: FrameType, packages: tuple[str, ...]) -> bool:
    module = frame.f_globals.get("__name__") or ""
    return any(module == each or module.startswith(f"{each}.") for each in packages)


def guard() -> None:
    """Guard the standard streams of this process.

    Those that the caller closed (`>&-`) are opened on nothing, so that no file of ours is taken for one of them.
    Standard output then refuses what is written, as it would have. Its number, 1, becomes that of standard error, for
    libraries in C and for other programs that are started.
    """
    _fill_gaps()
    number = _number(sys.stdout, os.O_RDONLY)
    own = os.dup(number)
    if number == 1:
        os.dup2(2, 1)
    out = Sink(own, "Standard output", "send it somewhere else", closefd=False)
    sys.stdout = _over(io.BufferedWriter(out), sys.stdout, _Results)
    vars(sys)["__stdout__"] = sys.stdout  # by which the width of the terminal is found
    # Remarks are written at once, as Python does, even where no line ends yet.
    sys.stderr = _over(_Remarks(_number(sys.stderr, os.O_WRONLY), "w", closefd=False), sys.stderr, at_once=True)


def shut() -> GenError | None:
    """Write what is left for standard output; why that cannot be done, if so. Nothing more is written to it."""
    problem = None
    try:
        sys.stdout.flush()
    except GenError as refusal:
        problem = refusal
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, Sink):
        raw.is_shut = True
    return problem


def check_standard_output() -> None:
    """Raise GenError if standard output was closed by the caller, before anything is made for it."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, Sink):
        raw.write(b"")


def _fill_gaps() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number < 2 else os.O_WRONLY)  # it gets the lowest free number


def _number(stream: TextIO | None, mode: int) -> int:
    """The file descriptor of a standard stream, or one of nothing if there is none."""
    return os.open(os.devnull, mode) if stream is None else stream.fileno()


def _over(
    raw: Any, old: TextIO | None, kind: type[io.TextIOWrapper] = io.TextIOWrapper, *, at_once: bool = False
) -> TextIO:
    """A text stream over `raw`, a stream of bytes, that is like `old`."""
    return kind(
        raw,
        encoding=old.encoding if old else "utf-8",
        errors=old.errors if old else "replace",
        line_buffering=bool(getattr(old, "line_buffering", False)),
        write_through=at_once or bool(getattr(old, "write_through", False)),
    )
