"""What `gen train bert-lstm` trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gen_nextchar.lstm.modeling import BertLstmConfig, BertLstmForCausalLM
from gen_nextchar.training import Family


@dataclass(frozen=True)
class Head:
    """The part on the encoder of a new model; see `BertLstmConfig`."""

    hidden: int = 256
    layers: int = 1
    dropout: float = 0.1
    attention: bool = False
    skip_special: bool = False
    pooler: bool = False
    tie: bool = True


def build(settings: Mapping[str, Any]) -> BertLstmForCausalLM:
    """A new model of these settings."""
    return BertLstmForCausalLM(BertLstmConfig(**settings))


FAMILY = Family("BERT+LSTM", "bert-lstm", BertLstmConfig.model_type, build)
