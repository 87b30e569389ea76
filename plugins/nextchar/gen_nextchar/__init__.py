"""Next-character models: a BERT encoder with an LSTM or with linear layers on top. Trainers, loaders, trained
models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine import ShippedModel, hookimpl
from gen_engine.hooks.lazy import LazyCommand, LazyMapping

if TYPE_CHECKING:
    import click

    from gen_engine.types import LanguageModel, ModelLoader

WEIGHTS = Path(__file__).parent / "weights"
PROCESSORS = ("no_repeat_ngram=6,within=300,exempt=punctuation|space", "top_p=0.85")


def load_bert_lstm(folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> LanguageModel:
    """The BERT+LSTM checkpoint in `folder`; torch is imported only now, and only if it computes the model."""
    from gen_nextchar.loading import load

    return load(folder, "lstm", name=name, dtype=dtype, fast=fast)


def load_bert_fc(folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> LanguageModel:
    """The BERT+FC checkpoint in `folder`; torch is imported only now, and only if it computes the model."""
    from gen_nextchar.loading import load

    return load(folder, "fc", name=name, dtype=dtype, fast=fast)


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train bert-lstm` and `gen train bert-fc`."""
    summary = "Train a BERT with an LSTM on it to write the next character of FILES: lines, columns or JSONL fields."
    train.add_command(LazyCommand("bert-lstm", "gen_nextchar.lstm.command:bert_lstm_command", summary))
    summary = (
        "Train a BERT with two linear layers on it to write the next character of FILES: lines, columns, JSONL fields."
    )
    train.add_command(LazyCommand("bert-fc", "gen_nextchar.fc.command:bert_fc_command", summary))


@hookimpl
def loaders() -> Mapping[str, ModelLoader]:
    """Checkpoints of model_type `bert-lstm` and `bert-fc` are run by the runner of next-character models."""
    return {"bert-lstm": load_bert_lstm, "bert-fc": load_bert_fc}


@hookimpl
def models() -> Mapping[str, ShippedModel]:
    """The models of old novels, if their weights are present."""
    summaries = {
        "bert_lstm": "prose of old novels, the next character by BERT and an LSTM",
        "bert_fc": "prose of old novels, the next character by BERT and two linear layers",
    }
    return {
        f"{kind.replace('_', '-')}-novel": ShippedModel(WEIGHTS / kind, summary, PROCESSORS)
        for kind, summary in summaries.items()
        if (WEIGHTS / kind).is_dir()
    }


@hookimpl
def recipes() -> Mapping[str, Any]:
    """Recipes of `gen convert` for such models as tutorials save them."""
    return LazyMapping(
        {"bert_lstm": "gen_nextchar.lstm.foreign:bert_lstm", "bert_fc": "gen_nextchar.fc.foreign:bert_fc"}
    )
