"""Rows of any lengths in one pass of a transformers model: their new tokens stand one behind the other in one sequence.

Each token is computed by itself but for attention, which is replaced (`attend`): it knows the row of each token, and
where the keys and values of that row are kept. So nothing is padded, and no mask is made. The method is that of
continuous batching in servers (Yu et al. 2022, "Orca", selective batching).

A row's attention does not depend on its neighbours: few new tokens attend one after the other, each as a single query
over its row's keys, padded with masked ones to a multiple of 32; more than `FEW` attend together, but each row by
itself. `kernels.py` says why these round alike at any number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol

import torch
from torch import Tensor

from ..compiled.arithmetic import as_tensor
from .kernels import multiply
from .window import Window

ATTENTION = "gen_rows"
"""The name of `attend` among the attention functions of transformers."""

FEW = 16
"""Up to so many new tokens of a row attend one after the other."""

BLOCK = 32
"""Keys are padded to a multiple of this."""


@dataclass(eq=False)
class Row:
    """All tokens of a row, the window of them that is read, and the slot of its keys and values."""

    tokens: list[int]
    window: Window
    slot: int = -1


@dataclass(frozen=True, eq=False)
class Move:
    """A row of the next call, the row that it continues, and how many of that one's keys and values it takes over."""

    row: Row
    source: Row | None
    kept: int

    @property
    def new(self) -> list[int]:
        """The tokens to be read."""
        return self.row.window.read(self.row.tokens)[self.kept :]


@dataclass(eq=False)
class Store:
    """The keys and values of one layer, [slots, heads, capacity, width] each."""

    keys: Tensor
    values: Tensor

    def grow(self, slots: int, capacity: int) -> None:
        """Make room for so many slots of so many tokens."""
        if slots > len(self.keys) or capacity > self.keys.shape[2]:
            self.keys, self.values = _grown(self.keys, slots, capacity), _grown(self.values, slots, capacity)


def _grown(old: Tensor, slots: int, capacity: int) -> Tensor:
    slots, capacity = max(slots, len(old)), max(capacity, old.shape[2])
    # Zeros, not uninitialised memory: a masked value is multiplied by 0, and 0 times NaN is NaN.
    new = old.new_zeros(slots, old.shape[1], capacity, old.shape[3])
    new[: len(old), :, : old.shape[2]] = old
    return new


@dataclass(frozen=True, eq=False)
class Pass:
    """The new tokens of one call, in the order of their slots.

    `rows[t]` is the slot of token t, and `at[t]` its position in the row. `counts` are the numbers of new tokens of
    each slot, and `lengths` the rows' lengths afterwards. `chosen` are the tokens whose logits are wanted.
    """

    ids: Tensor
    rows: Tensor
    at: Tensor
    counts: list[int]
    lengths: list[int]
    chosen: Tensor
    # at most one for each turn, each long row and each window
    _biases: dict[Any, Tensor] = field(default_factory=dict)

    @cached_property
    def capacity(self) -> int:
        """The most keys of a row, as a multiple of `BLOCK`."""
        return _padded(max(self.lengths))

    @cached_property
    def firsts(self) -> list[int]:
        """The first token of each slot."""
        return [0, *accumulate(self.counts)][:-1]

    @cached_property
    def column(self) -> int | None:
        """Where the one new token of every row stands, None if not all stand there."""
        alone = len(self.ids) == len(self.counts)
        return self.lengths[0] - 1 if alone and len(set(self.lengths)) == 1 else None

    @cached_property
    def queries(self) -> list[tuple[Tensor | None, Tensor | None, Tensor]]:
        """Queries that attend at once, each of another row: their slots, their tokens (None: all), their positions."""
        few = [count if count <= FEW else 0 for count in self.counts]
        found = []
        for turn in range(max(few)):
            slots = [slot for slot, count in enumerate(few) if count > turn]
            tokens = [self.firsts[slot] + turn for slot in slots]
            device = self.rows.device
            at = as_tensor([self.lengths[slot] - self.counts[slot] + turn for slot in slots], device)
            of = None if len(slots) == len(self.counts) else as_tensor(slots, device)
            which = None if len(slots) == len(self.ids) else as_tensor(tokens, device)
            found.append((of, which, at))
        return found

    @cached_property
    def long(self) -> list[int]:
        """The slots of rows with more than `FEW` new tokens."""
        return [slot for slot, count in enumerate(self.counts) if count > FEW]

    def bias(self, turn: int, window: int | None, groups: int) -> Tensor:
        """What is added to the scores of the queries of a turn, [queries * groups, 1, capacity]: -inf for other
        keys.
        """
        found = self._biases.get((turn, window, groups))
        if found is None:
            made = _bias(self.queries[turn][2], self.capacity, window)
            found = self._biases[turn, window, groups] = made.repeat_interleave(groups, 0)[:, None]
        return found

    def long_bias(self, slot: int, window: int | None) -> Tensor:
        """The same of all new tokens of one row, [1, tokens, its capacity]."""
        found = self._biases.get((~slot, window))
        if found is None:
            length, count = self.lengths[slot], self.counts[slot]
            at = torch.arange(length - count, length, device=self.rows.device)
            found = self._biases[~slot, window] = _bias(at, _padded(length), window)[None]
        return found


def _padded(length: int) -> int:
    return -(-length // BLOCK) * BLOCK


def _bias(at: Tensor, capacity: int, window: int | None) -> Tensor:
    keys = torch.arange(capacity, device=at.device)
    seen = keys <= at[:, None]
    if window is not None:
        seen &= keys > at[:, None] - window
    return torch.where(seen, 0.0, -torch.inf)


_PASS: ContextVar[tuple[Pass, Any] | None] = ContextVar("pass", default=None)


@dataclass(eq=False)
class Slots:
    """What transformers takes for a cache: the keys and values of all layers, and the rows of the last call.

    `dtype` is that of the keys and values; None keeps the model's.
    """

    dtype: torch.dtype | None = None
    rows: list[Row] = field(default_factory=list)
    stores: dict[int, Store] = field(default_factory=dict)
    capacity: int = 0

    # ------------------------------------------------------------------------------- what the model's code calls

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Keep the keys and values [1, heads, tokens, width] of this pass. Returns them unchanged."""
        given = _PASS.get()
        assert given is not None
        now, _ = given
        dtype = self.dtype or keys.dtype
        store = self.stores.get(layer_idx)
        if store is None:
            shapes = [(len(now.counts), each.shape[1], self.capacity, each.shape[3]) for each in (keys, values)]
            made = [torch.zeros(shape, dtype=dtype, device=keys.device) for shape in shapes]
            store = self.stores[layer_idx] = Store(*made)
        store.grow(len(now.counts), self.capacity)
        for kept, new in ((store.keys, keys[0]), (store.values, values[0])):  # new [heads, tokens, width]
            if now.column is None:
                kept[now.rows, :, now.at] = new.transpose(0, 1).to(dtype)
            else:  # much quicker than an index for each token
                kept[: len(now.counts), :, now.column] = new.transpose(0, 1)
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """How many tokens came before this sequence, in which positions are given explicitly: none."""
        del layer_idx
        return 0

    # ------------------------------------------------------------------------------------------------- the rows

    def settle(self, moves: Sequence[Move]) -> None:
        """Give each row a slot: its source's if possible, else a free one, into which the source is copied."""
        stays: dict[int, Move] = {}
        homeless: list[Move] = []
        for move in moves:
            if move.source is None or not move.kept or move.source.slot in stays or move.source.slot >= len(moves):
                homeless.append(move)
            else:
                stays[move.source.slot] = move
                move.row.slot = move.source.slot
        free = (slot for slot in range(len(moves)) if slot not in stays)
        for move in homeless:
            move.row.slot = next(free)
        copies = [move for move in homeless if move.source is not None and move.kept]
        needed = max((move.row.window.count(len(move.row.tokens)) for move in moves), default=0)
        if needed > self.capacity:
            self.capacity = _padded(needed + needed // 2)
        if copies:
            self._copy(copies, len(moves))
        self.rows = [move.row for move in moves]

    def _copy(self, copies: Sequence[Move], slots: int) -> None:
        read = torch.tensor([move.source.slot for move in copies if move.source is not None])
        write = torch.tensor([move.row.slot for move in copies])
        length = max(move.kept for move in copies)
        for store in self.stores.values():
            store.grow(slots, 0)
            for kept in (store.keys, store.values):
                # All are read before any is written: a slot may be source of one row and home of another.
                kept[write.to(kept.device), :, :length] = kept[read.to(kept.device), :, :length]


class Calls(Protocol):
    """How a model is called: the number of its first position, and whether it takes `logits_to_keep`."""

    @property
    def first(self) -> int: ...

    @property
    def cuts(self) -> bool: ...


def run(model: Any, slots: Slots, moves: Sequence[Move], wanted: Sequence[int], calls: Calls) -> Tensor:
    """The logits [sum(wanted), vocab] after the last `wanted[i]` tokens of each row, in order.

    The rows in `moves` have been settled.
    """
    now, order = _lay_out(moves, wanted, model.device)
    mark = _PASS.set((now, slots))
    try:
        options: dict[str, Any] = {"logits_to_keep": now.chosen} if calls.cuts else {}
        out = model(
            input_ids=now.ids[None],
            position_ids=(now.at + calls.first)[None],
            past_key_values=slots,
            use_cache=True,
            return_dict=True,
            **options,
        )
    finally:
        _PASS.reset(mark)
    logits: Tensor = out.logits[0] if calls.cuts else out.logits[0].index_select(0, now.chosen)
    return logits if order is None else logits.index_select(0, order)


def _lay_out(moves: Sequence[Move], wanted: Sequence[int], device: torch.device) -> tuple[Pass, Tensor | None]:
    """The new tokens in the order of their slots, and where the logits of the rows in their own order are (None: in
    order).
    """
    by_slot = sorted(range(len(moves)), key=lambda i: moves[i].row.slot)
    ids: list[int] = []
    rows: list[int] = []
    at: list[int] = []
    counts: list[int] = []
    chosen: list[int] = []
    places: list[range] = [range(0)] * len(moves)
    for i in by_slot:
        move, new = moves[i], moves[i].new
        ids += new
        rows += [move.row.slot] * len(new)
        at += range(move.kept, move.kept + len(new))
        counts.append(len(new))
        places[i] = range(len(chosen), len(chosen) + wanted[i])
        chosen += range(len(ids) - wanted[i], len(ids))
    lengths = [moves[i].kept + count for i, count in zip(by_slot, counts, strict=True)]
    order = [place for each in places for place in each]
    given, chosen_now = as_tensor([ids, rows, at], device), as_tensor(chosen, device)
    now = Pass(given[0], given[1], given[2], counts, lengths, chosen_now)
    in_order = order == list(range(len(order)))
    return now, None if in_order else as_tensor(order, device)


# ------------------------------------------------------------------------------------------------------ attention


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """What the tokens of a pass attend to, [1, tokens, heads, width]; the signature is transformers' own.

    `query` is [1, heads, tokens, width]. Keys and values are taken from the slots. Raises NotImplementedError where
    the model wants more than this (a mask of its own, sinks), so that it is computed in another way.
    """
    given = _PASS.get()
    if given is None or attention_mask is not None or s_aux is not None:
        raise NotImplementedError("gen_rows has neither masks nor sinks")
    now, slots = given  # a pair, whose second is Slots
    store: Store = slots.stores[module.layer_idx]
    heads, width = query.shape[1], query.shape[3]
    groups = store.keys.shape[1]
    scale = width**-0.5 if scaling is None else scaling
    asked = query[0].transpose(0, 1).to(store.keys.dtype)  # [tokens, heads, width]
    made = asked.new_empty(len(asked), heads, store.values.shape[3])
    for turn, (of, tokens, _at) in enumerate(now.queries):
        keys, values = (_rows(each, of, len(now.counts), now.capacity) for each in (store.keys, store.values))
        few = asked if tokens is None else asked[tokens]
        few = few.reshape(len(few) * groups, heads // groups, width)
        bias = now.bias(turn, sliding_window, groups)
        found = _weigh(few, keys, values, bias, scale, softcap).view(-1, heads, made.shape[2])
        if tokens is None:
            made = found
        else:
            made[tokens] = found
    for slot in now.long:
        made[now.firsts[slot] : now.firsts[slot] + now.counts[slot]] = _attend_long(
            now, store, asked, slot, scale, softcap, sliding_window
        )
    return made.to(query.dtype)[None], None


def _rows(store: Tensor, of: Tensor | None, slots: int, capacity: int) -> Tensor:
    """The keys or values of some slots (None: of the first ones), [slots * heads, capacity, width]."""
    found = store[:slots, :, :capacity] if of is None else store[of, :, :capacity]
    return found.flatten(0, 1)


def _weigh(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor, scale: float, softcap: float | None) -> Tensor:
    """Attention of queries [n, q, width] over keys and values [n, capacity, width]."""
    scores = multiply(queries * scale, keys.transpose(1, 2))
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores.add_(bias)
    return multiply(torch.softmax(scores, -1, dtype=torch.float32).to(values.dtype), values)


def _attend_long(
    now: Pass, store: Store, asked: Tensor, slot: int, scale: float, softcap: float | None, window: int | None
) -> Tensor:
    """Attention of the many new tokens of one row, [tokens, heads, width]."""
    first, count = now.firsts[slot], now.counts[slot]
    groups = store.keys.shape[1]
    capacity = _padded(now.lengths[slot])
    queries = asked[first : first + count]  # [tokens, heads, width]
    heads = queries.shape[1]
    queries = queries.view(count, groups, heads // groups, -1).permute(1, 2, 0, 3).reshape(groups, -1, asked.shape[2])
    bias = now.long_bias(slot, window).repeat(1, heads // groups, 1).expand(groups, -1, -1)
    keys, values = store.keys[slot, :, :capacity], store.values[slot, :, :capacity]
    found = _weigh(queries, keys, values, bias, scale, softcap)
    return found.view(groups, heads // groups, count, -1).permute(2, 0, 1, 3).reshape(count, heads, -1)


def register() -> None:
    """Make `attend` known to transformers."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, attend)
