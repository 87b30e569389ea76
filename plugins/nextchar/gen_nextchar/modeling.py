"""Shared by the transformers classes of BERT+LSTM and BERT+FC: the configuration's fields, and methods as functions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, BertConfig, BertModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from gen_engine.errors import GenError
from gen_nextchar.framing import Framing, framing_of


class NextCharConfig(PretrainedConfig):  # type: ignore[misc]
    """The fields that all next-character models have; transformers takes them from a class and its bases.

    `encoder` holds the sizes and choices of the BERT, as a BertConfig's `to_dict()` gives them. The model reads the
    last `window` characters of a text (`Framing` says how). With `tie`, BERT's token embeddings are the output matrix.
    """

    encoder: dict[str, Any] | None = None
    vocab_size: int = 30522
    window: int = 32
    variable: bool = False
    bare: bool = False
    hidden: int = 256
    dropout: float = 0.1
    pooler: bool = False
    tie: bool = True
    cls_token_id: int | None = None
    sep_token_id: int | None = None
    mask_token_id: int | None = None
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False  # with `tie` there is only one matrix, so transformers has nothing to tie
    use_cache: bool = False


# ------------------------------------------------------------------------------------------ parts of a model


def add_encoder(model: Any) -> int:
    """Give a model the framing and the encoder that its configuration describes; returns the encoder's width."""
    model.framing = framing_of(model.config)
    model.encoder = build_encoder(model.config)
    size: int = model.encoder.config.hidden_size
    return size


def add_output(model: Any, width: int) -> None:
    """Give a model the output of a head `width` wide: a projection to token embeddings, or a matrix."""
    size, tie = model.encoder.config.hidden_size, model.config.tie
    model.project = nn.Sequential(nn.Linear(width, size), nn.LayerNorm(size)) if tie else None
    model.output = None if tie else nn.Linear(width, model.config.vocab_size, bias=False)


def build_encoder(settings: Any) -> BertModel:
    """The BERT that a configuration describes, with a pooler only where the model reads it."""
    encoder = BertConfig(**settings.encoder)
    if encoder.vocab_size != settings.vocab_size:
        raise GenError(
            f"The encoder has {encoder.vocab_size} tokens and the model {settings.vocab_size}. Give both the same."
        )
    return BertModel(encoder, add_pooling_layer=settings.pooler)


def frame_rows(framing: Framing, input_ids: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """(framed ids, attention mask), padded on the right, from texts [rows, length] padded on either side."""
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
    """Switch off the dropout of an encoder that is frozen, or of which only the pooler is trained."""
    if not any(each.requires_grad for name, each in encoder.named_parameters() if not name.startswith("pooler.")):
        encoder.eval()


def register(kind: str, config: Any, model: Any) -> None:
    """Register a model class with transformers, even if its module is imported again."""
    AutoConfig.register(kind, config, exist_ok=True)
    AutoModelForCausalLM.register(config, model, exist_ok=True)


# ---------------------------------------------------------------------------------------- methods of a model


def output_weight(model: Any) -> Tensor:
    """The matrix [vocab, width] whose product with `next_hidden` gives the logits."""
    weight: Tensor = (model.encoder.embeddings.word_embeddings if model.output is None else model.output).weight
    return weight


def next_logits(
    model: Any,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    use_cache: bool | None = None,
    return_dict: bool | None = None,
) -> CausalLMOutput:
    """Logits [rows, 1, vocab] of what follows texts [rows, length], which may be padded on either side."""
    del use_cache, return_dict  # there is no cache, and the output is always an object
    hidden = model.next_hidden(*frame_rows(model.framing, input_ids, attention_mask))
    return CausalLMOutput(logits=(hidden @ model.output_weight().T).unsqueeze(1))


def whole_text(model: Any, input_ids: Tensor, attention_mask: Tensor | None = None, **ignored: Any) -> dict[str, Any]:
    """The whole text at each step, because windows are read afresh."""
    return {"input_ids": input_ids, "attention_mask": attention_mask}


def token_embeddings(model: Any) -> nn.Module:
    """BERT's token embeddings."""
    found: nn.Module = model.encoder.embeddings.word_embeddings
    return found


def train_or_settle(model: Any, mode: bool = True) -> Any:
    """Like torch's `train`, except that a frozen encoder has no dropout."""
    PreTrainedModel.train(model, mode)
    settle_dropout(model.encoder)
    return model


def without_cache(kind: type) -> bool:
    """No model has a cache, so `generate(use_cache=True)` makes none."""
    return False
