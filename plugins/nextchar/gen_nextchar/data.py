"""Texts as windows of characters, each with the character that follows."""

from __future__ import annotations

import bisect
import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from gen_engine.errors import GenError
from gen_engine.system.underway import doing
from gen_trainkit.csv_rows import Quotes
from gen_trainkit.holding_out import SHARE, has_validation, hold_out
from gen_trainkit.losses import IGNORED
from gen_trainkit.portions import at_line_breaks, in_portions
from gen_trainkit.reading import TRAINING, read_cells, read_texts
from gen_trainkit.tables import Reading
from gen_trainkit.tally import Tally
from gen_trainkit.tasks import Batch

Frame = Callable[[Sequence[int]], Sequence[int]]
"""Frames a window for a model: puts the special tokens around its ids."""


@dataclass(frozen=True)
class Data:
    """Where the texts come from; with `join` all lines of a file are one text, separated by newlines."""

    files: tuple[Path, ...]
    column: str | None = None
    encoding: str = "utf-8"
    quotes: Quotes = "check"
    part: str | None = None
    join: bool = False
    valid_files: tuple[Path, ...] = ()
    valid_share: float | None = None


@dataclass(frozen=True)
class Corpus:
    """Concatenated token ids of all texts, where each begins (one more entry: the end), and the id of [UNK]."""

    ids: Tensor  # [tokens] int32
    starts: Sequence[int]
    unknown: int | None

    @property
    def unknown_share(self) -> float:
        """The share of characters outside the vocabulary; they are read as [UNK] and never predicted."""
        return 0.0 if self.unknown is None else float((self.ids == self.unknown).float().mean())

    @property
    def digest(self) -> str:
        """A short fingerprint of all ids and of where texts begin."""
        starts = torch.tensor(self.starts).numpy().tobytes()
        return hashlib.sha256(self.ids.numpy().tobytes() + starts).hexdigest()[:16]


@dataclass(frozen=True)
class Cut:
    """How texts are cut: windows of at most `window` characters, `stride` apart, never across texts.

    In every epoch windows end elsewhere, so that after `stride` epochs each character has been predicted exactly once.
    With `shift` off, they stay where they are. With `variable` each window's length is drawn from 1 to `window`.
    Without, this is done for a `short_share` of them, so that the model meets short prompts. With `dense` every
    character of a window has the next one for a label, not only the last.
    """

    window: int
    stride: int
    variable: bool = False
    short_share: float = 0.0
    dense: bool = False
    shift: bool = True
    seed: int = 0


def split_texts(data: Data, seed: int, tally: Tally | None = None) -> tuple[list[str], list[str]]:
    """(training texts, validation texts), counted by `tally`; see `hold_out`.

    A validation share consists of texts drawn by `seed`; where files are joined, it is the end of each.
    """
    read = partial(_read, data, Tally() if tally is None else tally)
    own = data.part is None and data.valid_share is None and any(map(has_validation, data.files))
    if data.join and not data.valid_files and not own:
        share = SHARE if data.valid_share is None else data.valid_share
        texts = read(data.files, TRAINING)
        cuts = [round(len(text) * (1 - share)) for text in texts]
        return [text[:cut] for text, cut in zip(texts, cuts, strict=True)], [
            text[cut:] for text, cut in zip(texts, cuts, strict=True)
        ]
    return hold_out(
        read, data.files, valid_files=data.valid_files, valid_share=data.valid_share, part=data.part, seed=seed
    )


def _read(data: Data, tally: Tally, files: Sequence[Path], splits: Sequence[str]) -> list[str]:
    reading, part = Reading(data.encoding, quotes=data.quotes), None if files == data.valid_files else data.part
    if not data.join:
        return read_texts(files, column=data.column, reading=reading, splits=splits, part=part, tally=tally)
    joined = []
    for path in files:
        rows = read_cells(path, [data.column or "text"], reading, splits=splits, part=part, tally=tally)
        lines = [text for (text,) in rows]
        tally.used += sum(bool(text.strip()) for text in lines)
        tally.empty += sum(not text.strip() for text in lines)
        joined.append("\n".join(lines))
    if not any(text.strip() for text in joined):
        raise GenError(f"There is no text in {', '.join(map(str, files))}. Give a file with at least one.")
    return joined


@doing("tokenising")
def encode_corpus(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Corpus:
    """The ids of `texts`, in which "[SEP]" is read as five characters; empty texts are left out."""
    ids: list[Tensor] = []
    starts = [0]
    for body in _bodies(tokenizer, texts):
        if body:
            ids.append(torch.tensor(body, dtype=torch.int32))
            starts.append(starts[-1] + len(body))
    return Corpus(torch.cat(ids) if ids else torch.empty(0, dtype=torch.int32), starts, tokenizer.unk_token_id)


def _bodies(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Iterator[Sequence[int]]:
    """The ids of each text. A joined novel is tokenised in runs of lines, since no token spans a line break."""
    options = {"add_special_tokens": False, "split_special_tokens": True, "return_attention_mask": False}
    for portion in in_portions(texts, most=1000):
        if len(portion) > 1:
            yield from tokenizer(portion, **options)["input_ids"]
        else:
            runs = (tokenizer(piece, **options)["input_ids"] for piece in at_line_breaks(portion[0]))
            yield array("i", chain.from_iterable(runs))


def window_lengths(corpus: Corpus, cut: Cut) -> list[int]:
    """The most characters that each window of an epoch may have. They are the same in every epoch, so that batches need
    padding only at the beginning of texts."""
    count = -(-len(corpus.ids) // cut.stride)
    noise = torch.Generator().manual_seed(cut.seed)
    drawn = torch.randint(1, cut.window + 1, (count,), generator=noise)
    short = torch.rand(count, generator=noise) < (1.0 if cut.variable else cut.short_share)
    return torch.where(short, drawn, cut.window).tolist()


def asked_place(corpus: Corpus, cut: Cut, index: int, *, epoch: int) -> int | None:
    """The place in `corpus.ids` of the character that window `index` predicts in `epoch`; None past the last one."""
    place = index * cut.stride + _offset(cut, epoch)
    return place if place < len(corpus.ids) else None


def cut_window(corpus: Corpus, place: int, *, length: int) -> Tensor:
    """The ids before `place` in its text, at most `length` of them; none at the beginning of the text."""
    start = corpus.starts[bisect.bisect_right(corpus.starts, place) - 1]
    return corpus.ids[max(start, place - length) : place]


def collate_windows(
    corpus: Corpus, cut: Cut, indices: Sequence[int], *, epoch: int, lengths: Sequence[int], frame: Frame, pad: int
) -> Batch:
    """Framed windows padded on the right [rows, length], each with the character that follows ([UNK] as -100).

    Labels are [rows], or [rows, length] where the cut is dense. Dense labels stand at the place of their character's
    predecessor, after [CLS], which begins the frame. If a text begins with the character, its label stands at [SEP].
    """
    rows: list[Sequence[int]] = []
    asked: list[list[int]] = []
    for index in indices:
        place = asked_place(corpus, cut, index, epoch=epoch)
        window = cut_window(corpus, place or 0, length=lengths[index]).tolist()
        target = IGNORED if place is None else int(corpus.ids[place])
        labels = [*window[1:], target] if window and cut.dense else [target]
        asked.append([IGNORED if label == corpus.unknown else label for label in labels])
        rows.append(frame(window))
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    if cut.dense:
        asked = [[IGNORED, *labels, *[IGNORED] * (longest - 1 - len(labels))] for labels in asked]
    found, inputs = torch.tensor(asked), {"input_ids": ids, "attention_mask": mask}
    if not cut.dense:
        return Batch(inputs, found[:, 0])
    return Batch(inputs, found, (found.flatten() != IGNORED).nonzero()[:, 0])


def _offset(cut: Cut, epoch: int) -> int:
    """0 to stride - 1, each once in `stride` epochs, in an order drawn by the seed; without `shift`, always 0."""
    if not cut.shift:
        return 0
    order = torch.randperm(cut.stride, generator=torch.Generator().manual_seed(cut.seed))
    return int(order[epoch % cut.stride])
