"""A model of the shipped one's kind with random weights: speed without training."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils.logging import disable_progress_bar

from gen_gpt2.data_vocab import build_tokenizer

HAN = "".join(map(chr, range(0x4E00, 0x4E00 + 6140)))


def write_random_model(folder: Path) -> None:
    """A folder with a GPT-2 of 4 layers, 256 wide, over 6,140 characters and the marks of verse."""
    disable_progress_bar()
    tokenizer = build_tokenizer([HAN + "，。白"], "chars", size=None, min_count=1, positions=128)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=128,
        n_embd=256,
        n_layer=4,
        n_head=4,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
