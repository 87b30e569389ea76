"""Tiny exact models: logits are a function of the last tokens, so that enumeration can check decoders."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import GenError
from ..memory import Memory, remembered
from ..text.vocabulary import Vocabulary
from ..types import Prompt

if TYPE_CHECKING:
    from torch import Tensor


SHAPES = ("normal", "ties", "holes", "extreme", "void")
"""The kinds of logits that a tiny model may give."""

REMEMBERED = 4096
"""For how many endings of texts a tiny model remembers its logits."""


@dataclass(frozen=True)
class LongestMatch:
    """A tokenizer that takes the longest surface at each position. What no surface begins is read as [UNK].

    Every prompt begins with the token `start`, if there is one. Without [UNK], `fallback` is read instead.
    """

    vocabulary: Vocabulary
    start: int | None = None
    fallback: int | None = None

    def encode(self, text: str) -> Prompt:
        """The prompt of `text`. Raises GenError for a character without a token if there is no [UNK]."""
        pieces = {piece: i for i, piece in reversed(list(enumerate(self.vocabulary.texts))) if piece}
        tokens: list[int] = [] if self.start is None else [self.start]
        spans = [(0, 0)] * len(tokens)
        unknown: dict[str, None] = {}
        place = 0
        other = self.fallback if self.vocabulary.unk is None else self.vocabulary.unk
        while place < len(text):
            found = max((piece for piece in pieces if text.startswith(piece, place)), key=len, default=None)
            if found is None and other is None:
                raise GenError(f"The tiny vocabulary has no token for {text[place]!r}; add one, or an unknown token.")
            end = place + len(found or text[place])
            tokens.append(pieces[found] if found is not None else other or 0)
            spans.append((place, end))
            unknown |= {} if found is not None else {text[place]: None}
            place = end
        return Prompt(text, tuple(tokens), tuple(spans), tuple(unknown))


def tiny_vocabulary(
    *surfaces: str | bytes,
    end: int | None = 0,
    unk: int | None = None,
    specials: Iterable[int] | None = None,
    unused: Iterable[int] = (),
    ends: Iterable[int] = (),
) -> Vocabulary:
    """A vocabulary of these surfaces, token 0 upwards. Empty ones are special, unless `specials` names others.

    `ends` are further ends beside `end`.
    """
    data = tuple(surface.encode() if isinstance(surface, str) else surface for surface in surfaces)
    names = tuple(repr(surface) for surface in surfaces)
    silent = frozenset(i for i, surface in enumerate(data) if not surface)
    special = silent if specials is None else frozenset(specials)
    return Vocabulary(data, names, special, unk, end, frozenset(unused), tuple(ends))


@dataclass
class TableModel:
    """A `LanguageModel` whose logits are a function of the last `order` tokens: given by `table`, else hashed from
    `salt`.

    `table` gives the logits after tokens; the longest ending in it counts. Hashed ones have one of the SHAPES. The
    cache keeps all tokens of the rows. `fed` counts the forward passes and `asked` the logits, so that tests can see
    what was read.
    """

    tokenizer: LongestMatch
    table: Mapping[tuple[int, ...], Sequence[float]] = field(default_factory=dict)
    order: int = 2
    salt: int = 0
    scale: float = 1.5
    shape: str = "normal"
    name: str = "table"
    dtype: str = "float32"
    positions: int | None = None
    reproducible: bool = True
    asked: int = 0
    fed: int = 0
    _known: Memory[tuple[int, ...], Tensor] = remembered(REMEMBERED)

    @property
    def rewinds(self) -> bool:
        """Logits are a function of the last tokens, whatever a row continued from."""
        return True

    @property
    def verifies(self) -> int:
        """They are so, too, however many tokens are read at once."""
        return 1 << 20

    def open(self, capacity: int) -> list[tuple[int, ...]]:
        """An empty cache: the tokens of each row."""
        del capacity
        return []

    def feed(
        self,
        cache: list[tuple[int, ...]],
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Tensor:
        """Logits [sum(last), vocab]; see `LanguageModel.feed`. Asserts what callers promise."""
        import torch

        del pinned  # it has no positions
        assert all(tokens), "every row reads at least one token"
        assert all(parent < 0 or count <= len(cache[parent]) for parent, count in zip(parents, keep, strict=True))
        rows = [
            (*(cache[parent][:count] if parent >= 0 else ()), *new)
            for parent, count, new in zip(parents, keep, tokens, strict=True)
        ]
        cache[:] = rows
        wanted = last or [1] * len(rows)
        ends = [row[: len(row) - back] for row, count in zip(rows, wanted, strict=True) for back in range(count)[::-1]]
        self.asked += len(ends)
        self.fed += 1
        return torch.stack([self.logits(end) for end in ends]) if ends else torch.empty(0, len(self._vocabulary))

    @property
    def _vocabulary(self) -> Vocabulary:
        return self.tokenizer.vocabulary

    def logits(self, history: Sequence[int]) -> Tensor:
        """The logits [vocab] after `history`."""
        import torch

        for start in range(len(history) + 1) if self.table else ():
            given = self.table.get(tuple(history[start:]))
            if given is not None:
                return torch.tensor(given, dtype=torch.float32)
        key = tuple(history[-self.order :]) if self.order else ()
        found = self._known.get(key)
        if found is None:
            digest = hashlib.blake2b(repr((self.salt, key)).encode(), digest_size=7).digest()
            noise = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
            logits = torch.randn(len(self._vocabulary), generator=noise)
            found = self._known.put(key, shaped(logits, self.shape, self.scale))
        return found


def shaped(noise: Tensor, shape: str, scale: float = 1.5) -> Tensor:
    """Noise as logits of one of the SHAPES: ordinary, with ties, with holes (-inf), huge, or nothing but -inf."""
    import torch

    match shape:
        case "ties":
            return noise.round()
        case "holes":
            return torch.where(noise > 0.3, noise, -torch.inf)
        case "extreme":
            return noise * 3e37
        case "void":
            return torch.full_like(noise, -torch.inf)
        case _:
            return noise * scale


def table_model(
    *surfaces: str | bytes, end: int | None = 0, unk: int | None = None, ends: Iterable[int] = (), **options: Any
) -> TableModel:
    """A TableModel over these surfaces. The end, if any, also begins every prompt; `ends` end texts beside it."""
    return TableModel(LongestMatch(tiny_vocabulary(*surfaces, end=end, unk=unk, ends=ends), end), **options)
