"""How much is read: bounds on lines, on texts and on files held whole. Also pipes that nobody writes to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import BinaryIO, TextIO

from ..errors import GenError

TEXT = 1_000_000
"""The most characters of a text, in a line or a cell: more than 红楼梦 has."""

LINE = 8_000_000
"""The most characters of a line of a file. JSON may write one character as six, and a row has several cells."""

PROMPT = 500_000
"""The most characters of a prompt. A longer one costs a tokenizer seconds and hundreds of megabytes, and the model
reads only its end.
"""

TEXTS = 20_000_000
"""The most characters of a file that is held whole for judging. All poems of Tang have five million."""

SETTINGS = 16_000_000
"""The most bytes of a settings file: JSON or TOML, such as a config.json."""

VOCABULARY = 100_000_000
"""The most bytes of a tokenizer's file; the largest known have 40 million."""

WRITER = 3
"""How many seconds to wait for a pipe that nobody writes to."""


def bounded_lines(text: TextIO, where: str) -> Iterator[str]:
    """The lines of `text` with their ends. Raises GenError at one over LINE characters, before the rest of it is
    read.
    """
    for number, line in enumerate(iter(lambda: text.readline(LINE + 1), ""), 1):
        if len(line) > LINE:
            raise GenError(f"Line {number} of {where} is longer than {LINE:,} characters. Break it into several lines.")
        yield line


def bounded(lines: Iterable[str], most: int, where: str, remedy: str) -> Iterator[str]:
    """The same lines. Raises GenError with the `remedy` once they have more than `most` characters together."""
    taken = 0
    for line in lines:
        taken += len(line)
        if taken > most:
            raise GenError(f"{where} has over {most:,} characters, which is more than is read whole; {remedy}.")
        yield line


def open_file(path: Path) -> BinaryIO:
    """The bytes of a file, or of a pipe such as `<(command)`. Raises GenError for a pipe that nobody writes to;
    OSError.
    """
    if stat.S_ISFIFO(os.stat(path).st_mode):
        return os.fdopen(_open_pipe(path), "rb")
    return path.open("rb")


def _open_pipe(path: Path) -> int:
    """A pipe, once somebody has opened it for writing. The data may come as late as it will."""
    found: list[int] = []
    opening = Thread(target=lambda: found.append(os.open(path, os.O_RDONLY)), daemon=True)
    opening.start()
    opening.join(WRITER)
    if opening.is_alive():
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # we open it, so that the thread returns
        opening.join()
        os.close(found[0])
        raise GenError(f"{path} is a pipe that nobody writes to; name a file, or start what writes to it first.")
    return found[0]


def read_whole(path: Path, most: int) -> bytes:
    """The bytes of a file of at most `most` bytes. Raises GenError for what is no file, or is larger, before reading
    more; OSError.
    """
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path} is a folder")
    if not stat.S_ISREG(found.st_mode) and not _is_handed_over(path):
        raise GenError(f"{path} is a pipe or a device, no file; name a file.")
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise GenError(f"{path} has over {most:,} bytes, far more than such files have; name the right file.")
    return content


def read_settings(path: Path) -> str:
    """The text of a settings file, in UTF-8. Raises GenError as `read_whole` does; OSError, ValueError."""
    return read_whole(path, SETTINGS).decode("utf-8")


def _is_handed_over(path: Path) -> bool:
    """Whether the shell opened it for us: `<(command)`, or standard input."""
    return str(path).startswith(("/dev/fd/", "/proc/self/fd/", "/dev/stdin"))
