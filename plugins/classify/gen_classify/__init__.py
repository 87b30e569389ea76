"""Classifiers of texts: `gen train classifier`, `gen classify`, `gen eval classifier`, and the shaper `guide`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gen_engine.hooks.hookspecs import hookimpl
from gen_engine.hooks.lazy import LazyCommand, LazyMapping

if TYPE_CHECKING:
    import click


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train classifier`."""
    summary = "Train a classifier on FILES: CSV, TSV or JSONL (packed or not), datasets folders, hub names."
    train.add_command(LazyCommand("classifier", "gen_classify.commands.train:classifier_command", summary))


@hookimpl
def add_commands(gen: click.Group) -> None:
    """Mount `gen classify`."""
    summary = "Tell the label of each TEXT and its probability."
    gen.add_command(LazyCommand("classify", "gen_classify.commands.classify:classify_command", summary))


@hookimpl
def add_evaluators(group: click.Group) -> None:
    """Mount `gen eval classifier` and `gen eval clue`."""
    summary = "Judge a classifier by the labelled texts of FILES: CSV, TSV or JSONL, packed or not, or datasets."
    group.add_command(LazyCommand("classifier", "gen_classify.commands.evaluate:classifier_command", summary))
    summary = "Tell the CLUE score of three classifiers: the mean of their accuracies on AFQMC, IFLYTEK and TNEWS."
    group.add_command(LazyCommand("clue", "gen_classify.commands.clue:clue_command", summary))


@hookimpl
def processors() -> Mapping[str, Any]:
    """The shaper by which a classifier guides generation."""
    return LazyMapping({"guide": "gen_classify.guiding.guide:guide"})


@hookimpl
def recipes() -> Mapping[str, Any]:
    """Classifiers as tutorials save them, for `gen convert`."""
    return LazyMapping({name: f"gen_classify.foreign:{name}" for name in ("frozen_bert", "bert_classifier")})
