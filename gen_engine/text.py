"""What tokens print: surfaces, the vocabulary's indexes over them, and classes of characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

from .errors import GenError

if TYPE_CHECKING:
    import numpy as np

HAN_RANGES = (
    (0x3007, 0x3007),  # 〇 is written as a character in verse
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FA1F),
    (0x30000, 0x323AF),
)


def is_han(char: str) -> bool:
    """Whether `char` is a Chinese character (CJK ideographs with all extensions, and 〇)."""
    code = ord(char)
    return any(low <= code <= high for low, high in HAN_RANGES)


@cache
def is_punctuation(char: str) -> bool:
    """Whether `char` is punctuation or a symbol in Unicode's general categories P* and S*."""
    return unicodedata.category(char)[0] in "PS"


CLASSES: dict[str, Callable[[str], bool]] = {
    "han": is_han,
    "punctuation": is_punctuation,
    "digit": str.isdigit,
    "latin": lambda char: char.isascii() and char.isalpha(),
    "letter": str.isalpha,
    "space": str.isspace,
}
"""Classes of characters by the names that `ban`, `only` and `exempt` understand."""


@dataclass(frozen=True)
class CharSet:
    """A set of characters: those of `kind` (None: every character), less `minus`, and `plus`.

    `kind` is compared by identity of its name, so that vocabularies remember the mask of each kind once.
    """

    kind: str | frozenset[str] | None = None
    inverted: bool = False
    minus: frozenset[str] = frozenset()
    plus: frozenset[str] = frozenset()

    def __contains__(self, char: str) -> bool:
        return char in self.plus or (char not in self.minus and self.in_base(char))

    def in_base(self, char: str) -> bool:
        """Whether `char` is of the set's kind, `minus` and `plus` aside."""
        if self.kind is None:
            return not self.inverted
        found = CLASSES[self.kind](char) if isinstance(self.kind, str) else char in self.kind
        return found is not self.inverted

    def has_beginning(self, data: bytes) -> bool:
        """Whether the UTF-8 of a character in the set begins with `data`, the valid beginning of one."""
        codes = codes_beginning(data)
        if any(ord(char) in codes for char in self.plus):
            return True
        return _base_has_beginning(self.kind, self.inverted, data) and any(chr(code) in self for code in codes)


@cache
def _base_has_beginning(kind: str | frozenset[str] | None, inverted: bool, data: bytes) -> bool:
    base = CharSet(kind, inverted)
    return not inverted if kind is None else any(base.in_base(chr(code)) for code in codes_beginning(data))


@cache
def codes_beginning(data: bytes) -> range:
    """The code points of the characters whose UTF-8 begins with `data`, the valid beginning of one."""
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
    """A predicate for characters that belong to one of the named classes or stand in one of the items."""
    items = tuple(items)
    tests = [CLASSES[item] for item in items if item in CLASSES]
    chars = frozenset(
        char for item in items if item not in CLASSES and not (whole_strings and len(item) > 1) for char in item
    )
    return lambda char: char in chars or any(test(char) for test in tests)


def in_a_row(words: Sequence[str], last: str = "or") -> str:
    """Words as a sentence lists them: `a, b or c`."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def split_utf8(data: bytes) -> tuple[str, bytes] | None:
    """The complete characters in front of `data` and the valid beginning of one more; None if it is not UTF-8."""
    try:
        return data.decode("utf-8"), b""
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None
        return data[: error.start].decode("utf-8"), data[error.start :]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What each logit column prints.

    `surfaces[i]` are the bytes that token i adds to the text (none for special tokens), `names[i]` is how the
    tokenizer spells it; `specials` print nothing, `unk` stands for characters the model does not know, `end` ends a
    text, `unused` are columns that are never generated (twins of single characters, padding of the logits).
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
        decoded = (split_utf8(surface) for surface in self.surfaces)
        return tuple(split[0] if split is not None and not split[1] else None for split in decoded)

    @cached_property
    def usable(self) -> tuple[int, ...]:
        """The tokens a text may be made of: all but the end and the unused ones."""
        return tuple(i for i in range(len(self)) if i not in self.unused and i != self.end)

    @cached_property
    def singles(self) -> dict[str, tuple[int, ...]]:
        """For each character the tokens that print just it."""
        return _index((text, i) for i, text in enumerate(self.texts) if text is not None and len(text) == 1)

    @cached_property
    def carriers(self) -> dict[str, tuple[int, ...]]:
        """For each character the tokens that print it, alone or among others."""
        return _index((char, i) for i, text in enumerate(self.texts) if text for char in dict.fromkeys(text))

    @cached_property
    def merged(self) -> tuple[int, ...]:
        """The usable tokens that print several characters."""
        return tuple(i for i in self.usable if len(self.texts[i] or "") > 1)

    @cached_property
    def partial(self) -> tuple[int, ...]:
        """The usable tokens that print parts of characters."""
        return tuple(i for i in self.usable if self.texts[i] is None)

    @cached_property
    def silent(self) -> tuple[int, ...]:
        """The usable tokens that print nothing."""
        return tuple(i for i in self.usable if not self.surfaces[i])

    @cached_property
    def longest(self) -> int:
        """How many characters one token prints at most."""
        return max((len(text) for text in self.texts if text), default=1)

    @cached_property
    def widest(self) -> int:
        """How many tokens print one character at most."""
        return max((len(tokens) for tokens in self.singles.values()), default=1)

    @cached_property
    def codes(self) -> np.ndarray:
        """The code point of the one character that each token prints, -1 where it prints none or several, [vocab]."""
        import numpy as np

        return np.array([ord(text) if text is not None and len(text) == 1 else -1 for text in self.texts])

    @cached_property
    def in_class(self) -> Callable[[str], np.ndarray]:
        """For a class of characters the tokens that print one of them, [vocab]; remembered."""
        return cache(self._find_class)

    def _find_class(self, name: str) -> np.ndarray:
        import numpy as np

        codes = self.codes
        if name == "han":
            found = np.zeros(len(codes), dtype=bool)
            for low, high in HAN_RANGES:
                found |= (codes >= low) & (codes <= high)
            return found
        return np.array([code >= 0 and CLASSES[name](chr(code)) for code in codes.tolist()], dtype=bool)

    @cached_property
    def tokens_per_char(self) -> int:
        """How many tokens one character may need at most."""
        return 4 if self.partial else 1

    def text_of(self, tokens: Iterable[int]) -> str:
        """The text that `tokens` print; unfinished characters are shown as U+FFFD."""
        return b"".join(self.surfaces[token] for token in tokens).decode("utf-8", errors="replace")


def _index(pairs: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for char, token in pairs:
        found.setdefault(char, []).append(token)
    return {char: tuple(tokens) for char, tokens in found.items()}
