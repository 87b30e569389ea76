"""GPT-2 for gen-engine: its own runner, and the trainer `gen train gpt2`."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError, brief
from gen_engine.hooks.hookspecs import hookimpl
from gen_engine.hooks.lazy import LazyCommand, LazyMapping
from gen_engine.models.device import choose_device, is_accelerator, named_device

if TYPE_CHECKING:
    import click

    from gen_engine.types import LanguageModel, ModelLoader


def load_gpt2(
    folder: Path, *, name: str, dtype: str = "auto", fast: bool = False, device: str = "auto"
) -> LanguageModel:
    """The GPT-2 checkpoint in `folder`; torch is imported only if it does not compute in int8.

    On an accelerator it is read as any model of transformers. The device "auto" is the CPU wherever int8 is taken.
    """
    why, afar = "", is_accelerator(device)
    if dtype == "int8" and afar:
        raise GenError(f"int8 is computed on the CPU alone, not on {named_device(device)}; choose one of the two.")
    if dtype in ("auto", "int8") and not afar:
        from gen_engine.models.int8 import int8_reason, takes_int8
        from gen_gpt2.int8_model import load_int8

        model = load_int8(folder, name=name, dtype=dtype)
        if dtype == "int8" and not isfinite(model.loss):
            raise GenError(f"Numbers of {brief(name)} overflow when it computes; train or fetch it again.")
        if takes_int8(dtype, model.loss):
            return model
        why = int8_reason(dtype, model.loss)
    if (where := choose_device(device)).type != "cpu":
        from gen_engine.models.loading import load as load_any

        return load_any(folder, name=name, dtype=dtype, fast=fast, device=where)
    from gen_gpt2.model import load

    return load(folder, name=name, dtype=dtype, fast=fast, why=why)


@hookimpl
def loaders() -> Mapping[str, ModelLoader]:
    """Checkpoints of model_type `gpt2` are run by the runner here."""
    return {"gpt2": load_gpt2}


@hookimpl
def add_trainers(train: click.Group) -> None:
    """Mount `gen train gpt2`."""
    summary = "Train a GPT-2 on FILES: lines of text, CSV/TSV columns, JSONL fields, packed or not, datasets."
    train.add_command(LazyCommand("gpt2", "gen_gpt2.train_command:gpt2_command", summary))


@hookimpl
def recipes() -> Mapping[str, Any]:
    """The recipe of `gen convert` for the GPT that books build from scratch."""
    return LazyMapping({"book_gpt": "gen_gpt2.foreign:book_gpt"})
