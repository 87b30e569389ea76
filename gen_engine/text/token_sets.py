"""Sets of tokens as shared masks plus or minus a few tokens, so that intersections are remembered and cheap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import TYPE_CHECKING

import numpy as np

from ..memory import Memory

if TYPE_CHECKING:
    from torch import Tensor

Ids = tuple[int, ...]

REMEMBERED = 8192
"""How many masks, and how many intersections of them, a chain remembers."""

ROOM = 1 << 28
"""The most bytes that these masks may take."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A read-only bool array [vocab]. It is equal only to itself, so that it can be the key of computed results."""

    array: np.ndarray

    def __post_init__(self) -> None:
        if not self.array.flags.c_contiguous:
            object.__setattr__(self, "array", self.array.copy())
        self.array.setflags(write=False)

    @cached_property
    def address(self) -> int:
        """Where its bytes begin in memory."""
        return self.array.ctypes.data

    @cached_property
    def bits(self) -> np.ndarray:
        """The same as bits, eight to a byte."""
        return np.packbits(self.array)

    @cached_property
    def size(self) -> int:
        """How many tokens are in the set."""
        return int(np.count_nonzero(self.array))

    @cached_property
    def members(self) -> list[int]:
        """The tokens in order."""
        found: list[int] = self.array.nonzero()[0].tolist()
        return found


@dataclass(eq=False, slots=True)
class TokenSet:
    """The tokens of `mask`, less `minus`, and `plus`; no token is in both.

    A lazy `minus` (`histories.Banned`) may name tokens outside the mask, and has a `bound` on their number.
    Treat a set as immutable. It is not frozen because one is made for each row of each step; that halves the time.
    """

    mask: Mask
    minus: Sequence[int] = ()
    plus: Ids = ()

    @property
    def removed_at_most(self) -> int:
        """A bound on how many tokens of the mask are removed."""
        bound: int = getattr(self.minus, "bound", -1)
        return bound if bound >= 0 else len(self.minus)

    @property
    def size(self) -> int:
        """How many tokens are in the set."""
        return self.mask.size - len({token for token in self.minus if self.mask.array[token]}) + len(self.plus)

    def is_at_most(self, count: int) -> bool:
        """Whether the set has at most `count` tokens."""
        return self.mask.size - self.removed_at_most + len(self.plus) <= count and self.size <= count

    def __contains__(self, token: int) -> bool:
        if token in self.minus:
            return False
        return token in self.plus or bool(self.mask.array[token])

    def to_array(self) -> np.ndarray:
        """The set as a bool array of its own, [vocab]."""
        if self.removed_at_most == 0 and not self.plus:
            return self.mask.array
        array = self.mask.array.copy()
        array[list(self.minus)] = False
        array[list(self.plus)] = True
        return array

    def members(self) -> list[int]:
        """The tokens in order."""
        found: list[int] = self.to_array().nonzero()[0].tolist()
        return found

    def without(self, tokens: Collection[int]) -> TokenSet:
        """The set less some tokens."""
        out = frozenset(tokens)
        minus = out.difference(self.minus, self.plus)
        return TokenSet(
            self.mask,
            (*self.minus, *(token for token in minus if self.mask.array[token])),
            tuple(token for token in self.plus if token not in out),
        )

    def is_empty(self) -> bool:
        """Whether no token is in the set."""
        return not self.plus and self.mask.size <= self.removed_at_most and not self.to_array().any()

    def only(self) -> int | None:
        """The set's only member; None if it has none or several."""
        bound = getattr(self.minus, "bound", None)  # `removed_at_most` inlined: this runs for each row of each step
        if self.mask.size - (len(self.minus) if bound is None else bound) + len(self.plus) > 1:
            return None
        free: list[int] = self.minus.surely_left(self.mask) if hasattr(self.minus, "surely_left") else []
        if len(free) > 1:
            return None
        if self.mask.size == len(free) == 1 and not self.plus:
            return free[0]
        members = self.to_array().nonzero()[0]
        return int(members[0]) if len(members) == 1 else None


BARRED = 128
"""How many masks are remembered as addends for logits, which take four times the space."""


@lru_cache(BARRED)
def _bars(mask: Mask) -> np.ndarray:
    """Addends that make a logit -inf outside `mask` and keep every bit of it inside (-0.0), float32 [vocab]."""
    return np.where(mask.array, np.float32(-0.0), np.float32(-np.inf))


@dataclass(frozen=True, eq=False)
class Blocked:
    """The blocked tokens of some rows over `size` tokens: all that are not in the row's set in `allowed`."""

    allowed: Sequence[TokenSet]
    size: int

    @cached_property
    def tensor(self) -> Tensor:
        """True where a token may not follow, [rows, size]."""
        import torch

        found = np.empty((len(self.allowed), self.size), dtype=bool)
        for row, tokens in zip(found, self.allowed, strict=True):
            np.logical_not(tokens.mask.array, out=row)
        flat = found.reshape(-1)
        flat[self.minus], flat[self.plus] = True, False
        return torch.from_numpy(found)

    def bar(self, logits: Tensor) -> Tensor:
        """A copy of `logits` [rows, size] with -inf where a token may not follow; bit-equal to a `masked_fill`."""
        import torch

        if logits.dtype != torch.float32 or logits.device.type != "cpu" or logits.requires_grad:
            return logits.masked_fill(self.tensor.to(logits.device), -torch.inf)
        logits = logits.contiguous()
        found = torch.empty_like(logits)
        given, barred = logits.numpy(), found.numpy()
        with np.errstate(invalid="ignore"):
            for before, after, tokens in zip(given, barred, self.allowed, strict=True):
                np.add(before, _bars(tokens.mask), out=after)
        flat = barred.reshape(-1)
        flat[self.minus] = -np.inf
        if len(self.plus):
            flat[self.plus] = given.reshape(-1)[self.plus]
        if np.isnan(barred.max(axis=-1)).any():  # a NaN logit, or inf - inf
            return logits.masked_fill(self.tensor, -torch.inf)
        return found

    @cached_property
    def minus(self) -> np.ndarray:
        """The indices in the flattened rows of the tokens that are taken from the masks."""
        return self._places([tokens.minus for tokens in self.allowed])

    @cached_property
    def plus(self) -> np.ndarray:
        """The indices in the flattened rows of the tokens that are added to the masks."""
        return self._places([tokens.plus for tokens in self.allowed])

    def _places(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """The flat indices of the tokens of all rows, perhaps with duplicates.

        Lazy sets that are not evaluated yet are evaluated together, for all rows of the same rules at once.
        """
        lazy: dict[int, list[int]] = {}
        known: list[int] = []
        for row, own in enumerate(ids):
            if type(own) is not tuple and getattr(own, "is_open", False):
                lazy.setdefault(id(own.rules), []).append(row)  # type: ignore[attr-defined]
            elif len(own):
                known += [row * self.size + token for token in own]
        found = [ids[rows[0]].rules.places([ids[row] for row in rows], rows, self.size) for rows in lazy.values()]  # type: ignore[attr-defined]
        if len(found) == 1 and not known:
            only: np.ndarray = found[0]
            return only
        return np.concatenate([np.array(known, dtype=np.int64), *found])


def token_set(array: np.ndarray) -> TokenSet:
    """A set from a bool array [vocab], which becomes read-only."""
    return TokenSet(Mask(np.asarray(array, dtype=bool)))


def marked(tokens: Iterable[int], size: int) -> np.ndarray:
    """True for these tokens, [size]."""
    array = np.zeros(size, dtype=bool)
    array[list(tokens)] = True
    return array


class Intern:
    """Remembers, for one chain, intersections of masks and the masks of equal arrays."""

    def __init__(self) -> None:
        self._meets: Memory[tuple[Mask, Mask], Mask] = Memory(REMEMBERED)
        self._arrays: Memory[bytes, Mask] = Memory(REMEMBERED)

    def mask(self, array: np.ndarray) -> Mask:
        """The one mask for all arrays equal to `array`."""
        return self._packed(np.packbits(array), len(array))

    def _packed(self, bits: np.ndarray, size: int) -> Mask:
        """The one mask of `size` tokens for the bits of an array."""
        key = bits.tobytes()
        found = self._arrays.get(key)
        if found is None:
            self._arrays.size = self._meets.size = max(1, min(REMEMBERED, ROOM // (size + 1)))
            found = self._arrays.put(key, Mask(np.unpackbits(bits, count=size).view(bool)))
        return found

    def adopt(self, allowed: TokenSet | np.ndarray) -> TokenSet:
        """A token set from whatever a constraint's `allowed` returned."""
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
        """The intersection of one or more masks."""
        return reduce(self.meet_two, masks)

    def meet_two(self, one: Mask, other: Mask) -> Mask:
        """The intersection of two masks, the same object for the same two."""
        if one is other:
            return one
        found = self._meets.get((one, other))
        if found is None:
            found = self._meets.put((one, other), self._packed(one.bits & other.bits, len(one.array)))
        return found
