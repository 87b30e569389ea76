"""Any causal language model of transformers, as rows of any lengths that do not depend on each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..compiled.arithmetic import as_tensor
from ..compiled.floats import computes_floats
from .abilities import Abilities
from .joined import NONE, Batch, Kept, Reading, Rows, arguments, is_plain, join, signature
from .packed import FEW, Move, Row, Slots, run
from .threads import one_thread_if_little
from .tokenizer import FolderTokenizer
from .window import in_last_window, leading_tokens, window, with_earlier_windows

TOGETHER = 16
"""How many new tokens of a row a draft may have verified where no bits are promised."""


@dataclass(frozen=True, eq=False)
class TransformersLM:
    """A transformers causal language model as a `LanguageModel`.

    `abilities` are what was found out about it when it was loaded: whether rows of any lengths are computed in one
    pass, or only some together, or one by one.
    """

    name: str
    dtype: str
    dtype_reason: str
    positions: int | None
    reproducible: bool
    tokenizer: FolderTokenizer
    model: Any
    abilities: Abilities

    @property
    def device(self) -> torch.device:
        """Where the model computes, and where its logits are."""
        found: torch.device = self.model.device
        return found

    @property
    def rewinds(self) -> bool:
        """Whether its cache keeps all keys and values, so that a row can be cut back without reading it again."""
        return self.abilities.rewinds

    @property
    def verifies(self) -> int:
        """How many new tokens of a row have the bits that they would have one by one."""
        if not self.reproducible:
            return TOGETHER
        return FEW if self.abilities.packs else 1

    def open(self, capacity: int) -> Slots | Rows:
        """An empty cache. It grows by itself, so `capacity` is only a hint."""
        del capacity
        return Slots(self.abilities.keeps) if self.abilities.packs else Rows()

    @torch.inference_mode()
    def feed(
        self,
        cache: Any,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Tensor:
        """Logits [sum(last), vocab] after the last tokens of each row; see `LanguageModel.feed`."""
        if not parents:
            cache.rows = []
            return torch.empty(0, len(self.tokenizer.vocabulary), device=self.device)
        sources = [cache.rows[parent] if parent >= 0 else None for parent in parents]
        rows = [
            [*(source.tokens[:kept] if source else ()), *new]
            for source, kept, new in zip(sources, keep, tokens, strict=True)
        ]
        leading = leading_tokens(self.tokenizer.vocabulary, rows, pinned)
        last = last or [1] * len(rows)
        wanted = [
            in_last_window(len(row), count, self.positions, leads)
            for row, count, leads in zip(rows, last, leading, strict=True)
        ]
        read = self._read_packed if self.abilities.packs else self._read_joined
        with self._threads(sum(map(len, tokens)), sum(map(len, rows))):
            logits = read(cache, sources, keep, rows, leading, wanted).float()
        found: Tensor = with_earlier_windows(self, logits, rows, last, wanted, pinned)
        return found

    def _threads(self, new: int, seen: int) -> AbstractContextManager[None]:
        """Limits the threads of torch while so many new tokens are read, that see so many in all."""
        return one_thread_if_little(new, seen, self._size) if self._by_library else nullcontext()

    @cached_property
    def _by_library(self) -> bool:
        """Whether linear layers are computed by the compiled library."""
        patched = self.device.type == "cpu" and self.abilities.cache is not None
        return patched and self.model.dtype == torch.float32 and computes_floats()

    @cached_property
    def _size(self) -> int:
        return int(self.model.get_input_embeddings().weight.shape[1])

    # ----------------------------------------------------------------------------------------- all in one sequence

    def _read_packed(
        self,
        slots: Slots,
        sources: Sequence[Row | None],
        keep: Sequence[int],
        rows: Sequence[list[int]],
        leading: Sequence[int],
        wanted: Sequence[int],
    ) -> Tensor:
        moves = []
        for source, cut, row, leads in zip(sources, keep, rows, leading, strict=True):
            view = window(len(row), self.positions, leads)
            stays = source is not None and source.window == view and cut > view.start
            moves.append(Move(Row(row, view), source, view.count(cut) if stays else 0))
        slots.settle(moves)
        return run(self.model, slots, moves, wanted, self.abilities)

    # ------------------------------------------------------------------------------------------ by the model's caches

    def _read_joined(
        self,
        cache: Rows,
        sources: Sequence[Kept | None],
        keep: Sequence[int],
        rows: Sequence[list[int]],
        leading: Sequence[int],
        wanted: Sequence[int],
    ) -> Tensor:
        uses = Counter(map(id, sources))
        readings = [
            self._reading(source or NONE, cut, row, leads, count)
            for source, cut, row, leads, count in zip(sources, keep, rows, leading, wanted, strict=True)
        ]
        logits: dict[int, Tensor] = {}
        kept: dict[int, Kept] = {}
        for group in self._groups(readings):
            alone = max(uses[id(reading.source)] for reading in group) == 1
            for reading, found, place in self._compute(group, alone=alone):
                logits[id(reading)], kept[id(reading)] = found, place
        cache.rows = [kept[id(reading)] for reading in readings]
        return torch.cat([logits[id(reading)] for reading in readings])

    def _reading(self, source: Kept, cut: int, row: list[int], leads: int, wanted: int) -> Reading:
        """What the new row has to read, on top of as much of its source's cache as it can use."""
        view = window(len(row), self.positions, leads)
        if source.batch is None or view != source.window or cut <= view.start:
            return Reading(row, view, None, 0, wanted)
        kept = view.count(cut)
        if kept < view.count(len(source.tokens)) and not is_plain(source.batch.cache):
            return Reading(row, view, None, 0, wanted)  # this cache cannot go back, so the row is read again
        return Reading(row, view, source, kept, wanted)

    def _groups(self, readings: Sequence[Reading]) -> list[list[Reading]]:
        """The readings in groups that are computed together."""
        groups: dict[Any, list[Reading]] = {}
        most = self.abilities.together(self.reproducible)
        for number, reading in enumerate(readings):
            key: Any = number
            if most > 1 and reading.source is None and not self.reproducible:
                key = (len(reading.new), "fresh")
            elif most > 1 and reading.source is not None and reading.source.batch is not None:
                pads = self.abilities.pads and not self.reproducible
                length = None if pads and is_plain(reading.source.batch.cache) else reading.kept
                key = (len(reading.new), length, signature(reading.source.batch.cache, lengths=length is not None))
            groups.setdefault(key, []).append(reading)
        return [group[at : at + most] for group in groups.values() for at in range(0, len(group), most)]

    def _compute(self, group: Sequence[Reading], *, alone: bool) -> list[tuple[Reading, Tensor, Kept]]:
        """The wanted logits [wanted, vocab] of each reading of a group, and what is kept of it."""
        sources = [reading.source for reading in group if reading.source is not None]
        batch = join(sources, [reading.kept for reading in group], alone=alone) if sources else None
        ids: Tensor = as_tensor([reading.new for reading in group], self.device)
        steps = (
            [ids] if batch is None or self.abilities.extends else [ids[:, at : at + 1] for at in range(ids.shape[1])]
        )
        found: list[Tensor] = []
        kept, pads = max(reading.kept for reading in group), (0,) * len(group) if batch is None else batch.pads
        for step in steps:
            out, grown = self._forward(step, batch, kept, max(reading.wanted for reading in group))
            batch = Batch(grown, pads) if grown is not None else None
            kept += step.shape[1]
            found.append(out)
        logits = torch.cat(found, 1)
        return [
            (reading, logits[row, -reading.wanted :], Kept(reading.tokens, reading.window, batch, row))
            for row, reading in enumerate(group)
        ]

    def _forward(self, ids: Tensor, batch: Batch | None, kept: int, wanted: int) -> tuple[Tensor, Any]:
        return self.abilities.forward(self.model, ids, batch, arguments(batch, kept, ids.shape[1], ids.device), wanted)
