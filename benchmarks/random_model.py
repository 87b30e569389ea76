"""Models of the shipped one's kind with random weights: speed without training."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils.logging import disable_progress_bar

from gen_gpt2.data_vocab import build_tokenizer


def write_random_model(
    folder: Path, *, layers: int = 4, width: int = 256, heads: int = 4, vocabulary: int = 6_147, positions: int = 128
) -> None:
    """A folder with a GPT-2 of these sizes over the marks of verse and so many characters as fill the vocabulary."""
    disable_progress_bar()
    han = dict.fromkeys(["白", *map(chr, range(0x4E00, 0xA000))])
    kept = "".join([*han][: vocabulary - 6])  # beside four special tokens and two marks
    tokenizer = build_tokenizer([kept + "，。"], "chars", size=None, min_count=1, positions=positions)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=positions,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_large_model(folder: Path) -> None:
    """A folder with a GPT-2 of 102 million weights: 12 layers, 768 wide, 20,906 tokens."""
    write_random_model(folder, layers=12, width=768, heads=12, vocabulary=20_906, positions=1024)
