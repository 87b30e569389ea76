"""Datasets of the library `datasets`: folders written by `save_to_disk`, and names on the hub, with their splits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gen_engine.errors import GenError
from gen_engine.models.hub import not_waiting_for_hub
from gen_engine.models.sizes import check_files
from gen_engine.system.text_files import kind_of

PARTS = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "val": "valid", "test": "test"}
"""The part that each name of a split, or value of a split column, stands for."""

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?")
SAVED = ("dataset_dict.json", "state.json")
"""The files in the folder of a saved dataset, with splits or without."""

DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""The errors that the library raises for folders that are no datasets or are damaged, and for a hub out of reach."""


def is_dataset(path: Path, *, hub: bool = False) -> bool:
    """Whether `path` is a folder for `datasets` or, with `hub`, the name of a dataset on the hub."""
    if path.is_dir():
        return hub or any((path / name).is_file() for name in SAVED)
    return hub and not kind_of(path) and not path.exists() and bool(HUB_NAME.fullmatch(str(path)))


def load_splits(path: Path) -> Mapping[str, Any]:
    """The splits of a dataset by name; a dataset without splits has one, named ""."""
    try:
        import datasets
    except ImportError as error:
        raise GenError(
            "Reading datasets needs another package. pip install 'gen-engine-trainkit[datasets]'."
        ) from error

    name, _, configuration = str(path).partition(":")
    for folder in (path, *filter(Path.is_dir, path.iterdir())) if path.is_dir() else ():
        check_files(folder)
    try:
        if path.is_dir():
            found = datasets.load_from_disk(str(path))
        else:
            with _quietly(name):
                found = datasets.load_dataset(name, configuration or None)
    except DAMAGED as error:
        what = (
            "no folder of a saved dataset" if path.is_dir() else "neither a file nor a dataset of the hub within reach"
        )
        raise GenError(f"{path} is {what}. Check it, or give a .csv, .tsv or .jsonl file.") from error
    return found if isinstance(found, dict) else {"": found}


@contextmanager
def _quietly(name: str) -> Iterator[None]:
    """Inside, nothing waits for a hub out of reach; `datasets` has its own switch for that."""
    from datasets import config
    from huggingface_hub.constants import is_offline_mode

    before = config.HF_HUB_OFFLINE
    with not_waiting_for_hub(name):
        config.HF_HUB_OFFLINE = before or is_offline_mode()
        try:
            yield
        finally:
            config.HF_HUB_OFFLINE = before


def dataset_columns(splits: Mapping[str, Any]) -> list[str]:
    """The names of the columns that any split has."""
    return list(dict.fromkeys(name for data in splits.values() for name in data.column_names))


def choose_splits(names: Sequence[str], wanted: str | None, *, usually: Sequence[str], path: Path) -> list[str]:
    """The splits among `names` that are to be read.

    `wanted` is a name, a part (train, valid, test) or "all". Without it, the first existing one of the parts `usually`
    is read, or the only split. Raises GenError where no split fits.
    """
    if not names:
        if wanted not in (None, "all"):
            raise GenError(f"{path} has no splits of its own. Leave --part out.")
        return [""]
    if wanted == "all" or (wanted is None and len(names) == 1):
        return list(names)
    if wanted is not None and wanted in names:
        return [wanted]
    for part in usually if wanted is None else [wanted]:
        found = [name for name in names if PARTS.get(name) == part]
        if found:
            return found
    lacks = f"no split {wanted!r}" if wanted else f"no {' or '.join(usually)} split"
    raise GenError(
        f"{path} has {lacks} ({', '.join(names)}). Name the folder of one, such as {path}/{names[0]}, or one by --part."
    )
