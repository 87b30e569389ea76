"""Checkpoints that are complete or absent: written to a temporary folder, checked by digest, renamed into place."""

from __future__ import annotations

import hashlib
import json
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
from gen_engine.models.sizes import check_files
from gen_engine.system.bounds import read_settings
from gen_trainkit.storing import whole_folder

PREFIX = "step-"
TENSORS, MANIFEST = "state.safetensors", "manifest.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run needs to continue: tensors by name, and plain values (step, best loss, sums, settings)."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `folder`/step-N completely and only then remove the older ones; a kill at any moment leaves a complete one.

    Raises GenError if the disk is full; then the older one is still there. (One is enough: after it is flushed and
    renamed, only a failing disk could damage it, and that would damage a second one too.)
    """
    final = folder / f"{PREFIX}{checkpoint.values['step']:08d}"
    if final.exists():  # the same step of the same run: the same content
        return final
    with whole_folder(final) as aside:
        save_file({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, aside / TENSORS)
        manifest = {**checkpoint.values, "sha256": _digest(aside / TENSORS)}
        manifest["sha256_of_values"] = _digest_of_values(manifest)
        (aside / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    for old in folder.glob(f"{PREFIX}*"):
        if old != final:
            shutil.rmtree(old)
    return final


def newest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the highest step in `folder`, or None; folders still being written do not count."""
    return max(folder.glob(f"{PREFIX}*"), default=None, key=lambda path: path.name)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at `path`; raises GenError if any byte or value differs from what was written."""
    check_files(path)
    try:
        values = json.loads(read_settings(path / MANIFEST))
        told = values.pop("sha256_of_values", None)  # version 0.2 wrote none
        whole = told in (None, _digest_of_values(values))
        whole = values.pop("sha256") == _digest(path / TENSORS) and whole
        tensors = load_file(path / TENSORS) if whole else {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, SafetensorError):
        whole = False
    if not whole:
        raise GenError(f"The checkpoint {path} is damaged. Remove that folder and start again without --resume.")
    return Checkpoint(tensors, values)


def gather_state(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], average: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Weights, optimiser moments, weight means and the random state as one flat table of tensors on the CPU."""
    state = {f"model.{index}": parameter.detach() for index, parameter in enumerate(model.parameters())}
    state |= {f"average.{index}": mean for index, mean in enumerate(average)}
    for number, optimizer in enumerate(optimizers):
        for index, moments in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{index}.{key}": value for key, value in moments.items()}
    there = next(model.parameters()).device
    return {name: value.cpu() for name, value in state.items()} | {"random": random_state(there)}


def restore_state(
    tensors: dict[str, Tensor], model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], average: Sequence[Tensor]
) -> None:
    """Restore all that `gather_state` returned; for another model, raise GenError and restore nothing."""
    moments = [_moments(tensors, number) for number in range(len(optimizers))]  # before the first step, none
    targets: dict[str, Tensor] = {f"model.{index}": parameter for index, parameter in enumerate(model.parameters())}
    targets |= {f"average.{index}": mean for index, mean in enumerate(average)}
    shapes = {name: target.shape for name, target in targets.items()}
    there = {name: value.shape for name, value in tensors.items() if name.startswith(("model.", "average."))}
    if shapes != there or "random" not in tensors or not (all(map(_fits, optimizers, moments)) or not any(moments)):
        raise GenError("The checkpoint is of a model of other sizes. Give the options it was started with.")
    if not all(bool(tensors[name].isfinite().all()) for name in shapes):
        raise GenError("The checkpoint holds weights that are no numbers. Start again in another --out.")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])
    for optimizer, states in zip(optimizers, moments, strict=True):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    set_random_state(tensors["random"], next(model.parameters()).device)


def random_state(device: torch.device) -> Tensor:
    """The random state of the CPU, and after it that of the device: bytes, on the CPU."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    elif device.type == "mps":
        states.append(torch.mps.get_rng_state())
    return torch.cat(states)


def set_random_state(state: Tensor, device: torch.device) -> None:
    """Set what `random_state` returned on a device of the same type."""
    own = torch.get_rng_state().numel()
    torch.set_rng_state(state[:own])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state[own:], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state[own:])


def _fits(optimizer: torch.optim.Optimizer, moments: dict[int, dict[str, Tensor]]) -> bool:
    """Whether there are moments of the right shapes for every parameter."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return moments.keys() == set(range(len(parameters))) and all(
        value.ndim == 0 or value.shape == parameters[index].shape
        for index, states in moments.items()
        for value in states.values()
    )


def _moments(tensors: dict[str, Tensor], number: int) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        parts = name.split(".")
        if parts[:2] == ["optimizer", str(number)]:
            moments.setdefault(int(parts[2]), {})[parts[3]] = value
    return moments


def _digest_of_values(values: dict[str, Any]) -> str:
    as_read = json.loads(json.dumps(values))  # keys that are no strings become strings
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
