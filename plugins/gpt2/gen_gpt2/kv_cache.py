"""Preallocated key/value slots: rows of similar length share a pool, and keep their slot as long as they can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gen_engine.models.window import Window


def capacity_for(length: int) -> int:
    """The capacity of the pool for rows of `length` tokens: 32, 64, 96, 128, 192, 256, 384, 512, 768, ..."""
    if length <= 128:
        return max(-(-length // 32) * 32, 32)
    power = 1 << (length - 1).bit_length()
    return power // 4 * 3 if length <= power // 4 * 3 else power


@dataclass(eq=False)
class Row:
    """One row: all its tokens, the window that is read, and where its keys and values are."""

    tokens: list[int]
    window: Window
    pool: Pool
    slot: int


@dataclass(eq=False)
class Pool:
    """Slots for rows of at most `capacity` tokens: keys and values [layers, 2, slots, heads, capacity, width]."""

    layers: int
    heads: int
    width: int
    capacity: int
    slots: int = 0
    store: Tensor = field(default_factory=lambda: torch.empty(0))
    masks: Tensor = field(default_factory=lambda: torch.empty(0))
    offsets: Tensor = field(default_factory=lambda: torch.empty(0))
    views: dict[int, tuple[list[Tensor], list[Tensor]]] = field(default_factory=dict)
    flat: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Row i of this sliding view masks all keys but the first capacity - i, so that no mask is ever computed.
        edge = torch.zeros(2 * self.capacity)
        edge[self.capacity :] = float("-inf")
        self.masks = edge.unfold(0, self.capacity, 1)

    def grow(self, needed: int) -> None:
        """Make room for `needed` rows, doubling the slots."""
        if needed <= self.slots:
            return
        slots = max(needed, 2 * self.slots)
        # Zeros, not uninitialised memory: a masked value is multiplied by 0, and 0 times NaN is NaN.
        store = torch.zeros(self.layers, 2, slots, self.heads, self.capacity, self.width)
        if self.slots:
            store[:, :, : self.slots] = self.store
        self.store, self.slots = store, slots
        self.flat = [layer.view(-1, self.width) for layer in store.unbind(0)]
        head = torch.arange(self.heads) * self.capacity
        both = torch.arange(2) * slots * self.heads * self.capacity
        self.offsets = (both[:, None] + head[None, :]).view(1, -1)
        self.views.clear()

    def keys_values(self, used: int) -> tuple[list[Tensor], list[Tensor]]:
        """For each layer the keys [used * heads, width, capacity] and values [used * heads, capacity, width]."""
        if used not in self.views:
            stores = [layer.unbind(0) for layer in self.store[:, :, :used].unbind(0)]
            keys = [key.flatten(0, 1).transpose(1, 2) for key, _ in stores]
            self.views[used] = keys, [value.flatten(0, 1) for _, value in stores]
        return self.views[used]

    def places(self, slots: Sequence[int], positions: Sequence[int]) -> Tensor:
        """The places of tokens' keys and values in `flat`, [tokens * 2 * heads], in this order."""
        row = self.heads * self.capacity
        first = torch.tensor([slot * row + position for slot, position in zip(slots, positions, strict=True)])
        return (first[:, None] + self.offsets).view(-1)


@dataclass(eq=False)
class Slots:
    """The cache of a model: the rows of the last call, and the pools that hold them."""

    layers: int
    heads: int
    width: int
    rows: list[Row] = field(default_factory=list)
    pools: dict[int, Pool] = field(default_factory=dict)

    def pool_for(self, length: int) -> Pool:
        """The pool for rows of `length` tokens."""
        capacity = capacity_for(length)
        if capacity not in self.pools:
            self.pools[capacity] = Pool(self.layers, self.heads, self.width, capacity)
        return self.pools[capacity]


@dataclass(frozen=True, eq=False)
class Move:
    """A row of the next call: what it continues, and how many tokens' keys and values it takes over."""

    row: Row
    source: Row | None
    kept: int


def settle(slots: Slots, moves: Sequence[Move]) -> None:
    """Give each row a slot, its source's if possible, else a free one; and leave no gaps in the pools.

    The rows in `moves` have their pool set. Copies are made only for rows that cannot stay in place.
    """
    homeless: dict[Pool, list[Move]] = {}
    kept: dict[Pool, dict[int, Move]] = {}
    for move in moves:
        pool, source = move.row.pool, move.source
        stays = kept.setdefault(pool, {})
        if source is not None and source.pool is pool and source.slot not in stays:
            stays[source.slot] = move
        else:
            homeless.setdefault(pool, []).append(move)
    copies: list[tuple[Row, Move]] = []
    for pool, stays in kept.items():
        _settle_pool(pool, stays, homeless.get(pool, []), copies)
    _copy(copies)
    slots.rows = [move.row for move in moves]


def _settle_pool(pool: Pool, stays: dict[int, Move], homeless: list[Move], copies: list[tuple[Row, Move]]) -> None:
    """Place the rows of one pool in its first slots."""
    used = len(stays) + len(homeless)
    pool.grow(used)
    strays = [stays.pop(slot) for slot in sorted(stays) if slot >= used]
    for slot, move in stays.items():
        move.row.slot = slot
    free = (slot for slot in range(used) if slot not in stays)
    for move in strays + homeless:
        move.row.slot = next(free)
        if move.source is not None and move.kept:
            copies.append((move.source, move))


def _copy(copies: Sequence[tuple[Row, Move]]) -> None:
    """Copy keys and values of sources to their rows; all are read before any is written."""
    groups: dict[tuple[Pool, Pool], list[tuple[Row, Move]]] = {}
    for source, move in copies:
        groups.setdefault((source.pool, move.row.pool), []).append((source, move))
    written = []
    for (old, new), pairs in groups.items():
        length = max(move.kept for _, move in pairs)
        read = torch.tensor([source.slot for source, _ in pairs])
        write = torch.tensor([move.row.slot for _, move in pairs])
        written.append((new, write, length, old.store[:, :, :, :, :length].index_select(2, read)))
    for new, write, length, values in written:
        new.store[:, :, :, :, :length].index_copy_(2, write, values)
