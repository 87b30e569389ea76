"""The folder of the two judges of relevance, which `recipe/judges.py` writes: one JSON file and tensors, no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gen_engine.errors import GenError
from gen_engine.models.checkpoint import read_safetensors, write_weights
from gen_engine.system.bounds import read_settings
from gen_engine.system.underway import doing

from .counts import Counts
from .relevance import Judges
from .towers import Encoder, Towers

SETTINGS, COUNTS, TOWERS = "judges.json", "counts.safetensors", "towers.safetensors"
FORMAT = 1
WIDEST = 1024
REMEDY = "make the folder anew by plugins/poem/recipe/judges.py"
ARRAYS = ("poems", "sums", "usual", "starts", "places", "counts")


def write_judges(folder: Path, counts: Counts, encoder: Encoder, pool: tuple[str, ...]) -> None:
    """Write both judges, and the titles from which wrong ones are drawn, into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "format": FORMAT,
        "pool": pool,
        "titles": list(counts.titles),
        "features": list(counts.features),
        "total": counts.total,
        "characters": encoder.characters,
        "width": encoder.towers.embedding.embedding_dim,
    }
    write_weights(folder / COUNTS, {name: torch.from_numpy(getattr(counts, name)) for name in ARRAYS})
    write_weights(folder / TOWERS, encoder.towers.state_dict())
    (folder / SETTINGS).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


@doing("reading the judges")
def read_judges(folder: Path) -> Judges:
    """The judges of a folder. GenError if it holds none, or is damaged."""
    told = _settings(folder / SETTINGS)
    counts = _counts(told, read_safetensors(folder / COUNTS), folder / COUNTS)
    encoder = Encoder(_towers(told, read_safetensors(folder / TOWERS), folder / TOWERS), told["characters"])
    return Judges({"counts": counts, "encoder": encoder}, tuple(told["pool"]))


def _settings(path: Path) -> dict[str, Any]:
    """What the JSON file says, of the right kinds."""
    if not path.is_file():
        raise GenError(f"{path.parent} is no folder of judges, since it has no {SETTINGS}; {REMEDY}.")
    try:
        told = json.loads(read_settings(path))
    except (OSError, ValueError, RecursionError) as problem:
        raise GenError(f"{path} cannot be read ({problem}); {REMEDY}.") from None
    kinds = {"pool": list, "titles": list, "features": list, "total": int, "characters": str, "width": int}
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise GenError(f"{path} is not of format {FORMAT}; {REMEDY}.")
    odd = [name for name, kind in kinds.items() if type(told.get(name)) is not kind]
    odd += [name for name, kind in kinds.items() if kind is list and not odd and not _are_texts(told[name])]
    if odd or told["total"] < 1 or not 0 < told["width"] <= WIDEST:
        raise GenError(f"{path} says nothing usable of {odd[0] if odd else 'its sizes'}; {REMEDY}.")
    return told


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) and value for value in values)


def _counts(told: dict[str, Any], tensors: dict[str, Tensor], path: Path) -> Counts:
    """The judge by counts, if the tensors fit together."""
    if set(tensors) != set(ARRAYS) or any(each.is_floating_point() or each.is_complex() for each in tensors.values()):
        raise GenError(f"{path} has other tensors than counts of {', '.join(ARRAYS)}; {REMEDY}.")
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    found = Counts(tuple(told["titles"]), tuple(told["features"]), told["total"], **arrays)
    titles, features, entries = len(found.titles), len(found.features), len(found.places)
    shapes = {"poems": (titles,), "sums": (titles, 2), "usual": (features,), "starts": (titles + 1,),
              "places": (entries,), "counts": (entries,)}  # fmt: skip
    fits = all(arrays[name].shape == shape for name, shape in shapes.items())
    if not fits or not _is_sound(found):
        raise GenError(f"{path} has counts that do not fit {SETTINGS}; {REMEDY}.")
    return found


def _is_sound(found: Counts) -> bool:
    starts = found.starts.astype(np.int64)
    return bool(
        starts[0] == 0
        and starts[-1] == len(found.places)
        and (np.diff(starts) >= 0).all()
        and (found.places < len(found.features)).all()
        and (found.places >= 0).all()
        and (found.usual > 0).all()
        and (found.sums >= 0).all()
        and ((found.poems > 0) & (found.poems <= found.total)).all()
    )


def _towers(told: dict[str, Any], tensors: dict[str, Tensor], path: Path) -> Towers:
    """The encoder's towers, if the tensors fit them."""
    with torch.device("meta"):
        towers = Towers(len(told["characters"]), told["width"])
    wanted = {name: tensor.shape for name, tensor in towers.state_dict().items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != wanted:
        raise GenError(f"{path} has other tensors than {SETTINGS} says; {REMEDY}.")
    if not all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in tensors.values()):
        raise GenError(f"{path} has tensors that are no finite numbers; {REMEDY}.")
    towers.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return towers.eval()
