"""Models that the user has given names: a list in the user's data folder, with the folders of unpacked ones."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import GenError, quoted
from ..system.whole_files import edited_alone, write_whole
from .adapters import is_adapter
from .checkpoint import read_config, read_json
from .gguf_files import convert_gguf, gguf_in

LIST = "models.json"
"""The file with the names and folders."""

REMEDY = "make room, or set GEN_MODELS"

NAME = re.compile(r"\w[\w.-]{0,99}")
"""What a name may be: one word, which no folder's path and no hub name with an owner is."""


def models_folder() -> Path:
    """The folder for the list and the unpacked models: `GEN_MODELS`, or one in the user's data folder."""
    if folder := os.environ.get("GEN_MODELS"):
        return Path(folder)
    from platformdirs import user_data_path

    return user_data_path("gen-engine", appauthor=False) / "models"


def added() -> Mapping[str, Path]:
    """The folder of each name, in order of names. Raises GenError if the list is damaged."""
    return {name: models_folder() / folder for name, folder in _listed().items()}


def _listed() -> dict[str, str]:
    """The list as it is kept, in order of names: absolute paths, or names of folders beside it that were unpacked."""
    path = models_folder() / LIST
    found = read_json(path)
    if not all(isinstance(folder, str) for folder in found.values()):
        raise GenError(f"{path} is no list of models; mend it, or remove it.")
    return dict(sorted(found.items()))


def folder_of(name: str) -> Path | None:
    """The folder of an added name; None if there is no such name. Raises GenError if the folder is gone."""
    folder = added().get(name)
    if folder is not None and not folder.exists():
        raise GenError(f"{name} is {folder}, which is gone; put it back, or `gen models remove {name}`.")
    return folder


def add(name: str, source: Path) -> Path:
    """Give a model folder a name; a GGUF file is unpacked into a folder first, which is returned.

    Raises GenError for what is no name or no model, and for names that are taken.
    """
    if not NAME.fullmatch(name):
        raise GenError(f"{quoted(name)} is no name for a model; give one word of letters, digits, dots and dashes.")
    _refuse_taken(name, added())
    file = gguf_in(source)
    if file is not None:
        folder = models_folder() / name
        convert_gguf(file, folder)
    else:
        folder = source.resolve()
        if not is_adapter(folder):
            read_config(folder)
    try:
        with _editing() as known:
            _refuse_taken(name, added())
            known[name] = str(folder) if file is None else name
    except GenError:
        if file is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _refuse_taken(name: str, known: Mapping[str, Path]) -> None:
    if name in known:
        raise GenError(f"{name} is {known[name]} already; give another name, or `gen models remove {name}` first.")


def remove(name: str) -> Path | None:
    """Forget a name; the folder that is still there, None if it was unpacked for the name and is removed with it.

    Raises GenError if there is no such name.
    """
    with _editing() as known:
        if name not in known:
            more = f"there is {', '.join(known)}" if known else "`gen models add` adds one"
            raise GenError(f"No model {quoted(name)} was added; {more}.")
        folder = known.pop(name)
    if folder != name:
        return models_folder() / folder
    shutil.rmtree(models_folder() / name, ignore_errors=True)
    return None


@contextmanager
def _editing() -> Iterator[dict[str, str]]:
    """The list as it is now, to be changed; it is written at the end, before another process reads it to change it."""
    path = models_folder() / LIST
    with edited_alone(path, REMEDY):
        known = _listed()
        yield known
        write_whole(path, json.dumps(known, ensure_ascii=False, indent=1) + "\n", REMEDY)
