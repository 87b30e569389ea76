"""Next-character models of a BERT encoder and two linear layers: `gen train bert-fc`, a loader, a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl
from gen_engine.hooks.lazy import Later, Lazy

if TYPE_CHECKING:
    import click

    from gen_engine.types import LanguageModel, ModelLoader

WEIGHTS = Path(__file__).parent / "weights" / "bert_fc"


def load_bert_fc(folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> LanguageModel:
    """The BERT+FC checkpoint in `folder`; torch is imported only now."""
    from gen_bert_fc.model import KIND
    from gen_trainkit.nextchar.runner import load_nextchar

    return load_nextchar(folder, KIND, name=name, dtype=dtype, fast=fast)


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train bert-fc`."""
    summary = (
        "Train a BERT with two linear layers on it to write the next character of FILES: lines, columns, JSONL fields."
    )
    train.add_command(Later("bert-fc", "gen_bert_fc.train_command:bert_fc_command", summary))


@hookimpl
def loaders() -> Mapping[str, ModelLoader]:
    """Checkpoints of model_type `bert-fc` are run by the runner of next-character models."""
    return {"bert-fc": load_bert_fc}


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The model of old novels, where its weights are."""
    if not WEIGHTS.is_dir():
        return {}
    summary = "prose of old novels, the next character by BERT and two linear layers"
    return {
        "bert-fc-novel": ShippedModel(
            WEIGHTS, summary, ("no_repeat_ngram=6,within=300,exempt=punctuation|space", "top_p=0.85")
        )
    }


@hookimpl
def recipes() -> Mapping[str, Any]:
    """Such models as tutorials save them, for `gen convert`."""
    return Lazy({"bert_fc": "gen_bert_fc.foreign:bert_fc"})
