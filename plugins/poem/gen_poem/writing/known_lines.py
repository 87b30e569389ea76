"""Lines that a model was trained on, kept beside it in a small filter that may take a few other lines for known ones.

`known_lines.bloom` in a model's folder is a Bloom filter (Bloom 1970, "Space/time trade-offs in hash coding with
allowable errors"). Its first line is a JSON object:

    {"format": "known lines 1", "lines": 1400000, "shortest": 5, "bits": 14000000, "hashes": 7, "crc32": 123456789}

After it come bits / 8 bytes, rounded up. Bit i is bit i % 8 of byte i // 8, counted from the lowest, and `crc32` is the
checksum of these bytes. A line is a run of Chinese characters between two other signs. Lines of at least `shortest`
characters are looked up. The 16-byte BLAKE2b digest of a line's UTF-8 is read as two 64-bit little-endian numbers a and
b. The line is known if bit (a + i * b) % bits is set for all i below `hashes`. The sum a + i * b has 64 bits (Kirsch
and Mitzenmacher 2006).
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from gen_engine.errors import GenError
from gen_engine.system.bounds import read_whole
from gen_engine.system.unchanged import until_changed
from gen_engine.text import HAN_RANGES

FILE = "known_lines.bloom"
FORMAT = "known lines 1"

SHORTEST = 5
"""Characters of the shortest line that is kept; shorter ones are phrases that everybody writes."""

BITS, HASHES = 10, 7
"""Bits for each line, and how many bits each line sets. 0.8% of unknown lines are taken for known ones."""

LARGEST = 64_000_000
"""Bytes of the largest file that is read: fifty million lines."""

HEAD = 1000
"""The most bytes of the first line."""

RUN = re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in HAN_RANGES) + "]+")


def lines_of(text: str) -> list[str]:
    """The lines of a text: runs of Chinese characters between other signs."""
    return RUN.findall(text)


@dataclass(frozen=True)
class KnownLines:
    """A set of known lines: `line in known` is true for each of them, and for a share `false_positives` of all
    others."""

    content: bytes = field(repr=False)
    bits: int
    hashes: int
    shortest: int
    lines: int

    def __contains__(self, line: str) -> bool:
        if len(line) < self.shortest:
            return False
        return all(self.content[bit >> 3] >> (bit & 7) & 1 for bit in _bits_of(line, self.bits, self.hashes))

    @cached_property
    def false_positives(self) -> float:
        """The probability that another line is taken for a known one: the share of set bits to the power of
        `hashes`."""
        return float((int.from_bytes(self.content, "little").bit_count() / self.bits) ** self.hashes)


def _bits_of(line: str, bits: int, hashes: int) -> Iterator[int]:
    digest = blake2b(line.encode(), digest_size=16).digest()
    a, b = (int.from_bytes(half, "little") for half in (digest[:8], digest[8:]))
    return ((a + i * b) % 2**64 % bits for i in range(hashes))


def known_lines(lines: Iterable[str], *, shortest: int = SHORTEST, bits_each: int = BITS) -> KnownLines:
    """A filter of these lines without those shorter than `shortest`, with a fixed number of bits for each different
    line."""
    kept = {line for line in lines if len(line) >= shortest}
    bits = max(1, len(kept)) * bits_each
    content = bytearray((bits + 7) // 8)
    for line in kept:
        for bit in _bits_of(line, bits, HASHES):
            content[bit >> 3] |= 1 << (bit & 7)
    return KnownLines(bytes(content), bits, HASHES, shortest, len(kept))


def write_known_lines(folder: Path, known: KnownLines) -> Path:
    """Write the file of `known` into a model's folder."""
    head = {
        "format": FORMAT,
        "lines": known.lines,
        "shortest": known.shortest,
        "bits": known.bits,
        "hashes": known.hashes,
        "crc32": zlib.crc32(known.content),
    }
    path = folder / FILE
    path.write_bytes(json.dumps(head).encode() + b"\n" + known.content)
    return path


def read_known_lines(folder: Path) -> KnownLines | None:
    """The known lines of a model's folder; None if it has no such file. GenError for a damaged one."""
    return _read(folder / FILE)


@until_changed
def _read(path: Path) -> KnownLines | None:
    try:
        content = read_whole(path, LARGEST)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise GenError(f"{path} cannot be read ({problem.strerror or problem}); mend or remove it.") from problem
    head, newline, rest = content.partition(b"\n")
    found = _fitting(head[:HEAD], rest) if newline else None
    if found is None:
        raise GenError(f"{path} is damaged, or no file of known lines; remove it, or fetch the model again.")
    return found


def _fitting(head: bytes, content: bytes) -> KnownLines | None:
    """The filter in the two parts of a file; None if they do not fit each other."""
    try:
        told: Any = json.loads(head)
        if told["format"] != FORMAT:
            return None
        sizes = [told[name] for name in ("bits", "hashes", "shortest", "lines")]
        is_sound = all(type(size) is int and size >= least for size, least in zip(sizes, (1, 1, 0, 0), strict=True))
        if not is_sound or sizes[1] > 64 or (sizes[0] + 7) // 8 != len(content) or told["crc32"] != zlib.crc32(content):
            return None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    bits, hashes, shortest, lines = sizes
    return KnownLines(content, bits, hashes, shortest, lines)
