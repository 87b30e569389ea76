"""A larger model that computes what a smaller one does: `python grow.py SMALL TEXTS.jsonl LARGE`.

Each layer of the small GPT-2 is followed by a copy of itself whose outputs are zero, so that it adds nothing until it
is trained (stacking: Gong et al. 2019; the same function at first: Chen et al. 2016, "Net2Net"). The vocabulary gets
the commonest characters of TEXTS (`context` and `text`) that it lacks, and there are more positions.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel, PreTrainedTokenizerFast

VOCABULARY, POSITIONS = 5600, 320


def more_layers(small: GPT2LMHeadModel, vocabulary: int) -> GPT2LMHeadModel:
    """The same function with twice the layers; the new rows of both embeddings are drawn as GPT-2 does."""
    torch.manual_seed(0)
    config = type(small.config)(
        **{**small.config.to_dict(), "n_layer": 2 * small.config.n_layer, "n_positions": POSITIONS,
           "vocab_size": vocabulary, "dtype": "float32"}
    )  # fmt: skip
    large = GPT2LMHeadModel(config)
    old, new = small.state_dict(), large.state_dict()
    for name, value in new.items():
        parts = name.split(".")
        if parts[1] == "h":
            source = ".".join([*parts[:2], str(int(parts[2]) // 2), *parts[3:]])
            adds = int(parts[2]) % 2 == 0 or "c_proj" not in name
            value.copy_(old[source] if adds else torch.zeros_like(value))
        else:
            value[: len(old[name])] = old[name]
    large.load_state_dict(new)
    return large


def more_characters(tokenizer: PreTrainedTokenizerFast, texts: Path) -> PreTrainedTokenizerFast:
    """The tokenizer with new characters behind the old ones; no token changes its number."""
    counts: Counter[str] = Counter()
    with texts.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            counts.update(row["context"] + row["text"])
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    known = core["model"]["vocab"]
    fresh = sorted((char for char in counts if char not in known), key=lambda char: (-counts[char], char))
    for char in fresh[: VOCABULARY - len(known)]:
        known[char] = len(known)
    grown = Tokenizer.from_str(json.dumps(core))
    roles = tokenizer.special_tokens_map
    return PreTrainedTokenizerFast(
        tokenizer_object=grown, model_max_length=POSITIONS, clean_up_tokenization_spaces=False, **roles
    )


def main() -> None:
    """Write the larger model."""
    small, texts, large = map(Path, sys.argv[1:])
    tokenizer = more_characters(AutoTokenizer.from_pretrained(small), texts)
    model = more_layers(AutoModelForCausalLM.from_pretrained(small, dtype=torch.float32), len(tokenizer))
    model.save_pretrained(large)
    tokenizer.save_pretrained(large)
    print(f"{model.num_parameters():,} parameters, vocabulary of {len(tokenizer):,}")


if __name__ == "__main__":
    main()
