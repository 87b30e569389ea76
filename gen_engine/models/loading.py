"""Reads any causal language model of transformers from its folder."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ..errors import GenError, quoted, words_of
from .adapter import TransformersLM
from .adapters import merged, tokenizer_folder
from .architectures import quiet
from .causality import is_causal
from .checkpoint import read_config, refuse_pickled
from .device import out_of_memory
from .dtype import choose_dtype
from .holdings import SILENT, Holding, holding, silent
from .looks import look_at
from .tokenizer import load_tokenizer

CPU = torch.device("cpu")


def load(
    folder: Path,
    *,
    name: str,
    dtype: str = "auto",
    fast: bool = False,
    device: torch.device = CPU,
    attention: str | None = None,
    adapter: Path | None = None,
) -> TransformersLM:
    """The causal language model in a folder, with the `adapter` in another folder merged. No code in them is run.

    It computes on a device. `attention` is the name of an implementation that transformers knows. Raises GenError if
    the weights are pickled, damaged or incomplete, if the model does not know the attention, if it is not a causal
    language model, if it does not compute in the `dtype`, or if the device has no memory for it.
    """
    read_config(folder)
    refuse_pickled(folder)
    load_as = partial(_load, folder, name=name, fast=fast, device=device, attention=attention, adapter=adapter)
    kind, reason = choose_dtype(dtype, device=device)
    try:
        return load_as(kind, reason)
    except _UncomputableError as problem:
        told = str(kind).removeprefix("torch.")
        if dtype != "auto" or kind == torch.float32:
            raise GenError(f"{name} does not compute in {told} ({problem}); give another --dtype.") from problem
        return load_as(torch.float32, f"this kind of model does not compute in {told}")


class _UncomputableError(Exception):
    """What torch said when a model was read for the first time."""


def _load(
    folder: Path,
    kind: torch.dtype,
    reason: str,
    *,
    name: str,
    fast: bool,
    device: torch.device,
    attention: str | None,
    adapter: Path | None,
) -> TransformersLM:
    model = _read_model(folder, kind, attention)
    if adapter is not None:
        model = merged(model, adapter).eval()
    with out_of_memory(f"the weights of {name}", "take a smaller model, or --device cpu"):
        model = model.to(device)
    config = model.config.get_text_config()
    head = model.get_output_embeddings()
    columns = int(head.weight.shape[0] if head is not None else config.vocab_size)
    with tokenizer_folder(adapter or folder, folder) as place:
        tokenizer = load_tokenizer(place, columns)

    def check() -> None:
        try:
            is_one = is_causal(model)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            raise _UncomputableError(words_of(problem)) from problem
        if not is_one:
            raise _sees_ahead(model.config.model_type, name)

    folders = [folder] if adapter is None else [folder, adapter]
    look = look_at(model, folders, fast=fast, attention=attention, check=check)
    return TransformersLM(
        name=name,
        dtype=str(kind).removeprefix("torch."),
        dtype_reason=reason,
        positions=look.positions,
        reproducible=not fast and look.abilities.exact,
        tokenizer=tokenizer,
        model=model,
        abilities=look.abilities,
    )


HEADS = {"classifier.weight", "score.weight", "classifier.out_proj.weight"}
"""The names of classifiers' heads."""


def _read_model(folder: Path, dtype: torch.dtype, attention: str | None) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED
    from transformers.utils import logging

    options = {} if attention is None else {"attn_implementation": _known_attention(attention)}
    logging.disable_progress_bar()
    try:
        with quiet():  # a sentence below reports this instead
            model, info = AutoModelForCausalLM.from_pretrained(
                str(folder),
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0]
        if (found := holding(read_config(folder))).kind in ("answerer", "other"):
            raise silent(found, str(folder)) from error
        if attention is not None and "attention" in reason.lower():
            raise GenError(f"{folder} does not know the attention {attention} ({reason}); name another.") from error
        raise GenError(
            f"{folder} cannot be loaded as a causal language model ({reason}); give a folder with config.json, "
            "model.safetensors and a tokenizer, or the name of one on the hub."
        ) from error
    lacking = sorted(info["missing_keys"]) + sorted(str(item) for item in info.get("mismatched_keys", ()))
    if lacking:
        if (found := holding(model.config.to_dict())).kind in SILENT:
            raise silent(found, str(folder))
        if HEADS.intersection(info["unexpected_keys"]):
            raise silent(Holding("classifier", "a classifier of texts"), str(folder))
        if model.config.model_type in MASKED and not getattr(model.config, "is_decoder", False):
            raise silent(Holding("masked", f"an encoder alone ({model.config.model_type})"), str(folder))
        raise GenError(f"{folder} lacks {', '.join(lacking[:3])}; give weights and a config.json that belong together.")
    return model.eval()


def _known_attention(name: str) -> str:
    """The name, if transformers knows it and the packages that it takes are here. None is fetched from the hub."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    known = sorted({"eager", *(each for each in ALL_ATTENTION_FUNCTIONS.valid_keys() if each.isidentifier())})
    if name not in known:
        raise GenError(f"There is no attention {quoted(name)}; choose {', '.join(known[:-1])} or {known[-1]}.")
    if name.startswith("flash_attention") and not any(map(find_spec, ("flash_attn", "flash_attn_interface"))):
        raise GenError(f"The attention {name} takes the package flash-attn; install it, or name another, such as sdpa.")
    return name


def _sees_ahead(model_type: str, source: str) -> GenError:
    """The error for a model that is not causal."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    or_build = ", or build one on it with `gen train bert-lstm`" if model_type in MASKED else ""
    return GenError(
        f"{source} is a {model_type} that sees what comes next, which it is to guess; "
        f"give a causal language model{or_build}."
    )
