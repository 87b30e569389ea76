"""Adapters that peft saved, such as LoRA: loaded on their base model and merged into it."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import GenError, brief
from .architectures import quiet
from .checkpoint import CONFIG, read_json
from .sizes import TOKENIZER_FILES

ADAPTER = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model")
"""Files of which a folder with a tokenizer has at least one."""


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, and no model of its own."""
    return (folder / ADAPTER).is_file() and not (folder / CONFIG).exists()


def base_of(folder: Path) -> str:
    """The name of the model that an adapter was trained on: a folder, or a hub name.

    Raises GenError if it names none, is no adapter of a language model, has pickled weights, or peft is not installed.
    """
    config = read_json(folder / ADAPTER)
    task = config.get("task_type")
    if task not in (None, "CAUSAL_LM"):
        raise GenError(f"{folder} holds an adapter for the task {brief(str(task))}, which continues no text; name one "
                       "of a causal language model.")  # fmt: skip
    if not (folder / WEIGHTS).is_file():
        raise GenError(f"{folder} holds an adapter without {WEIGHTS}; save it again as safetensors.")
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise GenError(f"{folder}/{ADAPTER} does not name the model that it is for; write it as "
                       "base_model_name_or_path.")  # fmt: skip
    if find_spec("peft") is None:
        raise GenError(f"{folder} holds an adapter, which takes peft; install it: pip install 'gen-engine[peft]'.")
    return base


def merged(model: Any, folder: Path) -> Any:
    """The base `model` with the adapter of a folder merged into its weights.

    Raises GenError if it does not fit the model, or is of a kind that cannot be merged.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        with quiet():
            adapted = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError, struct.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise GenError(
            f"{folder} holds an adapter that does not fit its base ({reason}); name one that does."
        ) from error
    if not hasattr(adapted.base_model, "merge_and_unload"):
        kind = getattr(adapted.peft_type, "value", adapted.peft_type)
        raise GenError(f"{folder} holds an adapter ({kind}) that cannot be merged; name one such as LoRA.")
    return adapted.merge_and_unload()


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder has a tokenizer of its own."""
    return any((folder / name).is_file() for name in TOKENIZERS)


@contextmanager
def tokenizer_folder(folder: Path, base: Path) -> Iterator[Path]:
    """A folder to read the tokenizer of an adapter from: its own one if it has any, with the settings of its base."""
    if not has_tokenizer(folder):
        yield base
        return
    with TemporaryDirectory(prefix="gen-adapter-") as aside:
        for name in (*TOKENIZER_FILES, CONFIG):
            source = folder if (folder / name).is_file() else base
            if (source / name).is_file() and (source is folder or name in (CONFIG, "generation_config.json")):
                shutil.copyfile(source / name, Path(aside) / name)
        yield Path(aside)
