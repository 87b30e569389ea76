"""The standard streams of the program, guarded: what cannot be written is one sentence, or silence if nobody reads."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from .errors import GenError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


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


def guard() -> None:
    """Guard the standard streams of this process.

    Those that the caller closed (`>&-`) are opened on nothing, so that no file of ours is taken for one of them.
    Standard output then refuses what is written, as it would have.
    """
    _fill_gaps()
    number = _number(sys.stdout, os.O_RDONLY)
    out = Sink(number, "Standard output", "send it somewhere else", closefd=False)
    sys.stdout = _over(io.BufferedWriter(out), sys.stdout)
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


def _over(raw: Any, old: TextIO | None, *, at_once: bool = False) -> TextIO:
    """A text stream over `raw`, a stream of bytes, that is like `old`."""
    return io.TextIOWrapper(
        raw,
        encoding=old.encoding if old else "utf-8",
        errors=old.errors if old else "replace",
        line_buffering=bool(getattr(old, "line_buffering", False)),
        write_through=at_once or bool(getattr(old, "write_through", False)),
    )
