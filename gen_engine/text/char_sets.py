"""Classes and sets of characters."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from string import ascii_letters

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
        found = in_class(self.kind, char) if isinstance(self.kind, str) else char in self.kind
        return found is not self.inverted

    def has_beginning(self, data: bytes) -> bool:
        """Whether the UTF-8 of some character in the set begins with `data`, a valid beginning of a character."""
        return _has_beginning(self, data)

    @property
    def has_every_beginning(self) -> bool:
        """Whether `has_beginning` is obviously true for every beginning, because so few characters are missing."""
        return self.kind is None and not self.inverted and len(self.minus) < FEWEST


def in_class(kind: str, char: str) -> bool:
    """Whether `char` belongs to a class, or to one of several joined by |."""
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
