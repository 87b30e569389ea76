"""Next-character models of a BERT encoder and an LSTM: `gen train bert-lstm`, a loader, a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl
from gen_engine.hooks.lazy import Later, Lazy

if TYPE_CHECKING:
    import click

    from gen_engine.types import LanguageModel, ModelLoader

WEIGHTS = Path(__file__).parent / "weights" / "bert_lstm"


def load_bert_lstm(folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> LanguageModel:
    """The BERT+LSTM checkpoint in `folder`; torch is imported only now."""
    from gen_bert_lstm.model import KIND
    from gen_trainkit.nextchar.runner import load_nextchar

    return load_nextchar(folder, KIND, name=name, dtype=dtype, fast=fast)


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train bert-lstm`."""
    summary = "Train a BERT with an LSTM on it to write the next character of FILES: lines, columns or JSONL fields."
    train.add_command(Later("bert-lstm", "gen_bert_lstm.train_command:bert_lstm_command", summary))


@hookimpl
def loaders() -> Mapping[str, ModelLoader]:
    """Checkpoints of model_type `bert-lstm` are run by the runner of next-character models."""
    return {"bert-lstm": load_bert_lstm}


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The model of old novels, where its weights are."""
    if not WEIGHTS.is_dir():
        return {}
    summary = "prose of old novels, the next character by BERT and an LSTM"
    return {
        "bert-lstm-novel": ShippedModel(
            WEIGHTS, summary, ("no_repeat_ngram=6,within=300,exempt=punctuation|space", "top_p=0.85")
        )
    }


@hookimpl
def recipes() -> Mapping[str, Any]:
    """Such models as tutorials save them, for `gen convert`."""
    return Lazy({"bert_lstm": "gen_bert_lstm.foreign:bert_lstm"})
