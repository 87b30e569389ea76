"""One draw for each row of logits: mask, shapers in the order given, and the inverse of the cumulative distribution.

`draw` computes it in the compiled library, or in numpy (`reference`), with the same bits. The arithmetic:

- The choice distribution is e^(x - largest) in float32 (`exponential`), divided by its sum.
- Sums are in float64. Each 256 tokens have 16 running sums (token t belongs to sum t % 16), folded in halves. The sums
  of these blocks are added in order.
- The draw at u in [0, 1) is the first token at which the running sum passes u times the total: first the running sum of
  blocks, then that within the block.
- What is done to the logits (`Operation`) is computed in float32; `KINDS` says how.

A row that has an allowed logit which is no number, or no finite maximum when one is needed, is not drawn (token -1).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ..errors import GenError
from .arithmetic import Array, F, exponential, logarithm, logarithms
from .library import MOST_THREADS, DrawingPart, OperationPart, address, cores, library

KINDS = ("divide", "largest", "above", "mass", "remove", "scale", "add")
"""The kinds of operations; the number of each is its place here, as in `source/types.h`.

- divide: by `value`.
- largest: keep the `count` largest, and those that tie with the last of them.
- above: keep what is at most `-value` below the largest.
- mass: keep the smallest set of likeliest tokens whose shares come to `mass`; of ties the lowest ids. The tokens are
  sorted into steps of 1/16 nat below the largest. The shares of a step have 4 running sums (token t belongs to sum
  t % 4), which are added as (0 + 1) + (2 + 3). Only the step in which the mass is reached is put in order, and summed
  token by token.
- remove: forbid the tokens of `edits`, unless nothing would be left.
- scale: multiply negative logits of the tokens of `edits` by `value`, and divide others by it.
- add: add to the logits of the tokens of `edits`.
"""

EDITING = ("remove", "scale", "add")
"""The kinds that are about tokens of their own."""

SUMMED, STEPS, STEPS_A_NAT = 256, 1408, 16

MOST_KEPT = 256
"""The tokens that are left in a row are listed, if they are no more."""

EACH = 1 << 15
"""A thread more is worth it for so many logits."""

Edits = Sequence[Mapping[int, float]]
"""For each row the tokens that an operation is about, each with an amount (or 0)."""


@dataclass(frozen=True)
class Operation:
    """One step of shaping; `KINDS` says what its numbers mean. `edits` are those of each row.

    Raises ValueError if it would keep no token, or lacks its edits.
    """

    kind: str
    value: float = 0.0
    count: int = 0
    mass: float = 0.0
    edits: Edits | None = None

    def __post_init__(self) -> None:
        if self.kind == "largest" and self.count < 1:
            raise ValueError(f"count={self.count} keeps no token")
        if self.kind in EDITING and self.edits is None:
            raise ValueError(f"{self.kind} is about the tokens of edits, and there are none")


@dataclass(frozen=True, eq=False)
class Allowed:
    """Which tokens may follow in each row: bool `masks` [vocab], less `minus`, and `plus`.

    `addresses` say where the masks' bytes begin. `minus` and `plus` are indices in the flattened rows, in any order.
    """

    masks: Sequence[Array]
    addresses: Sequence[int]
    minus: Array
    plus: Array

    def check(self, rows: int, size: int) -> None:
        """Raise ValueError unless there is a mask of `size` tokens for each of the rows."""
        if len(self.masks) != rows or len(self.addresses) != rows:
            raise ValueError(f"there are {len(self.masks)} masks for {rows} rows")
        if any(len(mask) != size for mask in self.masks):
            raise ValueError(f"a mask is not of the {size} tokens")


@dataclass(frozen=True, eq=False)
class Drawn:
    """What `draw` found for each row.

    `tokens` are -1 where nothing can be drawn. `counts` are the tokens left, of which `kept` [rows, 256] are the first.
    `shaped` [rows, vocab] is undefined where nothing can be drawn. `largest` and `sums` belong to the logits without a
    mask: the log of their e-powers' sum is largest + log(sums); `sums` is NaN where there is none.
    """

    tokens: Array | None
    largest: Array | None
    sums: Array | None
    counts: Array | None
    kept: Array | None
    shaped: Array | None


def draw(
    logits: Array,
    operations: Sequence[Operation] = (),
    places: Sequence[float | None] | None = None,
    allowed: Allowed | None = None,
    *,
    own: bool = False,
    kept: bool = False,
    shaped: bool = False,
) -> Drawn:
    """Draw from each row of `logits` [rows, vocab] at its place in [0, 1); None takes the likeliest, the lowest id of
    ties.

    `own`, `kept` and `shaped` say what else is wanted; without `places` nothing is drawn. Raises IndexError for tokens
    beyond the vocabulary, ValueError for masks, places or edits of other sizes, and GenError if there is no memory for
    it.
    """
    logits = np.ascontiguousarray(logits, np.float32)
    rows, size = logits.shape
    if places is not None and len(places) != rows:
        raise ValueError(f"there are {len(places)} places for {rows} rows")
    if allowed is not None:
        allowed.check(rows, size)
    found = Drawn(
        None if places is None else np.empty(rows, np.int32),
        np.empty(rows, np.float32) if own else None,
        np.empty(rows, np.float64) if own else None,
        np.empty(rows, np.int32) if kept else None,
        np.empty((rows, MOST_KEPT), np.int32) if kept else None,
        np.empty((rows, size), np.float32) if shaped else None,
    )
    if not rows or not size:
        return found
    at = None if places is None else np.array(places, np.float64)  # None becomes NaN
    chosen = library()
    if chosen is None:
        reference(logits, operations, at, allowed, found)
        return found
    masks = minus_starts = minus = plus_starts = plus = None
    if allowed is not None:
        masks = np.array(allowed.addresses, np.uint64)
        minus_starts, minus = _by_row(allowed.minus, rows, size)
        plus_starts, plus = _by_row(allowed.plus, rows, size)
    pointers = logits.ctypes.data + np.arange(rows, dtype=np.uint64) * np.uint64(4 * size)
    parts, held = _parts(operations, rows, size)
    given = (pointers, masks, minus_starts, minus, plus_starts, plus)
    wanted = (at, found.tokens, found.largest, found.sums, found.counts, found.kept, found.shaped)
    part = DrawingPart(
        rows, size, len(operations), MOST_KEPT, *map(address, given), ctypes.addressof(parts), *map(address, wanted)
    )
    members = max(1, min(rows, cores(), MOST_THREADS, rows * size // EACH))
    failed = chosen.functions.gen_draw(ctypes.byref(part), chosen.place, members)
    del held
    if failed:
        raise GenError(f"There is no memory for rows of {size:,} logits; ask for fewer texts.")
    return found


def _by_row(flat: Array, rows: int, size: int) -> tuple[Array | None, Array | None]:
    """Where the tokens of each row begin [rows + 1], and the tokens, from indices in the flattened rows."""
    if not len(flat):
        return None, None
    own = flat // size
    if (own[1:] < own[:-1]).any():
        flat = np.sort(flat)
        own = flat // size
    if own[0] < 0 or own[-1] >= rows:
        raise IndexError(f"a token is none of the {size}")
    return np.searchsorted(own, np.arange(rows + 1)).astype(np.int32), (flat - own * size).astype(np.int32)


def _parts(operations: Sequence[Operation], rows: int, size: int) -> tuple[Any, Any]:
    """The operations for the library, and what must live as long as they."""
    held: list[Array] = []
    parts = (OperationPart * max(1, len(operations)))()
    for part, what in zip(parts, operations, strict=False):
        part.kind, part.count = KINDS.index(what.kind), min(what.count, 2**31 - 1)
        part.value, part.mass = what.value, what.mass
        if what.edits is not None:
            arrays = _edits(what.edits, rows, size)
            held += arrays
            part.starts, part.ids, part.amounts = map(address, arrays)
    return parts, held


def _edits(edits: Edits, rows: int, size: int) -> tuple[Array, Array, Array]:
    """Where the tokens of each row begin [rows + 1], the tokens and the amounts."""
    counts = [len(own) for own in edits]
    if len(counts) != rows:
        raise ValueError(f"there are edits of {len(counts)} rows instead of {rows}")
    starts = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=starts[1:])
    total = int(starts[-1])
    ids = np.fromiter(chain.from_iterable(edits), np.int32, total)
    amounts = np.fromiter(chain.from_iterable(own.values() for own in edits), np.float32, total)
    if total and (ids.min() < 0 or ids.max() >= size):
        raise IndexError(f"a token is none of the {size}")
    return starts, ids, amounts


# --------------------------------------------------------------------------------------------- log-probabilities


def log_sums(logits: Array) -> Array:
    """The largest logit of each row and the log of the sum of e^(logit - largest), float64 [2, rows]; NaN if none."""
    found = draw(logits, own=True)
    assert found.largest is not None
    assert found.sums is not None
    return norms(found.largest, found.sums)


def norms(largest: Array, sums: Array) -> Array:
    """`largest` and the logs of `sums`, float64 [2, rows]."""
    logs = logarithms(sums) if len(sums) > FEW else np.array([logarithm(each) for each in sums.tolist()])
    return np.stack([largest.astype(np.float64) + 0.0, logs])


FEW = 16
"""Up to so many logarithms are taken one by one."""


def tempered(logits: Array, temperature: float) -> Array:
    """The logits divided by a temperature, float32."""
    with np.errstate(over="ignore"):
        return logits if temperature == 1 else logits / F(temperature)


def log_softmax(logits: Array) -> Array:
    """The log-probabilities of all tokens in nats, float64 [rows, vocab]."""
    largest, logs = log_sums(logits)
    with np.errstate(invalid="ignore"):
        found: Array = (logits - largest[:, None]) - logs[:, None]
    return found


# ------------------------------------------------------------------------------------------------- the reference


@np.errstate(over="ignore")
def reference(
    logits: Array, operations: Sequence[Operation], places: Array | None, allowed: Allowed | None, found: Drawn
) -> None:
    """What the library computes, in numpy, to the last bit; it is written to `found`."""
    if found.largest is not None and found.sums is not None:
        found.largest[:] = np.fmax.reduce(logits, axis=1, initial=-np.inf)
        whole = np.isfinite(found.largest) & ~np.isnan(logits).any(1)
        found.sums[:] = np.nan
        found.sums[whole] = _shares(logits[whole], found.largest[whole])[1].sum
    if places is None and found.counts is None and found.shaped is None:
        return
    values = _masked(logits, allowed)
    sound = ~np.isnan(values).any(1)
    for what in operations:
        if what.kind in ("largest", "above", "mass"):
            sound &= np.isfinite(np.fmax.reduce(values, axis=1))
        values[~sound] = 0
        values = _apply(values, what)
    sound &= np.isfinite(np.fmax.reduce(values, axis=1))
    values[~sound] = 0
    if found.shaped is not None:
        found.shaped[:] = values
    if found.counts is not None and found.kept is not None:
        left = values > -np.inf
        found.counts[:] = np.where(sound, left.sum(1), 0)
        for row in np.flatnonzero(sound).tolist():
            tokens = np.flatnonzero(left[row])[:MOST_KEPT]
            found.kept[row, : len(tokens)] = tokens
    if found.tokens is not None and places is not None:
        drawn = values.argmax(1)
        some = np.flatnonzero(~np.isnan(places))
        drawn[some] = _invert(values[some], places[some])
        found.tokens[:] = np.where(sound, drawn, -1)


def _masked(logits: Array, allowed: Allowed | None) -> Array:
    """A copy of the logits, -inf where a token may not follow."""
    if allowed is None:
        return logits.copy()
    values: Array = np.where(np.stack(allowed.masks), logits, F(-np.inf))
    flat, given = values.reshape(-1), logits.reshape(-1)
    for places in (allowed.minus, allowed.plus):
        if len(places) and (places.min() < 0 or places.max() >= len(flat)):
            raise IndexError(f"a token is none of the {logits.shape[1]}")
    flat[allowed.minus] = -np.inf
    flat[allowed.plus] = given[allowed.plus]
    return values


@dataclass(frozen=True, eq=False)
class _Sums:
    """The sums of blocks [rows, blocks], and the whole sum of each row."""

    blocks: Array
    sum: Array


def _shares(values: Array, largest: Array) -> tuple[Array, _Sums]:
    """e^(x - largest) for each token, and the sums of these."""
    rows, size = values.shape
    shares = exponential(values - largest[:, None])
    whole = np.zeros((rows, -(-size // SUMMED) * SUMMED))
    whole[:, :size] = shares
    sums = np.add.accumulate(whole.reshape(rows, whole.shape[1] // SUMMED, SUMMED // 16, 16), axis=2)[:, :, -1]
    half = 8
    while half:
        sums = sums[..., :half] + sums[..., half : 2 * half]
        half //= 2
    blocks = sums[..., 0]
    return shares, _Sums(blocks, np.add.accumulate(blocks, axis=1)[:, -1] if rows else np.empty(0))


def _invert(values: Array, places: Array) -> Array:
    """The token of each row at which the running sum passes its place."""
    shares, sums = _shares(values, values.max(1))
    found = np.zeros(len(values), np.int64)
    for row, place in enumerate(places):
        total = sums.sum[row]
        wanted = place * total
        wanted = wanted if wanted < total else np.nextafter(total, 0.0)
        wanted = wanted if wanted >= 0 else 0.0
        running = np.add.accumulate(sums.blocks[row])
        block = int(np.argmax(running > wanted))
        first = block * SUMMED
        rest = wanted - (running[block - 1] if block else 0.0)
        own = shares[row, first : first + SUMMED]
        passed = np.flatnonzero(np.add.accumulate(own.astype(np.float64)) > rest)
        # Rounding may leave a sum of the block that no token passes.
        found[row] = first + (passed[0] if len(passed) else np.flatnonzero(own)[-1])
    return found


def _apply(values: Array, what: Operation) -> Array:
    """One operation on all rows; it may change them in place. Rows of zeros are those given up."""
    value = F(what.value)
    if what.kind == "divide":
        return values / value
    if what.edits is not None:
        _edit(values, what)
    elif what.kind == "largest" and what.count < values.shape[1]:
        edge = np.partition(values, -what.count, axis=1)[:, -what.count]
        values[values < edge[:, None]] = -np.inf
    elif what.kind == "above":
        values[values < values.max(1, keepdims=True) + value] = -np.inf
    elif what.kind == "mass":
        for row in values:
            _keep_mass(row, what.mass)
    return values


def _edit(values: Array, what: Operation) -> None:
    assert what.edits is not None
    starts, ids, amounts = _edits(what.edits, *values.shape)
    value = F(what.value)
    for row, (first, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        own = ids[first:end]
        old = values[row, own]
        if what.kind == "add":
            values[row, own] = old + amounts[first:end]
        elif what.kind == "scale":
            values[row, own] = np.where(old < 0, old * value, old / value)
        else:
            values[row, own] = -np.inf
            if not (values[row] > -np.inf).any():
                values[row, own] = old


def _keep_mass(row: Array, mass: float) -> None:
    """Keep the smallest set of likeliest tokens of one row whose shares come to `mass`; of ties the lowest ids."""
    largest = row.max()
    shares, sums = _shares(row[None], largest[None])
    target = mass * sums.sum[0]
    steps = np.minimum((largest - row) * F(STEPS_A_NAT), F(STEPS - 1)).astype(np.int32)
    lanes = np.bincount(steps * 4 + np.arange(len(row)) % 4, shares[0].astype(np.float64), 4 * STEPS).reshape(-1, 4)
    reached = np.add.accumulate((lanes[:, 0] + lanes[:, 1]) + (lanes[:, 2] + lanes[:, 3]))
    step = int(np.argmax(reached >= target))
    if reached[step] < target:
        return
    own = np.flatnonzero((steps == step) & (row > -np.inf))
    own = own[np.argsort(-row[own], kind="stable")]
    before = reached[step - 1] if step else 0.0
    running = np.add.accumulate(np.concatenate([[before], shares[0, own].astype(np.float64)]))
    enough = np.flatnonzero(running[1:] >= target)
    last = own[enough[0] if len(enough) else -1]
    row[(row < row[last]) | ((row == row[last]) & (np.arange(len(row)) > last))] = -np.inf
