"""Sets of tokens as shared masks plus or minus a few, so that intersections are remembered and cost next to nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Ids = tuple[int, ...]

REMEMBERED = 4096
"""How many masks and intersections of them a chain remembers."""

ROOM = 1 << 28
"""And how many bytes of them at most."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A read-only bool array [vocab]; equal only to itself, so that it can be the key of what was worked out once."""

    array: np.ndarray

    def __post_init__(self) -> None:
        self.array.setflags(write=False)

    @cached_property
    def tensor(self) -> Tensor:
        """The same mask for torch, True where a token is NOT in the set, [vocab]."""
        import torch

        return torch.from_numpy(~self.array)

    @cached_property
    def bits(self) -> np.ndarray:
        """The same as bits, eight to a byte."""
        return np.packbits(self.array)

    @cached_property
    def size(self) -> int:
        """How many tokens are in the set."""
        return int(np.count_nonzero(self.array))


@dataclass(frozen=True, eq=False)
class TokenSet:
    """The tokens of `mask`, less `minus`, and `plus`; no token stands in both."""

    mask: Mask
    minus: Ids = ()
    plus: Ids = ()

    def __contains__(self, token: int) -> bool:
        if token in self.minus:
            return False
        return token in self.plus or bool(self.mask.array[token])

    def to_array(self) -> np.ndarray:
        """The set as a bool array of its own, [vocab]."""
        if not self.minus and not self.plus:
            return self.mask.array
        array = self.mask.array.copy()
        array[list(self.minus)] = False
        array[list(self.plus)] = True
        return array

    def without(self, tokens: Collection[int]) -> TokenSet:
        """The same set less some tokens."""
        out = frozenset(tokens)
        minus = out.difference(self.minus, self.plus)
        return TokenSet(
            self.mask,
            (*self.minus, *(token for token in minus if self.mask.array[token])),
            tuple(token for token in self.plus if token not in out),
        )

    def is_empty(self) -> bool:
        """Whether no token is in the set."""
        return not self.plus and self.mask.size <= len(self.minus) and not self.to_array().any()

    def only(self) -> int | None:
        """The set's one member, None if it has none or several."""
        if self.mask.size - len(self.minus) + len(self.plus) > 1:
            return None
        members = self.to_array().nonzero()[0]
        return int(members[0]) if len(members) == 1 else None


def token_set(array: np.ndarray) -> TokenSet:
    """A set out of a bool array [vocab], which is made read-only."""
    return TokenSet(Mask(np.asarray(array, dtype=bool)))


def marked(tokens: Iterable[int], size: int) -> np.ndarray:
    """True for these tokens, [size]."""
    array = np.zeros(size, dtype=bool)
    array[list(tokens)] = True
    return array


class Intern:
    """Remembers intersections of masks and the masks of equal arrays, for one chain."""

    def __init__(self) -> None:
        self._meets: dict[tuple[int, ...], tuple[Mask, Sequence[Mask]]] = {}
        self._arrays: dict[bytes, Mask] = {}

    def mask(self, array: np.ndarray) -> Mask:
        """The one mask for all arrays equal to `array`."""
        return self._packed(np.packbits(array), len(array))

    def _packed(self, bits: np.ndarray, size: int) -> Mask:
        """The one mask of `size` tokens for the bits of an array."""
        key = bits.tobytes()
        found = self._arrays.get(key)
        if found is None:
            if len(self._arrays) > min(REMEMBERED, ROOM // (size + 1)):
                self._arrays.clear()
            found = self._arrays[key] = Mask(np.unpackbits(bits, count=size).view(bool))
        return found

    def adopt(self, allowed: TokenSet | np.ndarray) -> TokenSet:
        """A token set out of whatever a constraint's author returned."""
        return allowed if isinstance(allowed, TokenSet) else TokenSet(self.mask(np.asarray(allowed, dtype=bool)))

    def meet(self, sets: Iterable[TokenSet]) -> TokenSet:
        """The intersection of one or more sets."""
        sets = tuple(sets)
        if len(sets) == 1:
            return sets[0]
        mask = self.meet_masks([part.mask for part in sets])
        if not any(part.plus for part in sets):
            minuses = [part.minus for part in sets if part.minus]
            return TokenSet(mask, minuses[0] if len(minuses) == 1 else tuple({t for minus in minuses for t in minus}))
        odd = {token for part in sets for token in (*part.minus, *part.plus)}
        inside = {token for token in odd if all(token in part for part in sets)}
        minus = tuple(token for token in odd if token not in inside and mask.array[token])
        return TokenSet(mask, minus, tuple(token for token in inside if not mask.array[token]))

    def meet_masks(self, masks: Sequence[Mask]) -> Mask:
        """The intersection of masks, the same object for the same masks."""
        if len(masks) == 1:
            return masks[0]
        key = tuple(sorted({id(mask) for mask in masks}))
        found = self._meets.get(key)
        if found is None:
            # The masks are kept beside the result: an id is only unique while its object lives.
            both = reduce(np.bitwise_and, [mask.bits for mask in masks])
            found = (self._packed(both, len(masks[0].array)), tuple(masks))
            if len(self._meets) > min(REMEMBERED, ROOM // (1 + len(masks[0].array))):
                self._meets.clear()
            self._meets[key] = found
        return found[0]
