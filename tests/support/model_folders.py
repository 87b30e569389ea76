"""Folders that people name as models: tiny ones of every kind, and such as hold no model."""

import json

import torch
from safetensors.torch import save_file
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

BERT = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
GPT2 = {"vocab_size": 20, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16, "bos_token_id": 1}
T5 = {"vocab_size": 20, "d_model": 8, "d_ff": 8, "num_layers": 1, "num_heads": 2, "d_kv": 4}
BART = {"vocab_size": 20, "d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
BART |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "max_position_embeddings": 16}
WHISPER = BART | {"decoder_start_token_id": 1, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
VIT = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "image_size": 32}

MODELS = {
    "classifier": lambda: BertForSequenceClassification(BertConfig(**BERT)),
    "reward": lambda: BertForSequenceClassification(BertConfig(**BERT, num_labels=1)),
    "gpt2-classifier": lambda: GPT2ForSequenceClassification(GPT2Config(**GPT2, eos_token_id=1, pad_token_id=0)),
    "masked": lambda: BertForMaskedLM(BertConfig(**BERT)),
    "encoder": lambda: BertModel(BertConfig(**BERT)),
    "words": lambda: BertForTokenClassification(BertConfig(**BERT)),
    "seq2seq": lambda: T5ForConditionalGeneration(T5Config(**T5)),
    "bart": lambda: BartForConditionalGeneration(BartConfig(**BART)),
    "mt5": lambda: MT5ForConditionalGeneration(MT5Config(**T5)),
    "whisper": lambda: WhisperForConditionalGeneration(WhisperConfig(**WHISPER)),
    "pictures": lambda: ViTForImageClassification(ViTConfig(**VIT)),
}
FILES = {
    "tokenizer": {"vocab.txt": "[UNK]\n", "tokenizer_config.json": "{}"},
    "empty": {},
    "adapter": {"adapter_config.json": "{}", "adapter_model.safetensors": ""},
    "gguf": {"a-q4.gguf": "GGUF"},
    "sentences": {"modules.json": "[]"},
    "diffusers": {"model_index.json": "{}"},
    "dataset": {"dataset_dict.json": "{}"},
    "nameless": {"config.json": json.dumps({"hidden_size": 3})},
    "notes": {"a.txt": "白日"},
}


def make_folder(kind, folder):
    """The folder of a kind: of `MODELS`, of `FILES`, or one within which the model is."""
    torch.manual_seed(0)
    if kind in MODELS:
        MODELS[kind]().save_pretrained(folder)
    elif kind == "old seq2seq":
        make_folder("seq2seq", folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        del config["is_encoder_decoder"]
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    elif kind == "parent":
        make_folder("classifier", folder / "checkpoint-1")
    elif kind == "unnamed classifier":
        make_folder("classifier", folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        del config["architectures"]
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    else:
        folder.mkdir()
        for name, text in FILES[kind].items():
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def make_file(name, path):
    """A file where a folder is wanted."""
    save_file({"a": torch.zeros(2)}, path / name)
    return path / name
