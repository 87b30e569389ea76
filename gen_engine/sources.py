"""From a name to a model: one of `gen models`, a folder, or a hub name."""

from __future__ import annotations

import inspect
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .blame import blaming
from .errors import GenError, quoted
from .hooks.registry import registry
from .models.device import VARIABLE, choose_device, is_accelerator, named_device
from .models.holdings import refuse_no_model, refuse_silent
from .models.notes import ModelNote, read_note
from .system.bounds import read_settings
from .system.underway import doing
from .types import DTYPES, LanguageModel, ModelLoader


@dataclass(frozen=True)
class Found:
    """A model that was loaded, and the folder that it was found in (None: a hub name)."""

    model: LanguageModel
    folder: Path | None


def open_model(name: str | os.PathLike[str], *, dtype: str = "auto", fast: bool = False, device: str = "auto") -> Found:
    """A model of `gen models`, of a folder, or of a hub name, looked up in this order; see `load` of the engine."""
    if dtype not in DTYPES:
        raise GenError(f"There is no dtype {quoted(dtype)}; choose {', '.join(DTYPES[:-1])} or {DTYPES[-1]}.")
    name = os.fspath(name)
    named_device(device)  # GenError for a name that is none
    with doing(f"loading the model {name}"):
        return _open(name, dtype=dtype, fast=fast, device=device)


@blaming()
def _open(name: str, *, dtype: str, fast: bool, device: str) -> Found:
    folder = _folder(name)
    if folder is not None:
        refuse_no_model(folder, name)
        model_type = _model_type(folder)
        refuse_silent(folder, name)
        if any(offer.name == model_type for offer in registry().loaders.values()):
            loader = registry().find("loader", model_type).function
            return Found(
                loader(folder, name=name, dtype=dtype, fast=fast, **_where(loader, model_type, device)), folder
            )
    from .models.loading import load as load_any

    try:
        where = choose_device(device)
        return Found(load_any(folder or name, name=name, dtype=dtype, fast=fast, device=where), folder)
    except GenError:
        if folder is None and "/" not in name:
            registry().find("model", name)  # names similar models
        raise


def _where(loader: ModelLoader, model_type: str, device: str) -> dict[str, str]:
    """The device for a loader that takes one. GenError if an accelerator is asked for, and it takes none."""
    if "device" in inspect.signature(loader).parameters:
        return {"device": device}
    if is_accelerator(device):
        raise GenError(
            f"Models of the type {model_type} are computed on the CPU only; choose the device cpu or auto instead of "
            f"{named_device(device)} (--device, or {VARIABLE})."
        )
    return {}


@blaming()
def note_of(name: str | os.PathLike[str]) -> ModelNote | None:
    """The note of a model that `load` would load; the model is not loaded. None if it has none, as hub models do.

    Raises GenError if there is no such folder, or its note is damaged.
    """
    name = os.fspath(name)
    folder = _folder(name)
    if folder is not None:
        refuse_no_model(folder, name)
    return None if folder is None else read_note(folder)


def told_of(part: str) -> list[str]:
    """Which of `gen models` accept this part of a context. Models with a damaged note do not."""
    found = []
    for name in registry().models:
        try:
            note = note_of(name)
        except GenError:
            continue
        found += [name] if note and part in note.parts else []
    return found


def _folder(name: str) -> Path | None:
    """The folder of the model, or None if `name` can only be a hub name."""
    path = Path(name)
    if name not in registry().models and os.path.isfile(name):
        refuse_no_model(path, name)
    if name not in registry().models and os.path.isdir(name):  # pathlib's own raises if a name is too long
        return path
    if name in registry().models or ":" in name:
        return Path(registry().find("model", name).model.folder)
    if path.is_absolute() or name.startswith(".") or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise GenError(
            f"There is no folder {quoted(name)}; name a folder with a config.json, or a model of `gen models`."
        )
    return None


def _model_type(folder: Path) -> str:
    try:
        config = json.loads(read_settings(folder / "config.json"))
        return str(config["model_type"])
    except KeyError:
        raise GenError(f"{folder}/config.json names no model_type, which tells what it is; fetch it again.") from None
    except (ValueError, TypeError, OSError, RecursionError) as problem:
        raise GenError(f"{folder}/config.json cannot be read ({problem}); save the model again.") from problem
