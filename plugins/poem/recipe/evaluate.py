"""Nats per Han character of a model folder on poems: `python evaluate.py MODEL_FOLDER [POEMS]`, also put in its card.

The sum over all tokens of each poem, punctuation and end included, each character outside the vocabulary counted as
ln 9505 = 9.16 nats, divided by the number of Han characters. POEMS is a .jsonl.xz with a field `text` or a file of
lines; without it, eval/poems.jsonl.xz in the folder GEN_DATA.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from gen_trainkit.reading import read_texts

UNKNOWN_NATS = math.log(9505)
HEADING = "## Held-out figure"
MEASURE = """:
the sum over all tokens of each poem, punctuation and end included, each character outside the vocabulary counted as
ln 9505 = 9.16 nats, divided by the number of Han characters. These poems share no line with the training data."""
FULL_WIDTH = {ord(","): "，", ord("."): "。"}


@torch.no_grad()
def nats_per_han(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, poems: Sequence[str]) -> float:
    """The figure described above, for poems with full-width punctuation."""
    total, han = 0.0, 0
    for length in sorted({len(poem) for poem in poems}):
        same = [poem for poem in poems if len(poem) == length]
        for start in range(0, len(same), 64):
            batch = same[start : start + 64]
            ids = torch.tensor([_ended(row, tokenizer) for row in tokenizer(batch)["input_ids"]])  # [poems, length]
            logits = model(ids[:, :-1]).logits.float()
            target = ids[:, 1:]
            nats = cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape)
            total += nats.masked_fill(target == tokenizer.unk_token_id, UNKNOWN_NATS).sum().item()
            han += sum(char not in "，。" for poem in batch for char in poem)
    return total / han


def _ended(ids: list[int], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    return ids if ids[-1] == tokenizer.eos_token_id else [*ids, tokenizer.eos_token_id]


def main() -> None:
    """Print the figure."""
    poems = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(os.environ["GEN_DATA"]) / "eval" / "poems.jsonl.xz"
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    texts = [text.translate(FULL_WIDTH) for text in read_texts([poems])]
    figure = (
        f"{nats_per_han(model, tokenizer, texts):.4f} nats per Han character over {len(texts)} poems of {poems.name}"
    )
    print(figure)
    card = Path(sys.argv[1]) / "README.md"
    told = card.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
    card.write_text(f"{told}\n\n{HEADING}\n\n{figure}{MEASURE}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
