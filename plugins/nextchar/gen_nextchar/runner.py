"""Next-character models as `LanguageModel`s, without a cache of states: every character needs its own window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from gen_engine.models.checkpoint import check_tensors, read_weights
from gen_engine.models.dtype import choose_dtype
from gen_engine.models.kernels import SIZES, Layer, Linear, alike, apart, make_linear
from gen_engine.models.tokenizer import FolderTokenizer, load_tokenizer
from gen_nextchar.encoder import Encoder, make_encoder
from gen_nextchar.framing import Framing
from gen_nextchar.heads import Head, HeadKind
from gen_nextchar.shapes import EncoderShape, read_model_shape

AT_ONCE = 64
"""The most windows that are computed together."""


@dataclass
class Rows:
    """The cache: all tokens of each row of the last call."""

    tokens: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class NextCharModel:
    """A BERT with a head as a `LanguageModel`; `dtype_reason` says why it computes in `dtype`.

    `sizes` are the numbers of windows that its head may compute together (None: any); `at_once` is the most.
    """

    name: str
    dtype: str
    dtype_reason: str
    reproducible: bool
    tokenizer: FolderTokenizer
    framing: Framing
    encoder: Encoder
    head: Head
    output: Linear
    sizes: tuple[int, ...] | None
    at_once: int = AT_ONCE
    positions: int | None = None  # texts of any length are read in windows

    @property
    def rewinds(self) -> bool:
        """Every window is computed afresh, whatever a row continues."""
        return True

    @property
    def verifies(self) -> int:
        """Every window is computed for itself, so any number of tokens may be read at once."""
        return self.at_once

    def open(self, capacity: int) -> Rows:
        """An empty cache; it grows by itself, so `capacity` is only a hint."""
        del capacity
        return Rows()

    @torch.inference_mode()
    def feed(
        self,
        cache: Rows,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Tensor:
        """Logits [sum(last), vocab] after the last tokens of each row; see `LanguageModel.feed`.

        A context is ordinary text, which the window leaves behind like any other.
        """
        del pinned
        cache.tokens = [
            [*(cache.tokens[parent][:kept] if parent >= 0 else []), *new]
            for parent, kept, new in zip(parents, keep, tokens, strict=True)
        ]
        windows = [
            self.framing.frame(row[: len(row) - back])
            for row, wanted in zip(cache.tokens, last or [1] * len(cache.tokens), strict=True)
            for back in range(wanted)[::-1]
        ]
        parts = [self._logits(windows[i : i + self.at_once]) for i in range(0, len(windows), self.at_once)]
        return torch.cat(parts) if parts else torch.empty(0, len(self.tokenizer.vocabulary))

    def _logits(self, windows: Sequence[list[int]]) -> Tensor:
        """Logits [windows, vocab]. All are computed at the greatest possible length, so that a row's sums do not depend
        on longer rows."""
        length = -(-self.framing.most // LENGTHS) * LENGTHS
        ids = torch.tensor([window + [self.framing.pad] * (length - len(window)) for window in windows])
        seen = torch.tensor([len(window) for window in windows])
        states = self.encoder.states(ids, seen)

        def found(rows: Tensor) -> Tensor:
            read = states[rows]
            pooled = None if self.encoder.pooler is None else self.encoder.pooler(read[:, 0].contiguous()).tanh()
            return self.output(self.head(read[:, : self.framing.most], seen[rows], pooled)).float()

        rows = torch.arange(len(windows))
        return found(rows) if self.sizes is None else apart(found, self.sizes, rows)


LENGTHS = 8
"""Windows are padded to a multiple of this many tokens, because kernels then treat all rows alike."""


def load_nextchar(
    folder: Path, kind: HeadKind, *, name: str, dtype: str = "auto", fast: bool = False, why: str = ""
) -> NextCharModel:
    """The model in `folder`, with a head of `kind`. `why` says why it does not compute in int8. `fast` computes all
    windows together, independent or not.

    Raises GenError if files are missing, damaged or do not belong together, or the variant is not supported.
    """
    model_shape = read_model_shape(folder, kind.shape)
    shape, settings = model_shape.encoder, model_shape.settings
    width = shape.size if settings.tie else model_shape.tensors["output.weight"][1]
    computed, reason = choose_dtype(dtype, [*linears(shape), Layer(shape.vocabulary, width, bias=False)])
    found = read_weights(folder)
    check_tensors(found, model_shape.tensors, str(folder))
    with torch.inference_mode():
        cast = {key: tensor.to(computed).contiguous() for key, tensor in found.items()}
        parts = {key.removeprefix("encoder."): tensor for key, tensor in cast.items() if key.startswith("encoder.")}
        encoder = make_encoder(shape, parts)
        output = make_linear(encoder.tokens if settings.tie else cast["output.weight"], None)
        model = NextCharModel(
            name=name,
            dtype=str(computed).removeprefix("torch."),
            dtype_reason=f"{reason}; {why}" if why else reason,
            reproducible=True,
            tokenizer=load_tokenizer(folder, shape.vocabulary),
            framing=model_shape.framing,
            encoder=encoder,
            head=kind.make(settings, cast),
            output=output,
            sizes=None,
        )
        sizes = sizes_apart(model)
    return replace(model, reproducible=sizes == SIZES_AT_ONCE) if fast else replace(model, sizes=sizes)


def linears(shape: EncoderShape) -> list[Layer]:
    """The kinds of linear layers of a block."""
    size, inner = shape.size, shape.inner
    return [Layer(3 * size, size), Layer(size, size), Layer(inner, size, shape.activation), Layer(size, inner)]


SIZES_AT_ONCE = tuple(size for size in SIZES if size <= AT_ONCE)


@torch.inference_mode()
def sizes_apart(model: NextCharModel) -> tuple[int, ...]:
    """The numbers of windows that may be computed together, as each gets the same bits in all of them; else 1.

    This is tested on this machine with random windows and one layer, since all layers have the same shapes. The windows
    are full, because longer sums show a difference more surely.
    """
    shallow = replace(model, encoder=replace(model.encoder, blocks=model.encoder.blocks[:1]), sizes=None)
    noise = torch.Generator().manual_seed(0)
    drawn = torch.randint(model.encoder.shape.vocabulary, (AT_ONCE, model.framing.window), generator=noise)
    windows = [model.framing.frame(row.tolist()) for row in drawn]

    def logits(rows: Tensor) -> Tensor:
        return shallow._logits([windows[row] for row in rows])

    return alike(logits, torch.arange(AT_ONCE)) or (1,)
