"""Next-character models in int8 by the compiled step: the same bits on every machine; nothing here imports torch.

While a text is shorter than the window, an encoder that looks left only keeps what it made of it. Each new character
then costs one token. Once the window slides, all positions change, and it is read anew. Either way the bits are the
same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gen_engine.compiled.arithmetic import Array
from gen_engine.compiled.library import as_int32
from gen_engine.compiled.pages import PagedRow, Pages, continued
from gen_engine.compiled.stages import Int8Stages
from gen_engine.compiled.storing import packed_once
from gen_engine.compiled.transformer import Call, Int8Transformer
from gen_engine.models.arrays import read_arrays
from gen_engine.models.checkpoint import check_tensors
from gen_engine.models.int8 import int8_reason
from gen_engine.models.tokenizer import FolderTokenizer, load_tokenizer
from gen_nextchar.framing import Framing
from gen_nextchar.int8_layers import (
    Fresh,
    Int8Head,
    Int8Kind,
    Reading,
    Source,
    Stored,
    make_encoder,
    make_output,
    make_pooler,
    read_place,
)
from gen_nextchar.int8_loss import measure_loss
from gen_nextchar.shapes import read_model_shape
from gen_nextchar.windows import Window, in_portions, plan

VERIFIED = 64
"""The most tokens of a draft that are worth reading at once."""


@dataclass(eq=False)
class Rows:
    """The cache: all tokens of each row of the last call, its window if that may still grow, and the pages of all."""

    pages: Pages
    tokens: list[list[int]] = field(default_factory=list)
    windows: list[Window | None] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Int8NextChar:
    """A BERT with a head as a `LanguageModel`; `dtype_reason` says why it computes in int8, and `loss` what that
    costs in nats a character. `before_sep` says where predictions are read (see `read_place`).
    """

    name: str
    dtype_reason: str
    tokenizer: FolderTokenizer
    framing: Framing
    encoder: Int8Transformer
    pooler: Int8Stages | None
    head: Int8Head
    before_sep: bool
    loss: float
    dtype: str = "int8"
    reproducible: bool = True
    portable: bool = True
    positions: int | None = None  # texts of any length are read in windows

    @property
    def rewinds(self) -> bool:
        """A row that is cut back is read afresh where nothing was kept of its beginning, with the same bits."""
        return True

    @property
    def verifies(self) -> int:
        """Tokens read at once have the bits of single ones, any number of them."""
        return VERIFIED

    @property
    def grows(self) -> bool:
        """Whether what was made of a window stays true when the window grows."""
        return self.encoder.left_only and self.pooler is None

    def open(self, capacity: int) -> Rows:
        """An empty cache; it grows by itself, so `capacity` is only a hint."""
        del capacity
        return Rows(Pages(*self.encoder.pages))

    def feed(
        self,
        cache: Rows,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Array:
        """Logits [sum(last), vocab] after the last tokens of each row; see `LanguageModel.feed`.

        A context is ordinary text, which the window leaves behind like any other.
        """
        del pinned
        texts = [
            [*(cache.tokens[parent][:kept] if parent >= 0 else []), *new]
            for parent, kept, new in zip(parents, keep, tokens, strict=True)
        ]
        asked = [
            [self._shown(text[: len(text) - back]) for back in range(wanted)[::-1]]
            for text, wanted in zip(texts, last or [1] * len(texts), strict=True)
        ]
        before = [cache.windows[parent] if parent >= 0 else None for parent in parents]
        windows, answers = plan(asked, before, self._place, grows=self.grows)
        found = self._read(cache, windows)
        firsts = dict(zip(windows, np.cumsum([0, *(len(window.wanted) for window in windows)]).tolist(), strict=False))
        places = [firsts[window] + which for window, which in answers]
        ends = np.cumsum([len(each) for each in asked]).tolist()
        self._keep(cache, windows, [answers[end - 1][0] for end in ends])
        cache.tokens = texts
        return found if places == list(range(len(found))) else found[places]

    def _shown(self, text: Sequence[int]) -> tuple[int, ...]:
        """The framed window of a text; if no token sees those after it, only up to the place of the prediction."""
        window = self.framing.frame(text)
        return tuple(window[: read_place(len(window), self.before_sep) + 1] if self.encoder.left_only else window)

    def _place(self, window: tuple[int, ...]) -> int:
        """After which token of a window the prediction is read."""
        return len(window) - 1 if self.encoder.left_only else read_place(len(window), self.before_sep)

    def _stays(self, window: Window) -> bool:
        """Whether a longer text may go on from the window."""
        return self.grows and len(window.tokens) <= read_place(self.framing.most, self.before_sep)

    def _keep(self, cache: Rows, windows: Sequence[Window], latest: Sequence[Window]) -> None:
        """Keep the latest windows that may grow, and free the pages of all others that were read."""
        cache.windows = [window if self._stays(window) else None for window in latest]
        kept = set(cache.windows)
        for window in windows:
            window.parent = None
            window.wanted = []
            if window not in kept:
                cache.pages.drop(window.row.pages)
                window.row.pages, window.memory = [], None

    def _read(self, cache: Rows, windows: Sequence[Window]) -> Array:
        """The logits of all windows, in order. Those that pass by get pages only while they are computed."""
        old = [window.row for window in dict.fromkeys(cache.windows) if window is not None]
        growing = [window for window in windows if window.parent is not None or self._stays(window)]
        self._take_pages(cache.pages, growing, old)
        passing = set(windows).difference(growing)
        parts = [np.empty((0, self.head.columns), np.float32)]
        for portion in in_portions(windows):
            gone = [window for window in portion if window in passing]
            self._take_pages(cache.pages, gone, [])
            parts.append(self._compute(cache.pages, portion))
            for window in gone:
                cache.pages.drop(window.row.pages)
                window.row.pages = []
        return np.concatenate(parts)

    def _take_pages(self, pages: Pages, windows: Sequence[Window], old: Sequence[PagedRow]) -> None:
        """Give each window the pages of its parent, and more for its new tokens."""
        parents = [None if window.parent is None else window.parent.row for window in windows]
        rows = continued(
            pages, parents, [window.kept for window in windows], [len(window.new) for window in windows], old
        )
        for window, row in zip(windows, rows, strict=True):
            window.row = row

    def _compute(self, pages: Pages, windows: Sequence[Window]) -> Array:
        """The logits after all wanted places of some windows, [places, vocab]."""
        counts = [len(window.new) for window in windows]
        kept = [window.kept for window in windows]
        firsts = np.cumsum([0, *counts])[:-1]
        at = np.concatenate([np.arange(a, a + b, dtype=np.int32) for a, b in zip(kept, counts, strict=True)])
        wanted = [
            first + place - before
            for first, before, window in zip(firsts.tolist(), kept, windows, strict=True)
            for place in window.wanted
        ]
        chosen = list(range(len(at))) if self.head.reads_all else wanted
        states = self.encoder.step(
            Call(
                ids=as_int32([token for window in windows for token in window.new]),
                places=at,
                rows=np.repeat(np.arange(len(windows), dtype=np.int32), counts),
                at=at,
                lengths=as_int32([window.row.length for window in windows]),
                pages=[window.row.pages for window in windows],
                chosen=as_int32([*chosen, *(firsts.tolist() if self.pooler else [])]),
                store=pages,
            )
        )
        pooled = None if self.pooler is None else self.pooler(states[len(chosen) :])
        memories = [None if window.parent is None else window.parent.memory for window in windows]
        reading = Reading(states[: len(chosen)], counts, kept, [window.wanted for window in windows], memories, pooled)
        logits, found = self.head.read(reading)
        for window, memory in zip(windows, found, strict=True):
            window.memory = memory
        return logits


def load_int8(folder: Path, kind: Int8Kind, *, name: str, dtype: str = "int8") -> Int8NextChar:
    """The model in `folder` in int8, with a head of `kind`. It is packed once, and what int8 costs is measured then.

    Raises GenError if files are missing, damaged or do not belong together, or the variant is not supported.
    """
    shape = read_model_shape(folder, kind.shape)
    tokenizer = load_tokenizer(folder, shape.encoder.vocabulary)

    def model(source: Source, loss: float) -> Int8NextChar:
        return Int8NextChar(
            name=name,
            dtype_reason=int8_reason(dtype, loss),
            tokenizer=tokenizer,
            framing=shape.framing,
            encoder=make_encoder(shape.encoder, source),
            pooler=make_pooler(shape.settings, source),
            head=kind.make(shape.settings, source, make_output(shape.settings, source)),
            before_sep=kind.before_sep(shape.settings),
            loss=loss,
        )

    def pack() -> dict[str, Array]:
        found = read_arrays(folder)
        check_tensors(found, shape.tensors, str(folder))
        stored: dict[str, Array] = {}
        made = model(Fresh(shape.tensors, found, stored), 0.0)

        def ask(texts: list[list[int]]) -> Array:
            return made.feed(made.open(len(texts)), [-1] * len(texts), [0] * len(texts), texts)

        return stored | {"loss": np.array([measure_loss(ask, found, shape, kind)], np.float32)}

    packed = packed_once(folder, "nextchar", pack)
    return model(Stored(shape.tensors, packed), float(packed.arrays["loss"][0]))
