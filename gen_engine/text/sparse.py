"""Masks of large vocabularies, stored as token lists: most masks are only ever counted."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .token_sets import Mask


class Sparse(Mask):
    """The mask of `tokens` (ascending, each once) in a vocabulary of `total`; the array is made on first access."""

    _tokens: np.ndarray
    _total: int

    def __init__(self, tokens: np.ndarray, total: int) -> None:
        object.__setattr__(self, "_tokens", tokens)
        object.__setattr__(self, "_total", total)

    @cached_property
    def array(self) -> np.ndarray:
        """The bool array, [vocab]."""
        found = np.zeros(self._total, dtype=bool)
        found[self._tokens] = True
        found.setflags(write=False)
        return found

    @cached_property
    def size(self) -> int:
        """How many tokens are in the set."""
        return len(self._tokens)

    @cached_property
    def members(self) -> list[int]:
        """The tokens in order."""
        found: list[int] = self._tokens.tolist()
        return found
