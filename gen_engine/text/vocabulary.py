"""What tokens print: surfaces, the vocabulary's indexes over them, and classes of characters."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from hashlib import blake2b
from string import ascii_letters
from typing import TYPE_CHECKING

from ..errors import GenError

if TYPE_CHECKING:
    import numpy as np

    from .token_arrays import TokenArrays

HAN_RANGES = (
    (0x3007, 0x3007),  # 〇 is used as a character in verse
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FA1F),
    (0x30000, 0x323AF),
)
HAN_STARTS = [low for low, _ in HAN_RANGES]


def is_han(char: str) -> bool:
    """Whether `char` is a Chinese character (CJK ideographs with all extensions, and 〇)."""
    code = ord(char)
    place = bisect_right(HAN_STARTS, code) - 1
    return place >= 0 and code <= HAN_RANGES[place][1]


@cache  # at most one for each character
def is_punctuation(char: str) -> bool:
    """Whether `char` is punctuation or a symbol in Unicode's general categories P* and S*."""
    return unicodedata.category(char)[0] in "PS"


CLASSES: dict[str, Callable[[str], bool]] = {
    "han": is_han,
    "punctuation": is_punctuation,
    "digit": str.isdigit,
    "latin": frozenset(ascii_letters).__contains__,
    "letter": str.isalpha,
    "space": str.isspace,
}
"""Classes of characters by the names that `ban`, `only` and `exempt` understand."""


LARGE = 30_000
"""Vocabularies with at least this many tokens keep slow results on disk."""

ASSIGNED = (range(0x40000), range(0xE0000, 0xE1000))
"""The code points that any class may hold; the other planes hold only unassigned or private-use code points."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """Characters as sorted ranges of code points, each from `starts[i]` up to but without `ends[i]`."""

    starts: Sequence[int] = field(repr=False)
    ends: Sequence[int] = field(repr=False)

    def __contains__(self, char: str) -> bool:
        code = ord(char)
        place = bisect_right(self.starts, code) - 1
        return place >= 0 and code < self.ends[place]

    def count(self, codes: range) -> int:
        """How many characters with these code points are in the set."""
        first, last = bisect_right(self.ends, codes.start), bisect_left(self.starts, codes.stop)
        pairs = zip(self.starts[first:last], self.ends[first:last], strict=True)
        return sum(min(end, codes.stop) - max(start, codes.start) for start, end in pairs)


@lru_cache(64)  # classes of characters, single or joined
def class_ranges(kind: str) -> Ranges:
    """The characters of one or several classes; | joins the names of several."""
    starts: list[int] = []
    ends: list[int] = []
    for codes in ASSIGNED:
        flags = 0
        for name in kind.split("|"):
            flags |= int.from_bytes(_flags(name, codes), "little")  # integers, since one operation joins all flags
        data = flags.to_bytes(len(codes) + 1, "little")
        end = 0
        while (start := data.find(1, end)) >= 0:
            end = data.find(0, start)
            starts.append(codes.start + start)
            ends.append(codes.start + end)
    return Ranges(starts, ends)


@cache  # at most one for each class and plane
def _flags(name: str, codes: range) -> bytes:
    """One byte for each code point: whether its character is in the class. A Python loop would be too slow here."""
    if name == "han":
        flags = bytearray(len(codes))
        for low, high in HAN_RANGES:
            if low in codes:
                flags[low - codes.start : high + 1 - codes.start] = bytes([1]) * (high + 1 - low)
        return bytes(flags)
    chars = map(chr, codes)
    if name != "punctuation":
        return bytes(map(CLASSES[name], chars))
    categories = list(map(unicodedata.category, chars))
    return bytes(map({category: category[0] in "PS" for category in set(categories)}.__getitem__, categories))


FEWEST = 64
"""Any valid UTF-8 beginning of a character begins at least this many characters."""


@dataclass(frozen=True)
class CharSet:
    """A set of characters: those of `kind` (None: every character), less `minus`, and `plus`.

    `inverted` takes the characters that are not of the kind.
    `kind` is the name of a class, several names joined by |, or the characters themselves. Kinds are compared by
    identity, so that vocabularies remember the mask of each kind once.
    """

    kind: str | frozenset[str] | Ranges | None = None
    inverted: bool = False
    minus: frozenset[str] = frozenset()
    plus: frozenset[str] = frozenset()

    def __contains__(self, char: str) -> bool:
        return char in self.plus or (char not in self.minus and self.in_base(char))

    def in_base(self, char: str) -> bool:
        """Whether `char` is in the set before `minus` and `plus` apply."""
        if self.kind is None:
            return not self.inverted
        found = _in_class(self.kind, char) if isinstance(self.kind, str) else char in self.kind
        return found is not self.inverted

    def has_beginning(self, data: bytes) -> bool:
        """Whether the UTF-8 of some character in the set begins with `data`, a valid beginning of a character."""
        return _has_beginning(self, data)

    @property
    def has_every_beginning(self) -> bool:
        """Whether `has_beginning` is obviously true for every beginning, because so few characters are missing."""
        return self.kind is None and not self.inverted and len(self.minus) < FEWEST


def _in_class(kind: str, char: str) -> bool:
    return CLASSES[kind](char) if kind in CLASSES else any(CLASSES[name](char) for name in kind.split("|"))


@lru_cache(4096)
def _has_beginning(chars: CharSet, data: bytes) -> bool:
    codes = codes_beginning(data)
    if chars.plus and _within(chars.plus, codes):
        return True
    gone = sum(map(chars.in_base, map(chr, _within(chars.minus, codes)))) if chars.minus else 0
    return _count(chars.kind, chars.inverted, codes) > gone


@lru_cache(256)
def _sorted_codes(chars: frozenset[str]) -> list[int]:
    return sorted(map(ord, chars))


def _within(chars: frozenset[str], codes: range) -> Sequence[int]:
    """The code points of those `chars` that lie in `codes`."""
    if len(chars) <= FEWEST:
        return [ord(char) for char in chars if ord(char) in codes]
    found = _sorted_codes(chars)
    return found[bisect_left(found, codes.start) : bisect_left(found, codes.stop)]


def _count(kind: str | frozenset[str] | Ranges | None, inverted: bool, codes: range) -> int:
    """How many characters with these code points are of a kind."""
    if kind is None:
        count = len(codes)
    elif isinstance(kind, frozenset):
        count = len(_within(kind, codes))
    else:
        count = (class_ranges(kind) if isinstance(kind, str) else kind).count(codes)
    return len(codes) - count if inverted else count


@cache  # at most one for each beginning of a character in UTF-8
def codes_beginning(data: bytes) -> range:
    """The code points of all characters whose UTF-8 begins with `data`, a valid beginning of a character."""
    length = 2 + (data[0] >= 0xE0) + (data[0] >= 0xF0)
    code = data[0] & (0x7F >> length)
    for byte in data[1:]:
        code = code << 6 | byte & 0x3F
    missing = 6 * (length - len(data))
    low, high = max(code << missing, (0x80, 0x800, 0x10000)[length - 2]), min(code + 1 << missing, 0x110000)
    return range(low, min(high, 0xD800) if low < 0xD800 else high)  # half a surrogate pair is no character


EVERY_CHAR = CharSet()
NO_CHAR = CharSet(inverted=True)


def char_test(items: Iterable[str], *, whole_strings: bool = False) -> Callable[[str], bool]:
    """A predicate: whether a character belongs to one of the named classes or occurs in one of the items."""
    items = tuple(items)
    tests = [CLASSES[item] for item in items if item in CLASSES]
    chars = frozenset(
        char for item in items if item not in CLASSES and not (whole_strings and len(item) > 1) for char in item
    )
    return lambda char: char in chars or any(test(char) for test in tests)


def in_a_row(words: Sequence[str], last: str = "or") -> str:
    """Words listed as in a sentence: `a, b or c`."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def split_utf8(data: bytes) -> tuple[str, bytes] | None:
    """The complete characters at the start of `data`, and the valid beginning of one more; None if it is not UTF-8."""
    try:
        return data.decode("utf-8"), b""
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None
        return data[: error.start].decode("utf-8"), data[error.start :]


def _whole(surface: bytes) -> str | None:
    try:
        return surface.decode("utf-8")
    except UnicodeDecodeError:
        return None


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What each logit column prints.

    `surfaces[i]` are the bytes that token i adds to the text; special tokens add none. `names[i]` is how the tokenizer
    spells it. `specials` print nothing, `unk` stands for characters that the model does not know, `end` ends a text.
    `unused` columns are never generated (twins of single characters, padding of the logits).
    """

    surfaces: tuple[bytes, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    specials: frozenset[int] = field(default=frozenset(), repr=False)
    unk: int | None = None
    end: int | None = None
    unused: frozenset[int] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        if len(self.surfaces) != len(self.names):
            raise GenError("A vocabulary needs one name for each surface; give as many names as surfaces.")

    def __len__(self) -> int:
        return len(self.surfaces)

    @cached_property
    def texts(self) -> tuple[str | None, ...]:
        """Each surface as text, None where it is not whole characters by itself."""
        return tuple(map(_whole, self.surfaces))

    def text_at(self, token: int) -> str | None:
        """The surface of one token as text, without computing all of them."""
        return _whole(self.surfaces[token])

    @cached_property
    def arrays(self) -> TokenArrays:
        """What the tokens print, as arrays; those of large vocabularies are kept in the cache folder."""
        from .array_files import kept
        from .token_arrays import NAMES, from_mapping, make_arrays

        if len(self) < LARGE:
            return make_arrays(self.texts)
        return from_mapping(kept("tokens", self._key, lambda: make_arrays(self.texts).as_mapping(), names=NAMES))

    @cached_property
    def _key(self) -> str:
        """A hash of what all tokens print."""
        import numpy as np

        lengths = np.fromiter(map(len, self.surfaces), dtype="<u4", count=len(self))
        return blake2b(b"".join(self.surfaces) + lengths.tobytes(), digest_size=20).hexdigest()

    @cached_property
    def usable(self) -> tuple[int, ...]:
        """The tokens that a text may consist of: all but the end token and the unused ones."""
        return tuple(self.is_usable.nonzero()[0].tolist())

    @cached_property
    def is_usable(self) -> np.ndarray:
        """The same as a bool array, [vocab]."""
        import numpy as np

        found = np.ones(len(self), dtype=bool)
        found[[token for token in (*self.unused, self.end) if token is not None and 0 <= token < len(self)]] = False
        return found

    def _which(self, found: np.ndarray) -> tuple[int, ...]:
        """The usable tokens among those marked in `found` [vocab]."""
        return tuple((found & self.is_usable).nonzero()[0].tolist())

    @cached_property
    def singles(self) -> dict[str, tuple[int, ...]]:
        """For each character, the tokens that print only it."""
        arrays = self.arrays
        tokens, starts = arrays.spans
        counts = starts[1:] - starts[:-1]
        own = counts.nonzero()[0]
        spans = list(zip(tokens[starts[own]].tolist()))  # nearly all characters have one token
        for place in (counts[own] > 1).nonzero()[0].tolist():
            first, last = starts[own[place]], starts[own[place] + 1]
            spans[place] = tuple(tokens[first:last].tolist())
        chars = arrays.chars
        return dict(zip(map(chars.__getitem__, own.tolist()), spans, strict=True))

    @cached_property
    def carriers(self) -> dict[str, tuple[int, ...]]:
        """For each character, the tokens that print it, alone or among others."""
        arrays = self.arrays
        tokens, starts = arrays.carriers.tolist(), arrays.starts.tolist()
        return {char: tuple(tokens[starts[i] : starts[i + 1]]) for i, char in enumerate(arrays.chars)}

    @cached_property
    def merged(self) -> tuple[int, ...]:
        """The usable tokens that print several characters."""
        return self._which(self.arrays.lengths > 1)

    @cached_property
    def has_merged(self) -> bool:
        """Whether a usable token prints several characters."""
        return bool((self.is_usable & (self.arrays.lengths > 1)).any())

    @cached_property
    def partial(self) -> tuple[int, ...]:
        """The usable tokens that print parts of characters."""
        return self._which(self.arrays.lengths < 0)

    @cached_property
    def silent(self) -> tuple[int, ...]:
        """The usable tokens that print nothing."""
        return self._which(self.arrays.lengths == 0)

    @cached_property
    def longest(self) -> int:
        """The largest number of characters that one token prints."""
        return max(1, int(self.arrays.lengths.max(initial=1)))

    @cached_property
    def widest(self) -> int:
        """The largest number of tokens that print the same single character."""
        import numpy as np

        found = self.arrays.single
        return int(np.bincount(found[found >= 0]).max(initial=0)) or 1

    @cached_property
    def codes(self) -> np.ndarray:
        """The code point of the one character that each token prints, -1 where it prints none or several, [vocab]."""
        import numpy as np

        found = self.arrays.single
        return np.where(found < 0, -1, np.append(self.arrays.codes, 0).astype(np.int64)[found])

    @cached_property
    def in_class(self) -> Callable[[str], np.ndarray]:
        """For a class of characters, or several joined by |, the tokens that print one of them, [vocab]; remembered."""
        return cache(self._find_class)

    def _find_class(self, name: str) -> np.ndarray:
        import numpy as np

        if name == "han":
            return self.in_ranges(class_ranges(name))
        members = np.array([*(_in_class(name, char) for char in self.arrays.chars), False])
        found: np.ndarray = members[self.arrays.single]
        return found

    def in_ranges(self, ranges: Ranges) -> np.ndarray:
        """The tokens that print one character in these ranges, [vocab]."""
        import numpy as np

        if not ranges.starts:
            return np.zeros(len(self), dtype=bool)
        places = np.searchsorted(np.asarray(ranges.starts), self.codes, side="right") - 1
        found: np.ndarray = (places >= 0) & (self.codes < np.asarray(ranges.ends)[places])
        return found

    @cached_property
    def tokens_per_char(self) -> int:
        """The largest number of tokens that one character may need."""
        return 4 if self.partial else 1

    def text_of(self, tokens: Iterable[int]) -> str:
        """The text that `tokens` print; unfinished characters are shown as U+FFFD."""
        return b"".join(self.surfaces[token] for token in tokens).decode("utf-8", errors="replace")
