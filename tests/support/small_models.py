"""Small random models of transformers, of many families, by the name of their type."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 40}
ROTARY = {**SIZES, "num_key_value_heads": 2, "intermediate_size": 32}
FAMILIES = {
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 24, "vocab_size": 40},
    "opt": {**SIZES, "ffn_dim": 16, "max_position_embeddings": 24, "word_embed_proj_dim": 16},
    "biogpt": {**SIZES, "intermediate_size": 32, "max_position_embeddings": 24},
    "bert": {**SIZES, "intermediate_size": 32, "max_position_embeddings": 24, "is_decoder": True},
    "roberta": {**SIZES, "intermediate_size": 32, "max_position_embeddings": 26, "is_decoder": True},
    "mpt": {"d_model": 16, "n_layers": 2, "n_heads": 2, "max_seq_len": 24, "vocab_size": 40},
    "gptj": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 24, "vocab_size": 40, "rotary_dim": 4},
    "ctrl": {"n_embd": 16, "dff": 16, "n_layer": 2, "n_head": 2, "n_positions": 24, "vocab_size": 40},
    "gpt_neox": {**SIZES, "intermediate_size": 32, "max_position_embeddings": 24},
    "llama": {**ROTARY, "max_position_embeddings": 24},
    "qwen2": {**ROTARY, "max_position_embeddings": 24},
    "mistral": {**ROTARY, "max_position_embeddings": 24, "sliding_window": 4},
    "mixtral": {**ROTARY, "max_position_embeddings": 24, "num_local_experts": 4},
    "gemma3_text": {**ROTARY, "max_position_embeddings": 24, "head_dim": 8, "sliding_window": 4},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2, "vocab_size": 40},
    "mamba": {"hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 40, "state_size": 4},
    "rwkv": {"hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 40, "attention_hidden_size": 16},
}
MARKS = {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}


def small_model(family, **changes):
    """A random causal model of a family, in `eval` mode."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**FAMILIES[family], **MARKS, **changes})
    return AutoModelForCausalLM.from_config(config, dtype=changes.get("dtype", torch.float32)).eval()


HAN = "白日依山尽黄河入海流欲穷千里目更上一层楼春眠不觉晓处闻啼鸟夜来"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *HAN]


def saved_model(family, folder, *, max_shard_size="1GB", **changes):
    """The folder of a small model with a WordPiece vocabulary."""
    small_model(family, **changes).save_pretrained(folder, max_shard_size=max_shard_size)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return folder
