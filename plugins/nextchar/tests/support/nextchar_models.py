"""Tiny BERT+LSTM and BERT+FC models with random weights, and folders of them."""

import json
from functools import cache
from itertools import product

import torch
from hypothesis import HealthCheck, settings
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from gen_nextchar.fc.modeling import BertFcConfig, BertFcForCausalLM
from gen_nextchar.lstm.modeling import BertLstmConfig, BertLstmForCausalLM

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
SIZE = 60
WINDOW = 8
ENCODER = {
    "vocab_size": SIZE,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
}
IDS = {"cls_token_id": CLS, "sep_token_id": SEP, "mask_token_id": MASK, "pad_token_id": PAD, "eos_token_id": SEP}
SHARED = [dict(zip(("variable", "pooler", "tie"), on, strict=True)) for on in product((False, True), repeat=3)]
LSTM = [
    {"kind": "lstm", "attention": attention, "skip_special": skip, "layers": 1 + attention} | shared
    for shared in SHARED
    for attention, skip in product((False, True), repeat=2)
]
FC = [{"kind": "fc", "activation": name} | shared for shared in SHARED for name in ("gelu", "relu", "tanh")]
ALL = LSTM + FC
FEW = [LSTM[3], LSTM[13], LSTM[18], LSTM[31], FC[0], FC[10], FC[23]]
CLASSES = {"lstm": (BertLstmConfig, BertLstmForCausalLM), "fc": (BertFcConfig, BertFcForCausalLM)}

logging.disable_progress_bar()


def examples(count):
    """So many cases, always the same."""
    health = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(deadline=None, max_examples=count, derandomize=True, database=None, suppress_health_check=health)


def label(options):
    """How a test names a combination of options."""
    told = options | ({"encoder": "left"} if "encoder" in options else {})
    on = [name if value is True else f"{value}" for name, value in told.items() if value is not False]
    return "-".join(on)


def build(options):
    """A model, whose weights are large enough that every part of it shows in its logits."""
    options = {"hidden": 12, "window": WINDOW, "encoder": ENCODER} | options
    config, model = CLASSES[options.pop("kind")]
    torch.manual_seed(1)
    made = model(config(vocab_size=SIZE, **IDS, **options)).eval()
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(0.3 * torch.randn_like(weights))
    return made


@cache
def _built(key):
    return build(json.loads(key))


def model_of(options):
    """The model of a combination of options, made once."""
    return _built(json.dumps(options))


def write(folder, options):
    """A folder with the model of these options and a one-character tokenizer whose prompts begin with [CLS]."""
    model_of(options).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(char_tokenizer()), encoding="utf-8")
    return folder


def reload(folder):
    """What transformers reads from a folder; nothing may be missing or left over."""
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    return model.eval()


def char_tokenizer():
    """A tokenizer.json of SIZE tokens: the marks, then the first Chinese characters."""
    names = MARKS + [chr(0x4E00 + i) for i in range(SIZE - len(MARKS))]
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
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [CLS], "tokens": ["[CLS]"]}},
        },
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": {name: i for i, name in enumerate(names)}, "unk_token": "[UNK]"},
    }
