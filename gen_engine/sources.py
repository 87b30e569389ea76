"""From a name to a model: one of `gen models`, a folder, a GGUF file, or a hub name."""

from __future__ import annotations

import inspect
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .blame import blaming
from .errors import GenError, quoted
from .hooks.registry import PluginInfo, registry
from .models.adapters import base_of, has_tokenizer, is_adapter
from .models.added import added, folder_of
from .models.device import VARIABLE, choose_device, is_accelerator, named_device
from .models.gguf_files import SUFFIX, gguf_in, kept_folder
from .models.holdings import refuse_no_model, refuse_silent
from .models.hub import fetched, snapshot_of
from .models.notes import ModelNote, read_note
from .system.bounds import read_settings
from .system.garbage import uncollected
from .system.underway import doing
from .types import DTYPES, LanguageModel, ModelLoader


@dataclass(frozen=True)
class Found:
    """A model that was loaded, and the folder that its settings are in."""

    model: LanguageModel
    folder: Path | None


@dataclass(frozen=True)
class Wish:
    """How a model is to be computed; see `load` of the engine."""

    dtype: str
    fast: bool
    device: str
    attention: str | None


def open_model(
    name: str | os.PathLike[str],
    *,
    dtype: str = "auto",
    fast: bool = False,
    device: str = "auto",
    attention: str | None = None,
) -> Found:
    """A model of `gen models`, of a folder or GGUF file, or of a hub name, looked up in this order; see `load` of the
    engine.
    """
    if dtype not in DTYPES:
        raise GenError(f"There is no dtype {quoted(dtype)}; choose {', '.join(DTYPES[:-1])} or {DTYPES[-1]}.")
    name = os.fspath(name)
    named_device(device)  # GenError for a name that is none
    with doing(f"loading the model {name}"), uncollected():
        return _open(name, Wish(dtype, fast, device, attention))


@blaming()
def _open(name: str, wish: Wish) -> Found:
    folder = model_folder(name)
    if is_adapter(folder):
        return _open_adapter(folder, name, wish)
    refuse_no_model(folder, name)
    model_type = _model_type(folder)
    refuse_silent(folder, name)
    if any(offer.name == model_type for offer in registry().loaders.values()):
        if wish.attention is not None:
            raise GenError(f"{name} is computed by a runner of its own, without attention to choose; leave it out.")
        loader = registry().find("loader", model_type).function
        where = _where(loader, model_type, wish.device)
        return Found(loader(folder, name=name, dtype=wish.dtype, fast=wish.fast, **where), folder)
    return Found(_load_any(folder, name, wish), folder)


def _load_any(folder: Path, name: str, wish: Wish, adapter: Path | None = None) -> LanguageModel:
    from .models.loading import load

    device = choose_device(wish.device)
    return load(
        folder,
        name=name,
        dtype=wish.dtype,
        fast=wish.fast,
        device=device,
        attention=wish.attention,
        adapter=adapter,
    )


def _open_adapter(folder: Path, name: str, wish: Wish) -> Found:
    """An adapter of peft, merged into its base."""
    base = _base_folder(folder)
    refuse_silent(base, str(base))
    made = _load_any(base, name, wish, adapter=folder)
    return Found(made, folder if has_tokenizer(folder) else base)


def _base_folder(folder: Path) -> Path:
    """The folder of an adapter's base: in or beside it, or of any name that `load` knows. The hub is not asked."""
    named = base_of(folder)
    beside = folder / named
    try:
        base = model_folder(str(beside) if beside.is_dir() else named, online=False)
    except GenError as error:
        raise GenError(
            f"{folder} is an adapter of {named}, which is not on this machine; fetch it (`gen models pull`), or write "
            f"its folder into {folder}/adapter_config.json."
        ) from error
    if is_adapter(base):
        raise GenError(f"{folder} is an adapter of another adapter ({base}); merge that one into its base first.")
    refuse_no_model(base, named)
    return base


def model_folder(name: str, *, online: bool = True) -> Path:
    """The folder of a model of any name. GGUF files are unpacked. A hub name that is not on this machine is fetched.

    Raises GenError if there is no such model, or the hub cannot be reached (or is not to be asked).
    """
    path = _path(name)
    if path is None:
        try:
            path = fetched(name, online=online)
        except GenError:
            if "/" not in name:
                registry().find("model", name)  # names similar models
            raise
    file = gguf_in(path)
    return path if file is None else kept_folder(file)


def weights_folders(name: str) -> tuple[Path, ...]:
    """The folders with the weights of a model that is on this machine; for an adapter, its own and its base's.

    Raises GenError if there is no such model here. The hub is not asked.
    """
    folder = model_folder(name, online=False)
    return (folder, _base_folder(folder)) if is_adapter(folder) else (folder,)


def model_plugins(name: str) -> list[PluginInfo]:
    """The plugins that bring a model of this machine, and the code that computes it."""
    offers = [offer for known, offer in registry().models.items() if name in (known, offer.full_name)]
    folder = model_folder(name, online=False)
    if not is_adapter(folder):
        kind = _model_type(folder)
        offers += [offer for offer in registry().loaders.values() if offer.name == kind]
    return [offer.plugin for offer in offers]


def known_models() -> list[str]:
    """The names of `gen models`: those that plugins bring, and those that were added."""
    return sorted({*registry().models, *added()})


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
    folder = _path(os.fspath(name)) or snapshot_of(os.fspath(name))
    if folder is None or is_adapter(folder) or gguf_in(folder):
        return None
    refuse_no_model(folder, os.fspath(name))
    return read_note(folder)


def told_of(part: str) -> list[str]:
    """Which of `gen models` accept this part of a context. Models with a damaged note do not."""
    found = []
    for name in known_models():
        try:
            note = note_of(name)
        except GenError:
            continue
        found += [name] if note and part in note.parts else []
    return found


def _path(name: str) -> Path | None:
    """The folder or GGUF file of the model, or None if `name` can only be a hub name."""
    path = Path(name)
    offered = name in registry().models
    if not offered and os.path.isfile(name):
        if path.suffix != SUFFIX:
            refuse_no_model(path, name)
        return path
    if not offered and os.path.isdir(name):  # pathlib's own raises if a name is too long
        return path
    if offered or ":" in name:
        return Path(registry().find("model", name).model.folder)
    if (folder := folder_of(name)) is not None:
        return folder
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
