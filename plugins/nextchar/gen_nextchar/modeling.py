"""What the model classes of BERT+LSTM and BERT+FC share, as functions: transformers wants the classes themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, BertConfig, BertModel

from gen_engine.errors import GenError
from gen_nextchar.framing import Framing


def build_encoder(settings: Any) -> BertModel:
    """The BERT that a configuration describes, with a pooler only where the model reads it."""
    encoder = BertConfig(**settings.encoder)
    if encoder.vocab_size != settings.vocab_size:
        raise GenError(
            f"The encoder has {encoder.vocab_size} tokens and the model {settings.vocab_size}. Give both the same."
        )
    return BertModel(encoder, add_pooling_layer=settings.pooler)


def frame_rows(framing: Framing, input_ids: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """(framed ids, attention mask), padded on the right, of texts [rows, length] padded on either side."""
    seen = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    rows = [
        framing.frame([token for token, shown in zip(*row, strict=True) if shown])
        for row in zip(input_ids.tolist(), seen.tolist(), strict=True)
    ]
    return pad_framed(framing, rows, input_ids.device)


def pad_framed(framing: Framing, rows: list[list[int]], device: Any = None) -> tuple[Tensor, Tensor]:
    """(ids, attention mask) [rows, longest] of framed rows, padded on the right."""
    longest = max(map(len, rows))
    ids = [row + [framing.pad] * (longest - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def settle_dropout(encoder: BertModel) -> None:
    """Switch off the dropout of an encoder of which nothing is trained, or its pooler alone."""
    if not any(each.requires_grad for name, each in encoder.named_parameters() if not name.startswith("pooler.")):
        encoder.eval()


def register(kind: str, config: Any, model: Any) -> None:
    """Make a model class known to transformers, also where its module is imported anew."""
    AutoConfig.register(kind, config, exist_ok=True)
    AutoModelForCausalLM.register(config, model, exist_ok=True)
