"""Tiny classifiers with random weights, for the conformance kit's examples of `guide` and for tests."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LABELS = ("秋", "春")


def write_tiny_classifier(
    folder: Path,
    *,
    kind: str = "bert",
    labels: tuple[str, ...] = LABELS,
    chars: str = "春夏秋冬花月夜，。abc",
    positions: int = 32,
    seed: int = 0,
) -> Path:
    """Write a classifier of random weights and single characters; `kind` is bert or gpt2.

    With one label it has one logit, whose sigmoid is that label's probability.
    """
    import torch
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    options: dict[str, Any] = {"pad_token_id": 0, "id2label": names, "label2id": {v: k for k, v in names.items()}}
    if len(labels) == 1:
        options |= {
            "problem_type": "multi_label_classification",
            "threshold": 0.5,
        }
    letters = dict.fromkeys(chars)
    make = _bert if kind == "bert" else _gpt2
    model = make(len(MARKS) + len(letters), positions, options)
    for weight in model.parameters():
        if weight.ndim > 1:  # large enough that every character matters
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    single_characters([*MARKS, *letters], positions, closes=kind == "bert").save_pretrained(folder)
    return folder


def _bert(size: int, positions: int, options: dict[str, Any]) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=positions, **options,
    )  # fmt: skip
    return BertForSequenceClassification(config)


def _gpt2(size: int, positions: int, options: dict[str, Any]) -> Any:
    from transformers import GPT2Config, GPT2ForSequenceClassification

    config = GPT2Config(
        vocab_size=size, n_embd=16, n_layer=2, n_head=2, n_positions=positions, bos_token_id=2, eos_token_id=3,
        **options,
    )  # fmt: skip
    return GPT2ForSequenceClassification(config)


def single_characters(names: Sequence[str], positions: int, *, closes: bool) -> Any:
    """A tokenizer of single characters; texts begin with [CLS], and with `closes` end with [SEP]."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    single = "[CLS] $A [SEP]" if closes else "[CLS] $A"
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=positions,
    )  # fmt: skip


@cache
def example_folder() -> Path:
    """A tiny classifier in a folder of its own, removed when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="gen-guide-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return write_tiny_classifier(folder)
