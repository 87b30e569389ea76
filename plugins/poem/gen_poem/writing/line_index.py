"""Lines of real poems in one small file, each with the title, the author and the dynasty of its poem.

The first line of the file is a JSON object; `sizes` are those of the parts that follow it, in bytes:

    {"format": "real lines 1", "sizes": {"names": 30000, ..., "verse": [900000, 900000]}}

Each part is an .xz file of its own, with its checksum:

- `names`: a JSON object. `characters` has every character, the commonest first, behind a line feed. Its places are the
  codes of the characters. `authors` has [author, dynasty, number of poems], in the order of the poems.
- `shapes`: a byte for each poem, the number of its lines, and then a byte for each line, the number of its characters.
- `titles`: the codes of all titles, with a line feed (code 0) behind each, as little-endian uint16.
- `verse`: the codes of all lines, one behind the other, likewise. Its parts are unpacked side by side.

The order of the poems is that of their renown, as far as the one who built the file tells it.
"""

from __future__ import annotations

import json
import lzma
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gen_engine.errors import GenError
from gen_engine.system.bounds import read_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "real lines 1"

LARGEST = 64_000_000
"""Bytes of the largest file that is read; all verse of Tang and Song has 13 million."""

UNPACKED = 256_000_000
"""The most bytes of a part when it is unpacked."""

HEAD = 1000
"""The most bytes of the first line."""

VERSE_PARTS = 4
"""As many parts of `verse` can be unpacked at a time."""

UNKNOWN = 0xFFFF
"""The code of a character that no line has."""

PACKING = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 21, "lc": 1, "lp": 1, "pb": 1}
]
"""What packs pairs of bytes best. The parts of the shipped file are smaller than this window."""

BUILD = "fetch the plugin gen-engine-poem again, or build the file with plugins/poem/recipe/real_lines.py"


@dataclass(frozen=True)
class Poem:
    """A poem or a ci: its lines of Chinese characters alone, and whose it is; `title` is the tune of a ci."""

    lines: tuple[str, ...]
    title: str
    author: str
    dynasty: str


@dataclass(frozen=True)
class LineIndex:
    """Lines of poems by number, in the order of the file.

    `codes` [characters, uint16] are those of all lines, and `starts` [lines + 1, int64] where each begins. `lines_with`
    finds the lines that have a character, by `found_in` [characters, int32]: the line of each character, ordered by
    code, and `first` [codes + 1], where those of a code begin. `poem_ends` and `author_ends` are the numbers behind the
    last line of each poem and the last poem of each author; `titles` has the codes of all, and `title_ends` where each
    ends.
    """

    characters: str = field(repr=False)
    codes: NDArray[np.uint16] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    found_in: NDArray[np.int32] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    poem_ends: Sequence[int] = field(repr=False)
    titles: NDArray[np.uint16] = field(repr=False)
    title_ends: NDArray[np.int64] = field(repr=False)
    author_ends: Sequence[int] = field(repr=False)
    authors: Sequence[tuple[str, str]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def encode(self, text: str) -> NDArray[np.uint16]:
        """The codes of a text [characters, uint16]; UNKNOWN for what no line has."""
        found = (self.characters.find(char, 1) for char in text)
        return np.array([code if code > 0 else UNKNOWN for code in found], dtype=np.uint16)

    def line(self, number: int) -> str:
        """A line's characters."""
        return self._decode(self.codes[self.starts[number] : self.starts[number + 1]])

    def _decode(self, codes: NDArray[np.uint16]) -> str:
        return "".join(self.characters[code] for code in codes)

    def source(self, number: int) -> tuple[str, str, str]:
        """(title, author, dynasty) of a line's poem."""
        poem = bisect_right(self.poem_ends, number)
        start = self.title_ends[poem - 1] + 1 if poem else 0
        title = self._decode(self.titles[start : self.title_ends[poem]])
        return (title, *self.authors[bisect_right(self.author_ends, poem)])

    def lines_with(self, code: int) -> NDArray[np.int32]:
        """The lines that have this character, each as often as it has it."""
        if code == UNKNOWN:
            return self.found_in[:0]
        return self.found_in[self.first[code] : self.first[code + 1]]

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The codes of these lines [lines, longest of them], with 0 behind shorter ones."""
        starts = self.starts[numbers]
        lengths = self.starts[numbers + 1] - starts
        places = np.arange(lengths.max(initial=0))
        inside = places < lengths[:, None]
        return np.where(inside, self.codes[np.where(inside, starts[:, None] + places, 0)], 0).astype(np.uint16)


# ------------------------------------------------------------------------------------------------------- writing


def pack(poems: Sequence[Poem]) -> bytes:
    """The file of these poems, in this order; a line that an earlier one equals is left out, and so is a poem without
    others.

    ValueError for over 255 lines in a poem or characters in a line, and for over 65,534 different characters.
    """
    kept = _with_own_lines(poems)
    verse = "".join(line for poem in kept for line in poem.lines)
    titles = "".join(poem.title + "\n" for poem in kept)
    counts = Counter((verse + titles).replace("\n", ""))
    characters = "\n" + "".join(sorted(counts, key=lambda char: (-counts[char], char)))
    if len(characters) > UNKNOWN:
        raise ValueError(f"{len(characters):,} different characters are more than 16 bits tell apart; leave some out.")
    code = {char: number for number, char in enumerate(characters)}
    authors = [(*who, len(list(own))) for who, own in groupby(kept, lambda poem: (poem.author, poem.dynasty))]
    names = json.dumps({"characters": characters, "authors": authors}, ensure_ascii=False).encode()
    shapes = bytes(len(poem.lines) for poem in kept) + bytes(len(line) for poem in kept for line in poem.lines)
    size = max(1, -(-len(verse) // VERSE_PARTS))
    pieces = [verse[start : start + size] for start in range(0, len(verse), size)]
    raw = [names, shapes, *(_coded(text, code) for text in (titles, *pieces))]
    parts = [lzma.compress(each, filters=PACKING) for each in raw]
    sizes = dict(zip(("names", "shapes", "titles"), map(len, parts), strict=False))
    head = {"format": FORMAT, "sizes": {**sizes, "verse": [*map(len, parts[3:])]}}
    return json.dumps(head).encode() + b"\n" + b"".join(parts)


def _with_own_lines(poems: Sequence[Poem]) -> list[Poem]:
    """The poems without the lines that stood before; a poem without others is left out."""
    first: dict[str, int] = {}
    for number, poem in enumerate(poems):
        for line in poem.lines:
            first.setdefault(line, number)
    own = (
        replace(poem, lines=tuple(line for line in dict.fromkeys(poem.lines) if first[line] == number))
        for number, poem in enumerate(poems)
    )
    return [poem for poem in own if poem.lines]


def _coded(text: str, code: dict[str, int]) -> bytes:
    return np.array([code[char] for char in text], dtype="<u2").tobytes()


# ------------------------------------------------------------------------------------------------------- reading


def read_line_index(path: Path) -> LineIndex:
    """The lines of a file. GenError if it is missing, damaged, too large or of another format."""
    try:
        content = read_whole(path, LARGEST)
    except OSError as problem:
        raise GenError(f"{path} cannot be read ({problem.strerror or problem}); {BUILD}.") from problem
    head, newline, rest = content.partition(b"\n")
    try:
        told: Any = json.loads(head) if newline and len(head) <= HEAD else {}
        found = told["format"]
        if found == FORMAT:
            return _index(*_parts(told["sizes"], rest))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, lzma.LZMAError, EOFError):
        found = None
    if isinstance(found, str) and found.startswith("real lines ") and found != FORMAT:
        raise GenError(f"{path} is of the format {found[:40]!r}, and {FORMAT!r} is read; {BUILD}.")
    raise GenError(f"{path} is damaged, or no file of real lines; {BUILD}.")


def _parts(sizes: dict[str, Any], content: bytes) -> list[bytes]:
    """names, shapes, titles and the whole of verse, unpacked."""
    ends = list(accumulate([sizes["names"], sizes["shapes"], sizes["titles"], *sizes["verse"]]))
    if ends[-1] != len(content):
        raise ValueError("the sizes do not fit the file")
    packed = [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    with ThreadPoolExecutor(VERSE_PARTS) as pool:
        names, shapes, titles, *verse = pool.map(_unpacked, packed)
    return [names, shapes, titles, b"".join(verse)]


def _unpacked(packed: bytes) -> bytes:
    machine = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    found = machine.decompress(packed, UNPACKED)
    if not machine.eof:
        raise ValueError("a part is cut, or too large")
    return found


def _index(names: bytes, shapes: bytes, titles: bytes, verse: bytes) -> LineIndex:
    """The index of the four parts. ValueError if they do not fit each other."""
    told = json.loads(names)
    characters: str = told["characters"]
    authors = [(str(author), str(dynasty)) for author, dynasty, _ in told["authors"]]
    author_ends = list(accumulate(count for _, _, count in told["authors"]))
    poems = author_ends[-1] if author_ends else 0
    lengths = np.frombuffer(shapes, np.uint8)[poems:].astype(np.int64)
    poem_ends = list(accumulate(shapes[:poems]))
    codes = np.frombuffer(verse, "<u2").astype(np.uint16, copy=False)
    named = np.frombuffer(titles, "<u2").astype(np.uint16, copy=False)
    title_ends = np.flatnonzero(named == 0)
    fits = (poem_ends[-1] if poems else 0) == len(lengths) and lengths.sum() == len(codes) and len(title_ends) == poems
    is_sound = codes.all() and max(codes.max(initial=0), named.max(initial=0)) < len(characters)
    if not (fits and is_sound):
        raise ValueError("the parts do not fit each other")
    starts = np.concatenate([[0], np.cumsum(lengths)])
    first = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(characters)))])
    found_in = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[np.argsort(codes, kind="stable")]
    return LineIndex(characters, codes, starts, found_in, first, poem_ends, named, title_ends, author_ends, authors)


def write_line_index(path: Path, poems: Iterable[Poem]) -> int:
    """Write the file of these poems; its size in bytes."""
    return path.write_bytes(pack(list(poems)))
