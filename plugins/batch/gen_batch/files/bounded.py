"""Lines of bytes of any length, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from gen_engine.system.bounds import LINE

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class RawLine:
    """A line with its end, and its number from 1. Of one that `is_cut`, the bytes are only a hash of it."""

    number: int
    content: bytes
    is_cut: bool = False


def raw_lines(file: BinaryIO, most: int = LINE) -> Iterator[RawLine]:
    """The lines of a file, without a BOM before the first. One over `most` bytes is read through, but not kept."""
    number = 0
    while line := file.readline(most + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM)
        if len(line) > most and not line.endswith(b"\n"):
            yield RawLine(number, _rest_hashed(line, file, most), is_cut=True)
        elif line:
            yield RawLine(number, line)


def without_end(line: bytes) -> bytes:
    """A line without its LF or CRLF."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _rest_hashed(begun: bytes, file: BinaryIO, most: int) -> bytes:
    """The hash of a whole line, whose rest is read and dropped."""
    digest = sha256(begun)
    while not begun.endswith(b"\n") and (begun := file.readline(most)):
        digest.update(begun)
    return digest.digest()
