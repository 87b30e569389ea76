"""The program's standard streams, guarded. A failure to write is one sentence, or silence if nobody reads. Standard
output holds only results.
"""

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
"""Modules that write on behalf of their caller."""

IMPORTS = ("importlib", "_frozen_importlib")


class UnreadError(GenError):
    """The reader of standard output has gone (`| head`): no error, and nothing to say. The exit code is SIGPIPE's."""

    exit_code = 141


class Sink(io.FileIO):
    """A file whose write errors are a GenError with this title and remedy. Once `is_shut`, it discards everything."""

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
    """Standard error. A remark that cannot be written stops nothing."""

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
    """Standard output. Only the engine's own code and commands write to it. All other output goes to standard error:
    plugins at import or when the engine calls them, and libraries.
    """

    def write(self, text: str, /) -> int:
        return super().write(text) if is_result(sys._getframe(1)) else sys.stderr.write(text)

    def close(self) -> None:
        self.flush()  # not closed for the others

    @property
    def buffer(self) -> Any:
        return super().buffer if is_result(sys._getframe(1)) else sys.stderr.buffer


def is_result(frame: FrameType | None) -> bool:
    """Whether output of `frame`'s code is a result: that of the engine itself, or of a command that click called.

    It is not if the engine called that code, if it runs during an import, or in a thread of its own. Within those, only
    `click.echo` writes results.
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

    Streams closed by the caller (`>&-`) are opened on nothing, so that none of our files gets their number. Standard
    output then refuses writes, as the closed one would. File descriptor 1 becomes that of standard error, for C
    libraries and for other programs.
    """
    _fill_gaps()
    number = _number(sys.stdout, os.O_RDONLY)
    own = os.dup(number)
    if number == 1:
        os.dup2(2, 1)
    out = Sink(own, "Standard output", "send it somewhere else", closefd=False)
    sys.stdout = _over(io.BufferedWriter(out), sys.stdout, _Results)
    vars(sys)["__stdout__"] = sys.stdout  # used for the width of the terminal
    # Remarks are written at once, as Python does, even before a line ends.
    sys.stderr = _over(_Remarks(_number(sys.stderr, os.O_WRONLY), "w", closefd=False), sys.stderr, at_once=True)


def shut() -> GenError | None:
    """Write what is buffered for standard output. Returns the error if that is impossible. Nothing more is written to
    it afterwards.
    """
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
    """Raise GenError if the caller closed standard output, before anything is generated for it."""
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
    """The file descriptor of a standard stream, or one that leads nowhere if there is none."""
    return os.open(os.devnull, mode) if stream is None else stream.fileno()


def _over(
    raw: Any, old: TextIO | None, kind: type[io.TextIOWrapper] = io.TextIOWrapper, *, at_once: bool = False
) -> TextIO:
    """A text stream over the byte stream `raw`, with the settings of `old`."""
    return kind(
        raw,
        encoding=old.encoding if old else "utf-8",
        errors=old.errors if old else "replace",
        line_buffering=bool(getattr(old, "line_buffering", False)),
        write_through=at_once or bool(getattr(old, "write_through", False)),
    )
