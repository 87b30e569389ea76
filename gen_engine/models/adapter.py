"""Any causal language model of transformers. Each row is computed alone, so its neighbours cannot change it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .tokenizer import FolderTokenizer
from .window import WHOLE, Window, in_last_window, leading_tokens, window, with_earlier_windows


@dataclass(frozen=True, eq=False)
class CachedRow:
    """A row: all its tokens, the window that is read, and the model's cache of it (None: it has none)."""

    tokens: list[int]
    window: Window
    past: Any


TOGETHER = 16
"""How many new tokens of a row a draft may have verified with `fast`."""

NONE = CachedRow([], WHOLE, None)
"""The state from which a fresh row continues."""


@dataclass(eq=False)
class RowCaches:
    """The rows of the last call."""

    rows: list[CachedRow] = field(default_factory=list)


@dataclass(eq=False)
class _Reading:
    """What a new row still has to read, and on top of which cache."""

    tokens: list[int]
    window: Window
    past: Any
    kept: int
    wanted: int = 1

    @property
    def new(self) -> list[int]:
        return self.window.read(self.tokens)[self.kept :]


@dataclass(frozen=True, eq=False)
class TransformersLM:
    """A transformers causal language model as a `LanguageModel`.

    Each row has a cache of its own and is computed by itself. With `fast`, rows of equal lengths are computed together.
    Kernels may then give a row other last bits than it would get alone, and `reproducible` is False.
    """

    name: str
    dtype: str
    dtype_reason: str
    positions: int | None
    reproducible: bool
    tokenizer: FolderTokenizer
    model: Any
    cuts_logits: bool
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - it is immutable

    @cached_property
    def rewinds(self) -> bool:
        """Whether its cache keeps all keys and values, so that a row can be cut back without reading it again."""
        cache = self.open(1)
        self.feed(cache, [-1], [0], [[self.tokenizer.vocabulary.usable[0]]])
        return _is_plain(cache.rows[0].past)

    @property
    def verifies(self) -> int:
        """Kernels give several tokens at once other last bits than one, which matters only where these are promised."""
        return 1 if self.reproducible else TOGETHER

    def open(self, capacity: int) -> RowCaches:
        """An empty cache. It grows by itself, so `capacity` is only a hint."""
        del capacity
        return RowCaches()

    @torch.inference_mode()
    def feed(
        self,
        cache: RowCaches,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Tensor:
        """Logits [sum(last), vocab] after the last tokens of each row; see `LanguageModel.feed`."""
        if not parents:
            cache.rows = []
            return torch.empty(0, len(self.tokenizer.vocabulary))
        heirs = {parent: i for i, parent in enumerate(parents)}  # the last one to continue a row takes over its cache
        sources = [cache.rows[parent] if parent >= 0 else NONE for parent in parents]
        rows = [[*row.tokens[:kept], *new] for row, kept, new in zip(sources, keep, tokens, strict=True)]
        leading = leading_tokens(self.tokenizer.vocabulary, rows, pinned)
        readings = [
            self._reading(sources[i], row, keep[i], leading[i], heirs[parents[i]] == i) for i, row in enumerate(rows)
        ]
        last = last or [1] * len(readings)
        for reading, count, leads in zip(readings, last, leading, strict=True):
            reading.wanted = in_last_window(len(reading.tokens), count, self.positions, leads)
        groups = [[reading] for reading in readings] if self.reproducible else _groups(readings)
        logits = {id(reading): row for group in groups for reading, row in self._compute(group)}
        cache.rows = [CachedRow(reading.tokens, reading.window, reading.past) for reading in readings]
        found = torch.cat([logits[id(reading)] for reading in readings])
        counts = [reading.wanted for reading in readings]
        logits_of_all: torch.Tensor = with_earlier_windows(self, found, rows, last, counts, pinned)
        return logits_of_all

    def _reading(self, row: CachedRow, tokens: list[int], keep: int, leading: int, takes_over: bool) -> _Reading:
        """The new row of `tokens`, on top of as much of the cache of `row` as it can use."""
        view = window(len(tokens), self.positions, leading)
        if row.past is None or view != row.window or keep <= view.start:
            return _Reading(tokens, view, None, 0)
        had, kept = row.window.count(len(row.tokens)), view.count(keep)
        if kept < had and not _is_plain(row.past):
            return _Reading(tokens, view, None, 0)  # this cache cannot go back, so the row is read again
        past = row.past if takes_over else copy.deepcopy(row.past)
        if kept < had:
            _crop(past, kept)
        return _Reading(tokens, view, past, kept)

    def _compute(self, readings: Sequence[_Reading]) -> Iterator[tuple[_Reading, Tensor]]:
        """The wanted logits [wanted, vocab] of readings of equal lengths; their caches grow."""
        past = readings[0].past if len(readings) == 1 else _join([reading.past for reading in readings])
        ids = torch.tensor([reading.new for reading in readings], device=self.device)
        options = {"logits_to_keep": max(reading.wanted for reading in readings)} if self.cuts_logits else {}
        out = self.model(input_ids=ids, past_key_values=past, use_cache=True, **options)
        pasts = [out.get("past_key_values")] if len(readings) == 1 else _split(out.past_key_values, len(readings))
        for reading, grown, logits in zip(readings, pasts, out.logits, strict=True):
            reading.past = grown
            yield reading, logits[-reading.wanted :].float()


def _groups(readings: Sequence[_Reading]) -> list[list[_Reading]]:
    """The readings in groups; those of equal lengths can be computed together."""
    groups: dict[Any, list[_Reading]] = {}
    for i, reading in enumerate(readings):
        joins = reading.past is not None and _is_plain(reading.past)
        groups.setdefault((reading.kept, len(reading.new)) if joins else ~i, []).append(reading)
    return list(groups.values())


# ------------------------------------------------------------------------------------------------------ caches


def _is_plain(past: Any) -> bool:
    """Whether `past` keeps all keys and values of all layers, so that it can be cut, joined and split."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return type(past) is DynamicCache and all(type(layer) is DynamicLayer for layer in past.layers)


def _crop(past: Any, count: int) -> None:
    """Cut a plain cache to its first `count` tokens."""
    for layer in past.layers:
        layer.keys, layer.values = layer.keys[:, :, :count], layer.values[:, :, :count]


def _join(pasts: Sequence[Any]) -> Any:
    """One cache of all rows of plain caches of equal lengths."""
    whole = copy.copy(pasts[0])
    whole.layers = [copy.copy(layer) for layer in pasts[0].layers]
    for i, layer in enumerate(whole.layers):
        layer.keys = torch.cat([past.layers[i].keys for past in pasts])
        layer.values = torch.cat([past.layers[i].values for past in pasts])
    return whole


def _split(whole: Any, count: int) -> list[Any]:
    """A cache for each row of one cache."""
    parts = []
    for row in range(count):
        part = copy.copy(whole)
        part.layers = [copy.copy(layer) for layer in whole.layers]
        for layer in part.layers:
            layer.keys, layer.values = layer.keys[row : row + 1], layer.values[row : row + 1]
        parts.append(part)
    return parts
