"""Reads any causal language model of transformers, from a folder or by a hub name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..errors import GenError
from . import hub
from .abilities import find_abilities
from .adapter import TransformersLM
from .architectures import quiet
from .causality import is_causal
from .checkpoint import read_config, refuse_pickled
from .device import out_of_memory
from .dtype import choose_dtype
from .holdings import SILENT, Holding, holding, silent
from .positions import find_positions
from .tokenizer import load_hub_tokenizer, load_tokenizer

CPU = torch.device("cpu")


def load(
    source: Path | str,
    *,
    name: str,
    dtype: str = "auto",
    fast: bool = False,
    device: torch.device = CPU,
) -> TransformersLM:
    """The causal language model in a folder or of a hub name, on a device. No code of the model's author is run.

    Raises GenError if there is no such model, or its weights are pickled, damaged or incomplete. It also raises if the
    model is not a causal language model, or the device has no memory for it.
    """
    if isinstance(source, Path):
        read_config(source)
        refuse_pickled(source)
    kind, reason = choose_dtype(dtype, device=device)
    model = _read_model(source, kind)
    with out_of_memory(f"the weights of {name}", "take a smaller model, or --device cpu"):
        model = model.to(device)
    config = model.config.get_text_config()
    head = model.get_output_embeddings()
    columns = int(head.weight.shape[0] if head is not None else config.vocab_size)
    if isinstance(source, Path):
        tokenizer = load_tokenizer(source, columns)
    else:
        tokenizer = load_hub_tokenizer(source, config.to_dict(), columns)
    positions = find_positions(model)
    abilities = find_abilities(model, fast=fast)
    return TransformersLM(
        name=name,
        dtype=str(kind).removeprefix("torch."),
        dtype_reason=reason,
        positions=positions,
        reproducible=not fast and abilities.exact,
        tokenizer=tokenizer,
        model=model,
        abilities=abilities,
    )


HEADS = {"classifier.weight", "score.weight", "classifier.out_proj.weight"}
"""The names of classifiers' heads."""


def _read_model(source: Path | str, dtype: torch.dtype) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED
    from transformers.utils import logging

    def read(local: bool) -> Any:
        return AutoModelForCausalLM.from_pretrained(
            str(source),
            dtype=dtype,
            local_files_only=local,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )

    logging.disable_progress_bar()
    try:
        with quiet():  # a sentence below reports this instead
            model, info = _local_first(read, isinstance(source, Path))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0]
        if isinstance(source, Path) and (found := holding(read_config(source))).kind in ("answerer", "other"):
            raise silent(found, str(source)) from error
        raise GenError(
            f"{source} cannot be loaded as a causal language model ({reason}); give a folder with config.json, "
            "model.safetensors and a tokenizer, or the name of one on the hub while online."
        ) from error
    lacking = sorted(info["missing_keys"]) + sorted(str(item) for item in info.get("mismatched_keys", ()))
    if lacking:
        if (found := holding(model.config.to_dict())).kind in SILENT:
            raise silent(found, str(source))
        if HEADS.intersection(info["unexpected_keys"]):
            raise silent(Holding("classifier", "a classifier of texts"), str(source))
        if model.config.model_type in MASKED and not getattr(model.config, "is_decoder", False):
            raise silent(Holding("masked", f"an encoder alone ({model.config.model_type})"), str(source))
        raise GenError(f"{source} lacks {', '.join(lacking[:3])}; give weights and a config.json that belong together.")
    if not is_causal(model.eval()):
        raise _sees_ahead(model.config.model_type, str(source))
    return model


def _sees_ahead(model_type: str, source: str) -> GenError:
    """The error for a model that is not causal."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    or_build = ", or build one on it with `gen train bert-lstm`" if model_type in MASKED else ""
    return GenError(
        f"{source} is a {model_type} that sees what comes next, which it is to guess; "
        f"give a causal language model{or_build}."
    )


def _local_first(read: Callable[[bool], Any], only: bool) -> Any:
    """What is on this machine already, else what the hub has. A cached model needs no network."""
    try:
        with hub.offline(True):
            return read(True)
    except OSError:
        if only or not hub.hub_answers():
            raise
        return read(False)
