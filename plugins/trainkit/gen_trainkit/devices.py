"""The device of a run: it is where the model lies, and batches, sums and random states follow the model."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gen_engine.errors import GenError
from gen_engine.models.device import choose_device, out_of_memory
from gen_trainkit.ranks import process_count
from gen_trainkit.tasks import Batch, Recipe

Model = TypeVar("Model", bound=nn.Module)


def own_device(wanted: str = "auto") -> torch.device:
    """The device of this process: `choose_device`, and under torchrun a CUDA device for each process of the machine.

    Raises GenError for devices that are not there, and where processes would have to share one.
    """
    device = choose_device(wanted)
    if process_count() == 1 or device.type == "cpu":
        return device
    if device.type != "cuda":
        raise GenError(f"Several processes cannot share {device}; give --device cpu, or start one process.")
    if ":" in wanted:
        raise GenError(f"{wanted} is one device for {process_count()} processes; give --device cuda, or start one.")
    local, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= there:
        raise GenError(
            f"Process {local + 1} of this machine has no CUDA device of its own, for there are {there};"
            f" start {there} a machine, or give --device cpu."
        )
    return torch.device("cuda", local)


def device_of(model: nn.Module) -> torch.device:
    """Where a model lies; one without parameters lies on the CPU."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def place(model: nn.Module, device: torch.device) -> None:
    """Move a model, in place. On an accelerator it gets fused attention, the faster one there at any length."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if device == device_of(model):
        return
    if device.type != "cpu":
        _fuse_attention(model)
    with out_of_memory("this model", "give --device cpu, or a smaller model"):
        tied = _tied_names(model)
        model.to(device)
        _tie_again(model, tied)


def _tied_names(model: nn.Module) -> list[list[str]]:
    """The names of parameters that are one and the same."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [several for several in names.values() if len(several) > 1]


def _tie_again(model: nn.Module, tied: list[list[str]]) -> None:
    """Make parameters one again: on a device of another kind of tensors, such as meta, torch makes each anew."""
    for first, *others in tied:
        for name in others:
            holder, _, last = name.rpartition(".")
            setattr(model.get_submodule(holder), last, model.get_parameter(first))


def _fuse_attention(model: nn.Module) -> None:
    for module in model.modules():
        choose: Any = getattr(module, "set_attn_implementation", None)
        if choose is not None:  # of transformers
            choose("sdpa")


def name_device(device: torch.device) -> str:
    """The device in words, for people: with the name of the card."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device; for CUDA by way of pinned memory, so that the copy overlaps with what is computed."""

    def move(tensor: Tensor) -> Tensor:
        pinned = tensor.pin_memory() if device.type == "cuda" and tensor.device.type == "cpu" else tensor
        return pinned.to(device, non_blocking=True)

    if device.type == "cpu":
        return batch
    chosen = None if batch.chosen is None else move(batch.chosen)
    return Batch({name: move(tensor) for name, tensor in batch.inputs.items()}, move(batch.labels), chosen)


def settled(recipe: Recipe, device: torch.device) -> Recipe:
    """The recipe with the numbers that it computes with on this device: "auto" is bf16 on CUDA, elsewhere fp32.

    Raises GenError if bf16 is asked of a card that does not compute it.
    """
    return replace(recipe, dtype=_settled_dtype(recipe.dtype, device))


def _settled_dtype(wanted: str, device: torch.device) -> Literal["fp32", "bf16"]:
    has_bf16 = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "bf16" and not has_bf16:
        raise GenError(f"{name_device(device)} computes no bf16; give --dtype fp32.")
    is_bf16 = wanted == "bf16" or (wanted == "auto" and device.type == "cuda" and has_bf16)
    return "bf16" if is_bf16 else "fp32"


def computing(recipe: Recipe, device: torch.device, *, cached: bool = True) -> AbstractContextManager[Any]:
    """Inside, products are computed in the recipe's numbers; `cached`: each weight is converted once, for one thread.

    The weights stay in fp32. bf16 has the exponents of fp32, so that no gradient has to be scaled.
    """
    if settled(recipe, device).dtype == "fp32" and device.type != "cpu":
        return nullcontext()
    enabled = settled(recipe, device).dtype == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=cached)


def is_waited_for(device: torch.device) -> bool:
    """Whether looking at a number on this device makes the program wait, so that it should do so seldom."""
    return device.type != "cpu"


def sums_on(device: torch.device, count: int) -> Tensor:
    """`count` zeros to add to, in float64 where the device has it."""
    return torch.zeros(count, dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)


def as_sums(*values: Tensor) -> Tensor:
    """Single numbers as one tensor that can be added to `sums_on` their device; they are not waited for."""
    wide = torch.float32 if values[0].device.type == "mps" else torch.float64
    return torch.stack([value.detach().to(wide) for value in values])


def recompute_layers(model: nn.Module, wanted: bool) -> None:
    """Let each layer forget what it computed and compute it again on the way back (Chen et al. 2016,
    arXiv:1604.06174), or stop it.

    Results and gradients are the same. Raises GenError if the model has no such layers.
    """
    layers: list[Any] = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    if wanted and not layers:
        raise GenError("This model has no layers to compute again. Leave --gradient-checkpointing out.")
    for layer in layers:
        layer.gradient_checkpointing = wanted
        layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)


def copy_on_cpu(model: Model) -> Model:
    """A copy of a model in the machine's memory; of the device's it takes none."""
    known: dict[int, Any] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.device.type != "cpu":
            moved = tensor.detach().cpu()
            known[id(tensor)] = nn.Parameter(moved, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else moved
    return copy.deepcopy(model, known)


def device_memory(device: torch.device) -> int | None:
    """The memory of a CUDA device in bytes, None for other devices."""
    return int(torch.cuda.get_device_properties(device).total_memory) if device.type == "cuda" else None


def wait_for(device: torch.device) -> None:
    """Wait until everything asked of a device is computed, as a clock needs it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def kept_randomness(device: torch.device) -> Iterator[None]:
    """Inside, random numbers are drawn at will; afterwards the random states are as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
