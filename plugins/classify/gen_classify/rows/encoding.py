"""Texts and pairs as concatenated token ids, and batches of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from gen_classify.rows.reading import Table
from gen_engine.system.underway import counted
from gen_trainkit.loop import Batch
from gen_trainkit.portions import in_portions


@dataclass(frozen=True)
class Encoded:
    """Concatenated token ids of all rows, where each begins (one more entry: the end), and types where there are pairs.

    `cut` is the number of rows that were too long and lost their ends.
    """

    ids: Tensor  # [tokens] int32
    starts: list[int]
    types: Tensor | None  # [tokens] uint8
    cut: int

    @property
    def lengths(self) -> list[int]:
        """Tokens in each row."""
        return [end - start for start, end in zip(self.starts, self.starts[1:], strict=False)]


def encode_rows(tokenizer: Any, table: Table, length: int) -> Encoded:
    """Every row as the tokenizer frames it, at most `length` tokens; of a pair the longer text is cut first."""
    ids, types = array("i"), array("b")
    starts, cut = [0], 0
    with_types = bool(table.seconds) and "token_type_ids" in tokenizer.model_input_names
    rows = zip(table.texts, table.seconds or repeat(""), strict=False)
    portions = in_portions(rows, size=lambda row: len(row[0]) + len(row[1]))
    for portion in counted(portions, f"tokenising {len(table.texts):,} texts, batches"):
        found = tokenizer(
            [first for first, _ in portion],
            [second for _, second in portion] if table.seconds else None,
            truncation=True,
            max_length=length,
            return_attention_mask=False,
            return_token_type_ids=with_types,
        )
        for row in found["input_ids"]:
            ids.extend(row)
            starts.append(len(ids))
        for row in found.get("token_type_ids", ()):
            types.extend(row)
        cut += sum(bool(each.overflowing) for each in found.encodings or ())
    kinds = torch.tensor(types, dtype=torch.uint8) if with_types else None
    return Encoded(torch.tensor(ids, dtype=torch.int32), starts, kinds, cut)


def frame_lengths(tokenizer: Any) -> tuple[int, int]:
    """How many special tokens the tokenizer puts before a text, and how many after it."""
    framed = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    before = next((place for place, special in enumerate(framed) if not special), 0)
    return before, len(framed) - 1 - before if len(framed) > before else 0


def collate_rows(
    encoded: Encoded,
    rows: Sequence[int],
    labels: Tensor,
    *,
    pad: int,
    masked: bool,
    keep: Callable[[Tensor, int], Tensor],
) -> Batch:
    """The rows padded on the right [rows, length] with their labels [rows]; `keep(places, row)` may drop places.

    A mask is made if `masked` and there is padding. Causal models need none: nothing after the last token is seen.
    """
    spans = [keep(torch.arange(encoded.starts[row], encoded.starts[row + 1]), row) for row in rows]
    lengths = torch.tensor([len(span) for span in spans])
    longest = int(lengths.max())
    real = torch.arange(longest) < lengths[:, None]  # [rows, length]
    places = torch.cat(spans)
    inputs = {"input_ids": torch.full(real.shape, pad).masked_scatter_(real, encoded.ids[places].long())}
    if encoded.types is not None:
        inputs["token_type_ids"] = torch.zeros(real.shape).long().masked_scatter_(real, encoded.types[places].long())
    if masked and not real.all():
        inputs["attention_mask"] = real.long()
    return Batch(inputs, labels)
