"""Nats per Han character of a model folder on held-out verse, also put in its card: `python evaluate.py MODEL_FOLDER`.

The sum over all tokens of each text, punctuation and end included, each character outside the vocabulary counted as
ln 9505 = 9.16 nats, divided by the number of Han characters. The texts are eval/poems.jsonl.xz and eval/ci.jsonl.xz in
the folder GEN_DATA; where the model folder has a note of how to tell what is known of a text, also behind that.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from prepare import FULL_WIDTH, Verse, context, plain_title, read_rows
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

UNKNOWN_NATS = math.log(9505)
HEADING = "## Held-out figures"
MEASURE = """The sum over all tokens of each text, punctuation and end included, each character outside the vocabulary
counted as ln 9505 = 9.16 nats, divided by the number of Han characters. The poems share no line
with the training data, and none of the ci is in it."""
IGNORED = -100
BATCH = 64
HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")

Known = Callable[[Verse], Verse]
POEMS: dict[str, Known] = {
    "without context": lambda verse: Verse(verse.text, ""),
    "with form, dynasty, author and title": lambda verse: verse,
    "with author and title": lambda verse: replace(verse, form="", dynasty=""),
    "with title": lambda verse: replace(verse, form="", dynasty="", author=""),
    "with form": lambda verse: Verse(verse.text, verse.form),
}
CI: dict[str, Known] = {
    "without context": lambda verse: Verse(verse.text, ""),
    "with tune": lambda verse: Verse(verse.text, verse.form),
    "with tune, dynasty and author": lambda verse: verse,
}
"""What is told of the texts."""


@torch.no_grad()
def nats_per_han(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str]]) -> float:
    """The figure described above, for texts with full-width punctuation, each with its context or ""."""
    total = 0.0
    rows = sorted((_row(tokenizer, *each) for each in texts), key=lambda row: len(row[0]))
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        longest = len(batch[-1][0])
        ids = torch.tensor([row + [0] * (longest - len(row)) for row, _ in batch])  # [texts, longest]
        target = ids[:, 1:].clone()
        for i, (row, given) in enumerate(batch):
            target[i, : given - 1] = target[i, len(row) - 1 :] = IGNORED
        logits = model(ids[:, :-1]).logits.float()
        nats = cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape)
        total += nats.masked_fill(target == tokenizer.unk_token_id, UNKNOWN_NATS).sum().item()
    return total / sum(len(HAN.findall(text)) for _, text in texts)


def _row(tokenizer: PreTrainedTokenizerBase, told: str, text: str) -> tuple[list[int], int]:
    """The tokens of a text behind its context, and how many of these are given."""
    lead = [tokenizer.cls_token_id, *tokenizer(told, add_special_tokens=False)["input_ids"]]
    return [*lead, *tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id], len(lead)


def read_poems() -> list[Verse]:
    """The held-out poems."""
    return [
        Verse(row["text"].translate(FULL_WIDTH), row["form"], row["dynasty"], row["author"], plain_title(row["title"]))
        for row in read_rows("eval/poems")
    ]


def read_ci() -> list[Verse]:
    """The held-out ci."""
    return [Verse(row["text"], row["cipai"], "宋", row["author"]) for row in read_rows("eval/ci")]


def main() -> None:
    """Print the figures."""
    folder = Path(sys.argv[1])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    is_told = (folder / "context.json").is_file()
    told = [f"{HEADING}\n", "| nats per Han character | poems (2,000) | ci (983) |", "|---|---|---|"]
    sets = [(read_poems(), POEMS), (read_ci(), CI)]
    for name in {**POEMS, **CI}:
        if name != "without context" and not is_told:
            continue
        cells = []
        for verses, known in sets:
            pairs = [(context(known[name](verse)), verse.text) for verse in verses if name in known]
            pairs = [(told, text) for told, text in pairs if len(told) + len(text) + 2 <= model.config.n_positions]
            cells.append(f"{nats_per_han(model, tokenizer, pairs):.3f}" if pairs else "")
        told.append(f"| {name} | {' | '.join(cells)} |")
        print(told[-1], flush=True)
    card = folder / "README.md"
    rest = card.read_text(encoding="utf-8").partition(HEADING[:-1])[0].rstrip() if card.is_file() else ""
    card.write_text("\n".join([rest, "", *told, "", MEASURE, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
