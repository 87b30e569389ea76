"""Model folders: read without executing anything, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..errors import GenError
from ..system.bounds import read_settings
from ..system.underway import doing
from .sizes import TOKENIZER_FILES, check_config, check_folder, stored_bytes

if TYPE_CHECKING:
    from torch import Tensor

Kind = TypeVar("Kind")

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = ("pytorch_model.bin.index.json", "pytorch_model.bin", "*.bin", "*.pt", "*.pth", "*.ckpt")


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; {} if there is no such file. Raises GenError if it is not a JSON object."""
    if not path.exists():
        return {}
    try:
        found = json.loads(read_settings(path))
    except (OSError, ValueError, RecursionError) as error:
        raise GenError(f"{path} is not readable JSON ({error}); fetch the file again.") from error
    if not isinstance(found, dict):
        raise GenError(f"{path} holds no JSON object; fetch the file again.")
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a model folder. Raises GenError if there is none, or a size in it is absurd."""
    if not folder.is_dir():
        raise GenError(f"There is no model folder {folder}; check the path, or see `gen models` for names.")
    if not (folder / CONFIG).exists():
        raise GenError(f"{folder} has no {CONFIG}, so it is no model folder; name the folder that holds one.")
    check_folder(folder)
    config = read_json(folder / CONFIG)
    check_config(config, f"{folder}/{CONFIG}", stored_bytes(folder))
    return config


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a model folder, from one safetensors file or its shards. Nothing in them is executed.

    Raises GenError if they are missing, damaged, incomplete or pickled.
    """
    if (folder / INDEX).is_file():
        return read_shards(folder / INDEX, read_safetensors)
    refuse_pickled(folder)
    return read_safetensors(folder / WEIGHTS)


def refuse_pickled(folder: Path) -> None:
    """Raise GenError unless `folder` has its weights as safetensors. If they are pickled, the error names the
    remedy.
    """
    if (folder / WEIGHTS).is_file() or (folder / INDEX).is_file():
        return
    pickled = next((path for pattern in PICKLED for path in sorted(folder.glob(pattern))), None)
    if pickled is not None:
        raise GenError(
            f"{folder} has only pickled weights, which could run code when read; "
            f"convert them with `gen convert {pickled} --base {folder} OUT`."
        )
    raise GenError(f"{folder} has no {WEIGHTS}; fetch the weights, or name another folder.")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """All tensors of one safetensors file. Raises GenError if it is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise GenError(f"{path} is damaged or cut short ({error}); fetch or write it again.") from error
    return tensors


def read_shards(index: Path, read: Callable[[Path], dict[str, Kind]]) -> dict[str, Kind]:
    """All tensors of the shards that `index` lists, each file read by `read`. Raises GenError if any is missing."""
    folder, places = index.parent, read_json(index).get("weight_map")
    if not isinstance(places, dict) or not all(
        isinstance(name, str) and name == os.path.basename(name) for name in places.values()
    ):
        raise GenError(f"{index} lists no tensors of this folder; fetch it again.")
    tensors: dict[str, Kind] = {}
    for name in sorted(set(places.values())):
        if not (folder / name).is_file():
            raise GenError(f"{folder} lacks the shard {name}; fetch all shards.")
        tensors |= read(folder / name)
    check_names(tensors, places, f"{folder}'s shards")
    return tensors


def check_names(found: Collection[str], expected: Collection[str], where: str) -> None:
    """Return if the names agree. Otherwise raises GenError naming a few that are missing or unexpected."""
    missing = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    if missing or extra:
        parts = [f"lacks {_few(missing)}"] * bool(missing) + [f"has unexpected {_few(extra)}"] * bool(extra)
        raise GenError(f"{where} {' and '.join(parts)}; give weights and a config.json that belong together.")


def check_tensors(found: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Return if `found`, tensors or arrays, has these names and shapes, and only finite numbers. Otherwise raises
    GenError that says what is wrong.
    """
    check_names(found, shapes, where)
    for name, tensor in found.items():
        if tuple(tensor.shape) != shapes[name]:
            raise GenError(f"{where} has {name} of shape {tuple(tensor.shape)}, its config.json says {shapes[name]}; "
                           "give weights and a config.json that belong together.")  # fmt: skip
        if not (np.isfinite(tensor) if isinstance(tensor, np.ndarray) else tensor.isfinite()).all():
            raise GenError(f"{where} has numbers in {name} that are none or infinite; train or fetch it again.")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


# ---------------------------------------------------------------------------------------------------- writing


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` when the block ends, and is deleted if it fails.

    Raises GenError if `out` exists already and is not an empty folder.
    """
    import shutil
    import tempfile

    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise GenError(f"{out} exists already; name a new folder, or remove it first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield aside
        aside.chmod(0o755)
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` as safetensors under a temporary name, then rename. `path` is never half a file."""
    from safetensors.torch import save_file

    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside, metadata={"format": "pt"})
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@doing("writing the model folder")
def write_checkpoint(out: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], base: Path | None) -> None:
    """Write a standard model folder with the tokenizer files of `base`. It appears whole or not at all."""
    import shutil

    with written_whole(out) as aside:
        text = json.dumps(dict(config), ensure_ascii=False, indent=2) + "\n"
        (aside / CONFIG).write_text(text, encoding="utf-8")
        for name in TOKENIZER_FILES:
            if base is not None and (base / name).is_file():
                shutil.copyfile(base / name, aside / name)
        write_weights(aside / WEIGHTS, tensors)
