"""Attention over slots, in fp32, so that a row's result does not depend on the other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gen_engine.models.kernels import multiply
from gen_gpt2.kv_cache import Pool, Row

Attend = Callable[[Tensor, int, float], Tensor]
"""`(queries and keys and values [tokens, 3 * size], layer, scale) -> attended [tokens, size]`, both fp32."""

FEW = 8
"""Rows with at most this many new tokens attend together, one token after the other; longer ones attend alone."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A row and its new tokens: `count` tokens from `first` on in the call, at positions from `past` on."""

    row: Row
    first: int
    count: int
    past: int


def plan_attention(readings: Sequence[Reading], heads: int, width: int) -> Attend:
    """How the rows of one call attend. Readings are ordered by pool and slot, and those of a pool fill its first
    slots."""
    pools: dict[Pool, list[Reading]] = {}
    for reading in readings:
        pools.setdefault(reading.row.pool, []).append(reading)
    writes = [
        (pool, part[0].first, part[-1].first + part[-1].count, _places(pool, part)) for pool, part in pools.items()
    ]
    if len(pools) == 1 and all(reading.count == 1 for reading in readings):
        pool, _, end, places = writes[0]
        return _plan_step(pool, end, places, _masks(pool, readings, 0), heads, width)
    jobs: list[Callable[[Tensor, Tensor, int, float], None]] = []
    for pool, part in pools.items():
        short = [reading for reading in part if reading.count <= FEW]
        jobs += [
            _plan_round(pool, part, back, heads, width) for back in range(max((r.count for r in short), default=0))
        ]
        jobs += [_plan_alone(reading, heads, width) for reading in part if reading.count > FEW]
    size = heads * width

    def attend(read: Tensor, layer: int, scale: float) -> Tensor:
        queries = read[:, :size].float()
        for pool, first, end, places in writes:
            pool.flat[layer].index_copy_(0, places, read[first:end, size:].float().reshape(-1, width))
        attended = torch.empty(len(read), size)
        for job in jobs:
            job(queries, attended, layer, scale)
        return attended

    return attend


def _places(pool: Pool, part: Sequence[Reading]) -> Tensor:
    slots = [reading.row.slot for reading in part for _ in range(reading.count)]
    positions = [reading.past + i for reading in part for i in range(reading.count)]
    return pool.places(slots, positions)


def _masks(pool: Pool, part: Sequence[Reading], back: int) -> list[Tensor]:
    """The mask of the token `back` before each row's last: 0 at keys that it sees, else -inf [rows * heads, 1,
    capacity]."""
    hidden = [pool.capacity - max(reading.past + reading.count - back, 1) for reading in part]
    if len(hidden) == 1:
        return [pool.masks[hidden[0]].expand(pool.heads, 1, -1)]
    masks = pool.masks.index_select(0, torch.tensor(hidden))
    return [masks[:, None, None].expand(-1, pool.heads, 1, -1).reshape(len(part) * pool.heads, 1, -1)]


def _plan_step(pool: Pool, rows: int, places: Tensor, masks: list[Tensor], heads: int, width: int) -> Attend:
    """The common case of one new token per row in one pool, with the fewest operations."""
    keys, values = pool.keys_values(rows)
    flat, mask, size = pool.flat, masks[0], heads * width

    def attend(read: Tensor, layer: int, scale: float) -> Tensor:
        queries = read[:, :size].float().reshape(-1, 1, width)
        flat[layer].index_copy_(0, places, read[:, size:].float().reshape(-1, width))
        scores = multiply(queries, keys[layer], mask, scale)
        return multiply(torch.softmax(scores, -1), values[layer]).view(rows, size)

    return attend


def _plan_round(
    pool: Pool, part: Sequence[Reading], back: int, heads: int, width: int
) -> Callable[[Tensor, Tensor, int, float], None]:
    """The tokens `back` before the last of all rows of a pool; rows without such a token compute without effect."""
    keys, values = pool.keys_values(len(part))
    (mask,) = _masks(pool, part, back)
    ends = [reading.first + reading.count - 1 for reading in part]
    busy = [i for i, reading in enumerate(part) if back < reading.count <= FEW]
    asked = torch.tensor([end - back if i in busy else end for i, end in enumerate(ends)])
    chosen, written = torch.tensor(busy), torch.tensor([ends[i] - back for i in busy])

    def attend(queries: Tensor, attended: Tensor, layer: int, scale: float) -> None:
        asking = queries.index_select(0, asked).view(-1, 1, width)
        scores = multiply(asking, keys[layer], mask, scale)
        found = multiply(torch.softmax(scores, -1), values[layer]).view(len(part), heads * width)
        attended.index_copy_(0, written, found.index_select(0, chosen))

    return attend


def _plan_alone(reading: Reading, heads: int, width: int) -> Callable[[Tensor, Tensor, int, float], None]:
    """All new tokens of one row, without other rows."""
    pool, slot = reading.row.pool, reading.row.slot
    end = reading.first + reading.count
    hidden = [pool.capacity - reading.past - i - 1 for i in range(reading.count)]
    mask = pool.masks.index_select(0, torch.tensor(hidden)).expand(heads, -1, -1)

    def attend(queries: Tensor, attended: Tensor, layer: int, scale: float) -> None:
        key, value = pool.store[layer, :, slot].unbind(0)  # [heads, capacity, width]
        # A separate copy, because kernels may depend on the alignment of their input.
        asking = queries[reading.first : end].view(-1, heads, width).transpose(0, 1).clone(
            memory_format=torch.contiguous_format
        )  # fmt: skip
        scores = multiply(asking, key.transpose(1, 2), mask, scale)
        found = multiply(torch.softmax(scores, -1), value)
        attended[reading.first : end] = found.transpose(0, 1).reshape(reading.count, -1)

    return attend
