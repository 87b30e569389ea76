"""Shared by the recipes of `gen convert` for next-character models: the configuration, and a bias as a matrix
column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from gen_engine.errors import GenError
from gen_engine.models.architectures import read_settings
from gen_engine.models.conversion import base_config
from gen_engine.models.tokenizer import load_tokenizer
from gen_engine.types import Conversion
from gen_nextchar.framing import framing_of
from gen_nextchar.training import ENCODER_SETTINGS


def net_config(base: Path, *, window: int, framed: bool, pooler: bool) -> dict[str, Any]:
    """The configuration of a next-character model on the BERT of `base`, with its own output matrix.

    Raises GenError if the tokenizer of `base` lacks one of BERT's marks, or the window does not fit its positions.
    """
    settings = read_settings(base_config(base), str(base))
    names = load_tokenizer(base).vocabulary.names
    lacking = next((mark for mark in MARKS.values() if mark not in names), None)
    if lacking is not None:
        raise GenError(f"The tokenizer of {base} has no {lacking}; give a BERT with its own tokenizer.")
    marks = {key: names.index(mark) for key, mark in MARKS.items()}
    config = {
        "encoder": {name: getattr(settings, name) for name in ENCODER_SETTINGS},
        "vocab_size": settings.vocab_size,
        "window": window,
        "variable": False,
        "bare": not framed,
        "pooler": pooler,
        "tie": False,
        **marks,
        "bos_token_id": marks["cls_token_id"],
        "eos_token_id": marks["sep_token_id"],
    }
    framing_of(SimpleNamespace(**config))
    return config


MARKS = {"cls_token_id": "[CLS]", "sep_token_id": "[SEP]", "mask_token_id": "[MASK]", "pad_token_id": "[PAD]"}


def as_conversion(
    config: Mapping[str, Any], encoder: Mapping[str, Tensor], head: Mapping[str, Tensor], told: str
) -> Conversion:
    """A model made of the tensors of its `encoder` and `head`; `told` is the beginning of a sentence about its
    windows."""
    tensors = {f"encoder.{name}": tensor for name, tensor in encoder.items()} | dict(head)
    frame = "alone" if config["bare"] else "between [CLS] and [SEP]"
    return Conversion(dict(config), tensors, (f"{told} windows of {config['window']} characters {frame}.",))


def with_column(weight: Tensor, bias: Tensor, constant: float) -> Tensor:
    """`weight` with one more column, [vocab, width + 1], which turns a unit that is always `constant` into `bias`."""
    return torch.cat([weight, (bias.double() / constant).to(weight.dtype)[:, None]], 1)
