"""Texts as windows of token ids, concatenated in one tensor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """Token ids of all windows, concatenated, and where each begins (one more entry: the end)."""

    ids: Tensor  # [tokens] int32
    starts: list[int]
    dropped: int = 0  # texts left out since they are too long
    given: Sequence[int] = ()  # tokens that each window begins with and that are read, not learnt; none: unsaid

    @property
    def lengths(self) -> list[int]:
        """Tokens in each window."""
        return [end - start for start, end in zip(self.starts, self.starts[1:], strict=False)]

    @property
    def digest(self) -> str:
        """A short fingerprint of all ids and of where they are cut."""
        bounds = ",".join(map(str, (*self.starts, *self.given))).encode()
        return hashlib.sha256(self.ids.numpy().tobytes() + bounds).hexdigest()[:16]
