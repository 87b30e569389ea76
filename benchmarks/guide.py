"""What a classifier that guides costs: a step with it beside the same step without."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2ForSequenceClassification
from transformers.utils.logging import disable_progress_bar

import gen_engine as gen
from gen_classify.testing import MARKS, single_characters

from .measure import Figure, interleaved_medians

SIZES = ((2, 128), (4, 256))
"""Layers and widths of the classifiers."""

ROWS = (1, 8)
LENGTH = 40
K = 20


def measure(model: str, rounds: int) -> Iterator[Figure]:
    """Milliseconds a step of texts of 40 characters, 20 candidates weighed at each place; classifiers of noise."""
    engine = gen.load(model)
    chars = [text for text in engine.tokenizer.vocabulary.texts if text and len(text) == 1]
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as made:
        for kind in ("BERT", "GPT-2"):
            for layers, width in SIZES:
                folder = Path(made) / f"{kind}{layers}"
                _write_classifier(folder, kind, chars, layers, width)
                for rows in ROWS:
                    yield _beside_unguided(engine, f"a {kind} of {layers} x {width}", folder, rows, rounds)


def _beside_unguided(engine: Any, title: str, folder: Path, rows: int, rounds: int) -> Figure:
    chain = ("no_unk", "no_special", f"length={LENGTH}", f"top_k={K}")
    seeds = iter(range(10**9))  # a text that was judged before is remembered: each turn writes new ones

    def write(processors: tuple[str, ...]) -> None:
        engine.generate("", processors=processors, num=rows, seed=next(seeds), max_new=LENGTH)

    turns = max(1, rounds // 3)
    plain, guided = interleaved_medians(
        [partial(write, chain), partial(write, (*chain, f"guide='{folder}:1@2'"))], turns
    )
    name = f"guided by {title}, {rows} row{'s' * (rows > 1)}, beside unguided"
    return Figure(name, "ms", 1000 * guided / LENGTH, 1000 * plain / LENGTH)


def _write_classifier(folder: Path, kind: str, chars: list[str], layers: int, width: int) -> None:
    """A classifier of two labels over single characters, with random weights."""
    names = [*MARKS, *dict.fromkeys(chars)]
    torch.manual_seed(0)
    if kind == "BERT":
        sizes = {"hidden_size": width, "num_hidden_layers": layers, "intermediate_size": 4 * width}
        config = BertConfig(
            vocab_size=len(names), num_attention_heads=4, max_position_embeddings=64, pad_token_id=0, **sizes
        )
        BertForSequenceClassification(config).save_pretrained(folder)
    else:
        shape = GPT2Config(
            vocab_size=len(names), n_embd=width, n_layer=layers, n_head=4, n_positions=64, pad_token_id=0
        )
        GPT2ForSequenceClassification(shape).save_pretrained(folder)
    single_characters(names, 64, closes=kind == "BERT").save_pretrained(folder)
