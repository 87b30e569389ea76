"""A tiny GPT-2 and a tiny classifier in folders, made without torch; and what may be wrong with a model's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save, save_file

CHARS = "白日依山尽黄河入海流欲穷千里目更上一层楼风花雪月春夏秋冬东西南北人心天地，。！？"
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARS]
WIDTH, POSITIONS = 8, 64

GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": 1, "n_head": 2, "n_embd": WIDTH,
    "n_positions": POSITIONS, "vocab_size": len(VOCAB), "tie_word_embeddings": True, "bos_token_id": None,
    "eos_token_id": None,
}  # fmt: skip
BERT = {
    "model_type": "bert", "architectures": ["BertForSequenceClassification"], "num_hidden_layers": 1,
    "num_attention_heads": 2, "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "vocab_size": len(VOCAB),
    "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "id2label": {"0": "坏", "1": "好"},
    "label2id": {"坏": 0, "好": 1},
}  # fmt: skip


def drawn(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def gpt2_tensors() -> dict[str, np.ndarray]:
    w, h = WIDTH, "transformer.h.0."
    norms = {f"{h}{n}.{p}": (w,) for n in ("ln_1", "ln_2") for p in ("weight", "bias")}
    linear = {"attn.c_attn": (w, 3 * w), "attn.c_proj": (w, w), "mlp.c_fc": (w, 4 * w), "mlp.c_proj": (4 * w, w)}
    layers = {f"{h}{n}.weight": shape for n, shape in linear.items()}
    biases = {f"{h}{n}.bias": shape[1:] for n, shape in linear.items()}
    ends = {"transformer.ln_f.weight": (w,), "transformer.ln_f.bias": (w,)}
    tables = {"transformer.wte.weight": (len(VOCAB), w), "transformer.wpe.weight": (POSITIONS, w)}
    return drawn({**norms, **layers, **biases, **ends, **tables})


def bert_tensors() -> dict[str, np.ndarray]:
    w = WIDTH
    embeddings = {"word_embeddings": len(VOCAB), "position_embeddings": POSITIONS, "token_type_embeddings": 2}
    shapes: dict[str, tuple[int, ...]] = {f"bert.embeddings.{n}.weight": (rows, w) for n, rows in embeddings.items()}
    layer = "bert.encoder.layer.0."
    linear = {
        "attention.self.query": (w, w), "attention.self.key": (w, w), "attention.self.value": (w, w),
        "attention.output.dense": (w, w), "intermediate.dense": (2 * w, w), "output.dense": (w, 2 * w),
    }  # fmt: skip
    named = {layer + name: shape for name, shape in linear.items()}
    named |= {"bert.pooler.dense": (w, w), "classifier": (2, w)}
    for name, shape in named.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in ("bert.embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"):
        shapes |= {f"{name}.weight": (w,), f"{name}.bias": (w,)}
    return drawn(shapes)


def make_gpt2(path: Path) -> None:
    _make(path, GPT2, gpt2_tensors())


def make_judge(path: Path) -> None:
    _make(path, BERT, bert_tensors())
    (path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')


def _make(path: Path, config: Mapping[str, Any], tensors: dict[str, np.ndarray]) -> None:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    (path / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    save_file(tensors, path / "model.safetensors", {"format": "pt"})


# ------------------------------------------------------------------------------------------------ what may be wrong


def with_config(text: str | None = None, **changes: Any) -> Callable[[Path], None]:
    """The GPT-2 with another config.json: this text, or the same with changes."""

    def make(path: Path) -> None:
        make_gpt2(path)
        (path / "config.json").write_text(json.dumps({**GPT2, **changes}) if text is None else text, encoding="utf-8")

    return make


def with_file(
    name: str, made: bytes | Callable[[Path], object] | None, base: Callable[[Path], None] = make_gpt2
) -> Callable[[Path], None]:
    """The GPT-2, or what `base` makes, with this file instead of its own, or without it."""

    def make(path: Path) -> None:
        base(path)
        (path / name).unlink(missing_ok=True)
        if isinstance(made, bytes):
            (path / name).write_bytes(made)
        elif made is not None:
            made(path / name)

    return make


def with_tensors(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Callable[[Path], None]:
    """The GPT-2 with other tensors."""
    return with_file("model.safetensors", lambda path: path.write_bytes(save(change(gpt2_tensors()))))


def weights() -> bytes:
    """The GPT-2's model.safetensors."""
    return save(gpt2_tensors())


def judge_with(name: str, made: bytes | Callable[[Path], object] | None) -> Callable[[Path], None]:
    """The classifier with this file instead of its own, or without it."""
    return with_file(name, made, make_judge)
