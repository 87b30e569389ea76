"""GPT-2 folders with random weights, written without transformers."""

import json

import torch

from gen_engine.models.checkpoint import write_checkpoint

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def gpt2_config(layers=2, size=32, heads=2, vocab=211, positions=64, **options):
    sizes = {"n_layer": layers, "n_embd": size, "n_head": heads, "vocab_size": vocab, "n_positions": positions}
    return {"model_type": "gpt2", "bos_token_id": 2, "eos_token_id": 3} | sizes | options


def gpt2_tensors(config, seed=0):
    """Weights large enough that every part of the model shows in its logits."""
    noise = torch.Generator().manual_seed(seed)
    size, inner = config["n_embd"], config.get("n_inner") or 4 * config["n_embd"]
    linears = {"attn.c_attn": (size, 3 * size), "attn.c_proj": (size, size)}
    linears |= {"mlp.c_fc": (size, inner), "mlp.c_proj": (inner, size)}
    shapes = {"wte.weight": (config["vocab_size"], size), "wpe.weight": (config["n_positions"], size)}
    for layer in range(config["n_layer"]):
        for name, shape in linears.items():
            shapes |= {f"h.{layer}.{name}.weight": shape, f"h.{layer}.{name}.bias": shape[1:]}
    tensors = {name: torch.randn(shape, generator=noise) * 0.25 for name, shape in shapes.items()}
    norms = [f"h.{layer}.ln_{i}" for layer in range(config["n_layer"]) for i in (1, 2)] + ["ln_f"]
    tensors |= {f"{name}.weight": 1 + 0.1 * torch.randn(size, generator=noise) for name in norms}
    tensors |= {f"{name}.bias": 0.1 * torch.randn(size, generator=noise) for name in norms}
    return {f"transformer.{name}": tensor for name, tensor in tensors.items()}


def write_gpt2(folder, dtype=torch.float32, tensors=None, **options):
    """A model folder with a one-character tokenizer whose prompts begin with [CLS]."""
    config = gpt2_config(**options)
    tensors = gpt2_tensors(config) if tensors is None else tensors
    write_checkpoint(folder, config, {name: tensor.to(dtype) for name, tensor in tensors.items()}, None)
    (folder / "tokenizer.json").write_text(json.dumps(char_tokenizer(config["vocab_size"])), encoding="utf-8")
    return folder


def char_tokenizer(size):
    """A tokenizer.json of `size` tokens: the marks, then the first Chinese characters."""
    names = MARKS + [chr(0x4E00 + i) for i in range(size - len(MARKS))]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": name} | plain for i, name in enumerate(MARKS)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}},
        },
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": {name: i for i, name in enumerate(names)}, "unk_token": "[UNK]"},
    }
