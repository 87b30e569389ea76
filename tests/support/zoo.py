"""A zoo of tiny models with random weights: one of each family and kind of tokenizer that people use.

`make(name, folder)` writes one as its family is published: config.json, generation_config.json, model.safetensors,
tokenizer.json and tokenizer_config.json. `make_all(folder)` writes all of `FAMILIES`. `SEEING` are models that see
later tokens, so that they can write no text from left to right.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
import zoo_tokenizers as kinds
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers.utils import logging

ROPE = {"num_attention_heads": 2, "hidden_size": 32, "num_hidden_layers": 2}
"""The sizes that most families call so."""

GATED = {**ROPE, "intermediate_size": 48, "num_key_value_heads": 1, "initializer_range": 0.4}
GEMMA = {**GATED, "head_dim": 16, "query_pre_attn_scalar": 16}
BERT = {**ROPE, "intermediate_size": 48, "initializer_range": 0.4, "max_position_embeddings": 56}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 48, "initializer_range": 0.4}
SPREAD = 2.5
"""The standard deviation of logits: some tokens are far likelier than others, so a wrong row shows."""


@dataclass(frozen=True)
class Family:
    """A class of transformers, its sizes, and its tokenizer, with the names of its start token and its end tokens.

    generation_config.json lists all `ends`; config.json only the first, or all with `ends_in_config`. The logits have
    `surplus` columns more than the tokenizer has tokens.
    """

    kind: str
    sizes: Mapping[str, Any]
    tokenizer: Callable[[], Any]
    begin: str | None = None
    ends: tuple[str, ...] = ()
    ends_in_config: bool = False
    surplus: int = 0
    named: Mapping[str, str] = field(default_factory=dict)
    """The other special tokens that tokenizer_config.json names."""

    salt: int = 0
    """Another one gives other weights."""


FAMILIES = {
    "llama": Family("LlamaForCausalLM", GATED, kinds.llama, "<s>", ("</s>",), named={"unk_token": "<unk>"}),
    "llama3": Family(
        "LlamaForCausalLM",
        {**GATED, "tie_word_embeddings": True, "max_position_embeddings": 64},
        kinds.llama3,
        "<|begin_of_text|>",
        ("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"),
        ends_in_config=True,
    ),
    "qwen2": Family("Qwen2ForCausalLM", GATED, kinds.qwen, None, ("<|im_end|>", "<|endoftext|>"), surplus=11, salt=1),
    "gemma3": Family(
        "Gemma3ForCausalLM",
        {**GEMMA, "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]},
        kinds.gemma,
        "<bos>",
        ("<eos>", "<end_of_turn>"),
        ends_in_config=True,
        salt=7,
    ),
    "gemma2": Family(
        "Gemma2ForCausalLM",
        {**GEMMA, "sliding_window": 16, "tie_word_embeddings": False},
        kinds.gemma,
        "<bos>",
        ("<eos>", "<end_of_turn>"),
    ),
    "mistral": Family("MistralForCausalLM", {**GATED, "sliding_window": 16}, kinds.mistral, "<s>", ("</s>",)),
    "gpt-neox": Family(
        "GPTNeoXForCausalLM",
        {**ROPE, "intermediate_size": 48, "initializer_range": 0.4, "max_position_embeddings": 64},
        kinds.neox,
        "<|endoftext|>",
        ("<|endoftext|>",),
        surplus=4,
        salt=2,
    ),
    "opt": Family(
        "OPTForCausalLM",
        {**ROPE, "ffn_dim": 48, "max_position_embeddings": 48, "word_embed_proj_dim": 32, "init_std": 0.4},
        kinds.opt,
        "</s>",
        ("</s>",),
        named={"pad_token": "<pad>", "unk_token": "</s>"},
    ),
    "bloom": Family(
        "BloomForCausalLM",
        {"hidden_size": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.4},
        kinds.bloom,
        "<s>",
        ("</s>",),
        named={"unk_token": "<unk>"},
    ),
    "mpt": Family(
        "MptForCausalLM",
        {"d_model": 32, "n_layers": 2, "n_heads": 2, "max_seq_len": 60, "initializer_range": 0.4},
        kinds.neox,
        None,
        ("<|endoftext|>",),
        salt=2,
    ),
    "phi": Family(
        "PhiForCausalLM",
        {**ROPE, "intermediate_size": 48, "initializer_range": 0.4},
        kinds.code,
        "<|endoftext|>",
        ("<|endoftext|>",),
        surplus=7,
        salt=1,
    ),
    "mamba": Family(
        "MambaForCausalLM",
        {"hidden_size": 24, "num_hidden_layers": 2, "state_size": 4, "tie_word_embeddings": False},
        kinds.neox,
        "<|endoftext|>",
        ("<|endoftext|>",),
        surplus=4,
        salt=2,
    ),
    "mamba2": Family(
        "Mamba2ForCausalLM",
        {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "state_size": 4,
            "num_heads": 4,
            "head_dim": 8,
            "n_groups": 2,
            "chunk_size": 8,
        },
        kinds.mistral,
        "<s>",
        ("</s>",),
    ),
    "rwkv": Family(
        "RwkvForCausalLM",
        {"hidden_size": 24, "num_hidden_layers": 2, "context_length": 64},
        kinds.neox,
        "<|endoftext|>",
        ("<|endoftext|>",),
    ),
    "lfm2": Family(
        "Lfm2ForCausalLM",
        {**GATED, "layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
        kinds.llama3,
        "<|begin_of_text|>",
        ("<|eot_id|>",),
    ),
    "gpt2": Family("GPT2LMHeadModel", GPT, kinds.unigram, None, ("</s>",), named={"unk_token": "<unk>"}),
    "gpt2-chinese": Family(
        "GPT2LMHeadModel",
        {**GPT, "n_positions": 64},
        kinds.bert_chinese,
        named={"unk_token": "[UNK]", "sep_token": "[SEP]", "cls_token": "[CLS]"},
        salt=8,
    ),
    "openai-gpt": Family(
        "OpenAIGPTLMHeadModel", {**GPT, "tie_word_embeddings": False}, kinds.word_ends, named={"unk_token": "<unk>"}
    ),
    "bert": Family(
        "BertLMHeadModel",
        {**BERT, "is_decoder": True},
        kinds.bert_cased,
        named={"unk_token": "[UNK]", "sep_token": "[SEP]", "cls_token": "[CLS]", "pad_token": "[PAD]"},
    ),
    "roberta": Family(
        "RobertaForCausalLM",
        {**BERT, "is_decoder": True},
        kinds.roberta,
        "<s>",
        ("</s>",),
        named={"pad_token": "<pad>"},
        salt=8,
    ),
    "characters": Family(
        "GPTNeoForCausalLM",
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 2,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 16,
            "max_position_embeddings": 64,
            "initializer_range": 0.4,
        },
        kinds.characters,
        None,
        ("[EOS]",),
        named={"unk_token": "[UNK]", "pad_token": "[PAD]"},
        salt=2,
    ),
    "words": Family("StableLmForCausalLM", GATED, kinds.words, "<s>", ("</s>",), named={"unk_token": "<unk>"}),
}
"""The models that write from left to right, by name."""

SEEING = {
    "bert-both-ways": Family("BertLMHeadModel", {**BERT, "is_decoder": False}, kinds.bert_cased),
    "gemma3-both-ways": Family(
        "Gemma3ForCausalLM", {**GEMMA, "use_bidirectional_attention": True}, kinds.gemma, "<bos>", ("<eos>",)
    ),
    "xlnet": Family(
        "XLNetLMHeadModel",
        {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48, "initializer_range": 0.4},
        kinds.llama,
        "<s>",
        ("</s>",),
    ),
}
"""Models whose logits at a place depend on later tokens."""


def make(name: str, folder: Path) -> Path:
    """Write the model called `name` into `folder`, which is made."""
    family = FAMILIES.get(name) or SEEING[name]
    tokenizer = family.tokenizer()
    ids = [tokenizer.token_to_id(end) for end in family.ends]
    begin = None if family.begin is None else tokenizer.token_to_id(family.begin)
    pad = tokenizer.token_to_id(family.named["pad_token"]) if "pad_token" in family.named else None
    end = None if not ids else ids if family.ends_in_config and len(ids) > 1 else ids[0]
    kind = getattr(transformers, family.kind)
    settings = {
        "vocab_size": tokenizer.get_vocab_size() + family.surplus,
        "bos_token_id": begin,
        "eos_token_id": end,
        "pad_token_id": pad,
        "dtype": "float32",
        **family.sizes,
    }
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(zlib.crc32(name.encode(), family.salt))
        model = kind(kind.config_class(**settings)).eval()
        _sharpen(model, ids or [i for i in [tokenizer.token_to_id("[SEP]")] if i is not None])
        model.generation_config.eos_token_id = ids[0] if len(ids) == 1 else ids or None
        model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    marks = {"bos_token": family.begin, "eos_token": family.ends[0] if ids else None, **family.named}
    named = {"tokenizer_class": "PreTrainedTokenizerFast", **{key: mark for key, mark in marks.items() if mark}}
    (folder / "tokenizer_config.json").write_text(json.dumps(named, ensure_ascii=False), encoding="utf-8")
    return folder


@contextmanager
def quiet() -> Iterator[None]:
    """Transformers shows no progress and tells nothing inside."""
    verbosity, shows = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shows:
            logging.enable_progress_bar()


@torch.no_grad()
def _sharpen(model: Any, ends: list[int]) -> None:
    """Scale the logits so that they spread by `SPREAD`, and those of the ends twice as much, so that texts end."""
    for name, weight in model.named_parameters():
        if model.config.model_type.startswith("gemma") and "post_" in name:
            weight.fill_(15)  # its embeddings would outweigh its layers, and every token follow itself
    head = model.get_output_embeddings().weight
    probe = torch.arange(3, 19)[None] * 11 % len(head)
    spread = model(input_ids=probe).logits.std(-1).mean()
    head.mul_(SPREAD / spread.clamp(min=1e-3))
    head[ends] *= 2


def make_all(folder: Path) -> dict[str, Path]:
    """Write all of `FAMILIES` into folders of `folder`; where each one is, by name."""
    return {name: make(name, folder / name) for name in FAMILIES}


@cache  # at most one for each model
def made(name: str) -> Path:
    """The folder of a model, which is made once in a process."""
    return make(name, Path(_place().name) / name)


@cache  # at most one for each model and end
def ending_by(name: str, number: int) -> Path:
    """A copy of a model of which only the end `number` is ever likely, at about half of all places."""
    folder = Path(_place().name) / f"{name} by {number}"
    shutil.copytree(made(name), folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ends = [tokenizer.token_to_id(end) for end in FAMILIES[name].ends]
    tensors = load_file(folder / "model.safetensors")
    head = tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"])
    likely = head[ends[number]] * 6
    head[ends] = 0
    head[ends[number]] = likely
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@cache
def _place() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="gen-zoo-")
