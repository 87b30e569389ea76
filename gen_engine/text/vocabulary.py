"""What tokens print: surfaces, and the vocabulary's indexes over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

from ..errors import GenError
from .char_sets import Ranges, class_ranges, in_class

if TYPE_CHECKING:
    import numpy as np

    from .token_arrays import TokenArrays

LARGE = 30_000
"""Vocabularies with at least this many tokens keep slow results on disk."""


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
    `ends` are further tokens that end a text. They are never chosen themselves: `end` stands for all of them, with
    their whole probability (`decoding/ends.py`).
    """

    surfaces: tuple[bytes, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    specials: frozenset[int] = field(default=frozenset(), repr=False)
    unk: int | None = None
    end: int | None = None
    unused: frozenset[int] = field(default=frozenset(), repr=False)
    ends: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.surfaces) != len(self.names):
            raise GenError("A vocabulary needs one name for each surface; give as many names as surfaces.")
        if self.ends and (self.end is None or self.end in self.ends):
            raise GenError("Further ends stand beside an end of their own; give the first of them as the end.")

    def __len__(self) -> int:
        return len(self.surfaces)

    @property
    def every_end(self) -> tuple[int, ...]:
        """All tokens that end a text, the one that stands for them first."""
        return () if self.end is None else (self.end, *self.ends)

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
        """The tokens that a text may consist of: all but those that end it and the unused ones."""
        return tuple(self.is_usable.nonzero()[0].tolist())

    @cached_property
    def is_usable(self) -> np.ndarray:
        """The same as a bool array, [vocab]."""
        import numpy as np

        found = np.ones(len(self), dtype=bool)
        struck = (*self.unused, *self.every_end)
        found[[token for token in struck if 0 <= token < len(self)]] = False
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
        members = np.array([*(in_class(name, char) for char in self.arrays.chars), False])
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
