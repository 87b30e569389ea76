"""Texts as windows of a BERT, and their masking, which depends on seed, epoch and window alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import torch
from torch import Tensor
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase

from gen_engine.errors import GenError, quoted
from gen_engine.system.underway import doing
from gen_trainkit.loop import Batch
from gen_trainkit.losses import IGNORED
from gen_trainkit.portions import in_portions
from gen_trainkit.reading import PLAIN, TRAINING, has_columns, read_cells
from gen_trainkit.tables import Reading, columns_in
from gen_trainkit.tally import Tally
from gen_trainkit.windows import Windows


def read_columns(
    paths: Sequence[Path],
    *,
    columns: Sequence[str],
    reading: Reading = PLAIN,
    splits: Sequence[str] = TRAINING,
    part: str | None = None,
    tally: Tally | None = None,
) -> list[str]:
    """The non-empty texts of all files, from those of the named columns that each file has; it must have one.

    Files of plain lines have no columns. Raises GenError, too, for a column that no file has.
    """
    tally = Tally() if tally is None else tally
    texts: list[str] = []
    lacking = dict.fromkeys(columns or ("text",))
    for path in paths:
        wanted = [*columns] or ["text"]
        there = columns_in(path, reading) if has_columns(path) else wanted[:1]
        found = [column for column in wanted if column in there] or wanted[:1]  # reading raises the error
        for cells in read_cells(path, found, reading, splits=splits, part=part, tally=tally):
            full = [text for text in cells if text.strip()]
            texts += full
            tally.used += bool(full)
            tally.empty += not full
        lacking = {column: None for column in lacking if column not in found} if has_columns(path) else {}
    if lacking and columns:
        raise GenError(
            f"No file has a column {quoted(next(iter(lacking)))}. Leave it out, or choose another with --column."
        )
    if not texts:
        raise GenError(f"There is no text in {', '.join(map(str, paths))}. Give a file with at least one.")
    return texts


@doing("tokenising")
def encode_windows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], positions: int, *, pack: bool = False
) -> Windows:
    """Every text as one window [CLS] text [SEP], or as several, not overlapping, if longer than `positions` tokens.

    With `pack` a window holds as many consecutive whole texts as fit, each followed by [SEP].
    """
    ids, starts = array("i"), [0]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    for body in _bodies(tokenizer, texts):
        for start in range(0, len(body), positions - 2):
            piece = body[start : start + positions - 2]
            if not (pack and len(starts) > 1 and starts[-1] - starts[-2] + len(piece) + 1 <= positions):
                ids.append(cls)
                starts.append(starts[-1] + 1)
            ids.extend(piece)
            ids.append(sep)
            starts[-1] = len(ids)
    return Windows(torch.tensor(ids, dtype=torch.int32), starts)


def _bodies(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Iterator[list[int]]:
    for part in in_portions(texts):
        options = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False}
        yield from tokenizer(part, verbose=False, **options)["input_ids"]


@dataclass(frozen=True)
class Masking:
    """Which tokens are hidden: `share` of all; of these 80% become [MASK], 10% become another token, and 10% stay."""

    tokenizer: PreTrainedTokenizerBase
    share: float
    seed: int

    def collate(self, windows: Windows, indices: Sequence[int], epoch: int) -> Batch:
        """The windows padded on the right [rows, length]; labels are the hidden tokens, and -100 elsewhere.

        Which tokens of a window are hidden depends on (seed, epoch, its index) alone, not on other rows. Special tokens
        and unknown characters are never hidden, and never replace a token.
        """
        lengths = [windows.starts[index + 1] - windows.starts[index] for index in indices]
        inputs = torch.full((len(indices), max(lengths)), self.tokenizer.pad_token_id, dtype=torch.long)
        labels = torch.full_like(inputs, IGNORED)
        collator = DataCollatorForLanguageModeling(self.tokenizer, mlm_probability=self.share)
        special = torch.zeros(len(self.tokenizer), dtype=torch.bool)
        special[self.tokenizer.all_special_ids] = True
        for row, (index, length) in enumerate(zip(indices, lengths, strict=True)):
            ids = windows.ids[windows.starts[index] : windows.starts[index + 1]].long()
            collator.generator = torch.Generator().manual_seed(self._seed_of(epoch, index))
            hidden, targets = collator.torch_mask_tokens(ids.clone()[None], special_tokens_mask=special[ids][None])
            inputs[row, :length], labels[row, :length] = hidden[0], targets[0]
        stray = special[inputs] & (inputs != self.tokenizer.mask_token_id) & (labels != IGNORED)
        inputs = torch.where(stray, labels, inputs)
        mask = _attention_mask(lengths)
        chosen = (labels.flatten() != IGNORED).nonzero()[:, 0]
        return Batch({"input_ids": inputs} | ({} if mask is None else {"attention_mask": mask}), labels, chosen)

    def _seed_of(self, epoch: int, index: int) -> int:
        digest = blake2b(f"{self.seed}/{epoch}/{index}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")


def _attention_mask(lengths: Sequence[int]) -> Tensor | None:
    """[rows, length], or None where nothing is padded, which saves the model some work."""
    if min(lengths) == max(lengths):
        return None
    return (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
