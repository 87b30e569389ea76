"""What `gen train bert-fc` trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gen_nextchar.fc.modeling import BertFcConfig, BertFcForCausalLM
from gen_nextchar.training import Family


@dataclass(frozen=True)
class Head:
    """The part on the encoder of a new model; see `BertFcConfig`."""

    hidden: int = 256
    activation: str = "gelu"
    dropout: float = 0.1
    pooler: bool = False
    tie: bool = True


def build(settings: Mapping[str, Any]) -> BertFcForCausalLM:
    """A new model of these settings."""
    return BertFcForCausalLM(BertFcConfig(**settings))


FAMILY = Family("BERT+FC", "bert-fc", BertFcConfig.model_type, build)
