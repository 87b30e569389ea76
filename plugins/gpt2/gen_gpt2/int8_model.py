"""GPT-2 in int8 by the compiled step: numpy arrays in and out, the same bits on every machine; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gen_engine.compiled.arithmetic import Array
from gen_engine.compiled.pages import PagedRow, Pages, continued
from gen_engine.compiled.transformer import Call, Int8Transformer
from gen_engine.models.int8 import int8_reason
from gen_engine.models.tokenizer import FolderTokenizer, load_tokenizer
from gen_engine.models.window import Window, in_last_window, leading_tokens, window, with_earlier_windows
from gen_gpt2.int8_weights import read_int8
from gen_gpt2.shape import read_shape


@dataclass(eq=False)
class Row:
    """One row: all its tokens, the window that is read, and its keys and values."""

    tokens: list[int]
    window: Window
    cached: PagedRow


@dataclass(eq=False)
class Rows:
    """The cache of a model: the rows of the last call, and the pages that hold their keys and values."""

    pages: Pages
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Int8GPT2:
    """A GPT-2 as a `LanguageModel`; `dtype_reason` says why it computes in int8, and `loss` what that costs in nats a
    token."""

    name: str
    dtype_reason: str
    positions: int | None
    tokenizer: FolderTokenizer
    transformer: Int8Transformer
    loss: float
    dtype: str = "int8"
    reproducible: bool = True
    portable: bool = True
    verifies: int = 64  # any number of tokens read at once has the bits of single ones

    @property
    def rewinds(self) -> bool:
        """Cutting a row back keeps the keys and values of its remaining tokens."""
        return True

    def open(self, capacity: int) -> Rows:
        """An empty cache; it grows by itself, so `capacity` is only a hint."""
        del capacity
        return Rows(Pages(*self.transformer.pages))

    def feed(
        self,
        cache: Rows,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Array:
        """Logits [sum(last), vocab] after the last tokens of each row; see `LanguageModel.feed`."""
        sources = [cache.rows[parent] if parent >= 0 else None for parent in parents]
        texts = [
            [*(source.tokens[:kept] if source else ()), *new]
            for source, kept, new in zip(sources, keep, tokens, strict=True)
        ]
        leading = leading_tokens(self.tokenizer.vocabulary, texts, pinned)
        views = [window(len(text), self.positions, count) for text, count in zip(texts, leading, strict=True)]
        parts = zip(sources, keep, views, strict=True)
        kept = [
            view.count(count) if source is not None and source.window == view and count > view.start else 0
            for source, count, view in parts
        ]
        new = [view.read(text)[count:] for view, text, count in zip(views, texts, kept, strict=True)]
        old = [row.cached for row in cache.rows]
        cached = continued(
            cache.pages,
            [source.cached if source else None for source in sources],
            kept,
            [len(part) for part in new],
            old,
        )
        cache.rows = [Row(*each) for each in zip(texts, views, cached, strict=True)]
        last = last or [1] * len(texts)
        wanted = [
            1 if count == 1 else in_last_window(len(text), count, self.positions, pins)
            for text, count, pins in zip(texts, last, leading, strict=True)
        ]
        logits = self.transformer.step(_call(cache.pages, cached, new, kept, wanted))
        return np.asarray(with_earlier_windows(self, logits, texts, last, wanted, pinned))


def _call(
    pages: Pages, rows: Sequence[PagedRow], new: Sequence[list[int]], kept: Sequence[int], wanted: Sequence[int]
) -> Call:
    """The call for the new tokens of all rows; the last `wanted[i]` logits of row i are wanted."""
    counts = [len(part) for part in new]
    if max(counts, default=0) == 1:
        at = np.array(kept, np.int32)
        row = chosen = np.arange(len(rows), dtype=np.int32)
    else:
        ends = np.cumsum(counts)
        at = _ints(place for count, part in zip(kept, counts, strict=True) for place in range(count, count + part))
        row = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
        chosen = _ints(end - back for end, few in zip(ends, wanted, strict=True) for back in range(few, 0, -1))
    return Call(
        ids=_ints(token for part in new for token in part),
        places=at,
        rows=row,
        at=at,
        lengths=_ints(row.length for row in rows),
        pages=[row.pages for row in rows],
        chosen=chosen,
        store=pages,
    )


def _ints(numbers: Any) -> Array:
    return np.array(list(numbers), np.int32)


def load_int8(folder: Path, *, name: str, dtype: str = "int8") -> Int8GPT2:
    """The GPT-2 in `folder` in int8; GenError if files are missing, damaged or do not belong together, or the variant
    is not supported."""
    shape = read_shape(folder)
    transformer, loss = read_int8(folder, shape)
    return Int8GPT2(
        name=name,
        dtype_reason=int8_reason(dtype, loss),
        positions=shape.positions,
        tokenizer=load_tokenizer(folder, transformer.columns),
        transformer=transformer,
        loss=loss,
    )
