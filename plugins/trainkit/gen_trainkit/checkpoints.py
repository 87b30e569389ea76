"""Checkpoints that are whole or absent: written aside, checked by digest, renamed into place."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gen_engine.errors import GenError

PREFIX = "step-"
TENSORS, MANIFEST = "state.safetensors", "manifest.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything a run needs to go on: tensors by name, and plain values (step, best loss, sums, settings)."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `folder`/step-N whole and only then remove the older ones; a kill at any moment leaves a whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{PREFIX}{checkpoint.values['step']:08d}"
    if final.exists():  # the same step of the same run: the same content
        return final
    aside = folder / f".writing-{final.name}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, aside / TENSORS)
    manifest = {**checkpoint.values, "sha256": _digest(aside / TENSORS)}
    (aside / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    replace_folder(aside, final)
    for old in folder.glob(f"{PREFIX}*"):
        if old != final:
            shutil.rmtree(old)
    return final


def replace_folder(aside: Path, final: Path) -> None:
    """Flush the files of `aside` to disk and rename it to `final`, in place of what was there."""
    old = final.with_name(f".old-{final.name}")
    shutil.rmtree(old, ignore_errors=True)
    for path in [*aside.iterdir(), aside] if os.name == "posix" else ():  # elsewhere a folder cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    if final.exists():
        final.rename(old)
    aside.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def newest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the highest step in `folder`, or None; folders still being written do not count."""
    return max(folder.glob(f"{PREFIX}*"), default=None, key=lambda path: path.name)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at `path`; raises GenError if any byte of its tensors differs from what was written."""
    try:
        values = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        whole = values.pop("sha256") == _digest(path / TENSORS)
        tensors = load_file(path / TENSORS) if whole else {}
    except (OSError, ValueError, KeyError, SafetensorError):
        whole = False
    if not whole:
        raise GenError(f"The checkpoint {path} is damaged. Remove that folder and start again without --resume.")
    return Checkpoint(tensors, values)


def gather_state(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], average: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Weights, optimiser moments, weight means and the random state as one flat table of tensors."""
    state = {f"model.{index}": parameter.detach() for index, parameter in enumerate(model.parameters())}
    state |= {f"average.{index}": mean for index, mean in enumerate(average)}
    for number, optimizer in enumerate(optimizers):
        for index, moments in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{index}.{key}": value for key, value in moments.items()}
    return {**state, "random": torch.get_rng_state()}


def restore_state(
    tensors: dict[str, Tensor], model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], average: Sequence[Tensor]
) -> None:
    """Put back what `gather_state` took; raises GenError if the shapes are those of another model."""
    try:
        with torch.no_grad():
            for index, parameter in enumerate(model.parameters()):
                parameter.copy_(tensors[f"model.{index}"])
            for index, mean in enumerate(average):
                mean.copy_(tensors[f"average.{index}"])
    except (KeyError, RuntimeError) as error:
        raise GenError("The checkpoint is of a model of other sizes. Give the options it was started with.") from error
    for number, optimizer in enumerate(optimizers):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": _moments(tensors, number)})
    torch.set_rng_state(tensors["random"])


def _moments(tensors: dict[str, Tensor], number: int) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        parts = name.split(".")
        if parts[:2] == ["optimizer", str(number)]:
            moments.setdefault(int(parts[2]), {})[parts[3]] = value
    return moments


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
