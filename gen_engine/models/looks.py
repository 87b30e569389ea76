"""What a model was found to be able to do, kept in the cache folder: trying takes seconds, and gives the same again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..compiled.library import library, library_file
from ..text.array_files import kept
from .abilities import Abilities, find_abilities, make_ready
from .instructions import choose_instructions
from .joined import CACHES
from .positions import find_positions

MOST = 64
"""For how many models it is kept, the most recently used ones."""

TOLD = ("packs", "first", "extends", "pads", "joins", "alike", "rewinds", "exact", "frees")
"""The fields of `Abilities` that are kept as numbers."""


@dataclass(frozen=True)
class Look:
    """How many tokens a model reads at once (None: any number), and how it is called."""

    positions: int | None
    abilities: Abilities


def look_at(
    model: Any, folders: Sequence[Path], *, fast: bool, attention: str | None, check: Callable[[], None]
) -> Look:
    """What was found out about the model of these folders, or is found now. The model is made ready to compute.

    `check` raises if it is none that can be used; it is called before anything is kept.
    """
    tried: list[Look] = []

    def try_all() -> Mapping[str, np.ndarray]:
        if model.device.type != "meta":  # it has no numbers to look at
            check()
        found = Look(find_positions(model), find_abilities(model, fast=fast, attention=attention is not None))
        tried.append(found)
        return {"told": np.array(_numbers(found), np.int64)}

    arrays = kept("abilities", _key(model, folders, f"{fast} {attention}"), try_all, names=("told",), most=MOST)
    if tried:
        return tried[0]
    found = _read(model, arrays["told"].tolist())
    make_ready(model, found.abilities, fast=fast)
    return found


def _key(model: Any, folders: Sequence[Path], wish: str) -> str:
    """A hash of all that what is found depends on: the files, how it is computed and by what, and our own code."""
    computed = (model.dtype, model.device, torch.get_num_threads(), choose_instructions().name, model.config)
    told = [wish, *map(str, computed), *map(version, ("torch", "transformers"))]
    found = blake2b("\n".join(told).encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    if (compiled := library()) is not None:
        told_of = os.stat(library_file() or "")
        found.update(f"{compiled.kernel} {told_of.st_size} {told_of.st_mtime_ns}\n".encode())
    for path in sorted(path for folder in folders for path in folder.iterdir() if path.is_file()):
        stat = os.stat(path)
        found.update(f"{path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}\n".encode())
    return found.hexdigest()


def _numbers(look: Look) -> list[int]:
    found = look.abilities
    cache = -1 if found.cache is None else CACHES.index(found.cache)
    positions = -1 if look.positions is None else look.positions
    return [positions, cache, int(found.keeps is torch.float32), *(int(getattr(found, name)) for name in TOLD)]


def _read(model: Any, numbers: Sequence[int]) -> Look:
    positions, cache, keeps, *rest = numbers
    plain = Abilities.of(model)
    kinds = [type(getattr(plain, name)) for name in TOLD]
    told = {name: kind(number) for name, kind, number in zip(TOLD, kinds, rest, strict=True)}
    abilities = replace(
        plain,
        cache=None if cache < 0 else CACHES[cache],
        keeps=torch.float32 if keeps else None,
        **told,
    )
    return Look(None if positions < 0 else positions, abilities)
