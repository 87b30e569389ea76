"""Sizes, memory and time of a run for `--dry-run`, measured by a few steps on a copy of the model."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gen_engine.models.device import out_of_memory
from gen_engine.system.underway import doing
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.devices import device_of, kept_randomness, recompute_layers, settled, wait_for
from gen_trainkit.measuring import measure
from gen_trainkit.optimizers import build_optimizers
from gen_trainkit.ranks import process_count
from gen_trainkit.sizes import check_batches
from gen_trainkit.stepping import compute_gradients, open_pool, trainable
from gen_trainkit.tasks import Recipe, Task, plan_steps

TRIED = 4  # batches
MEGABYTE = 1e6


@dataclass(frozen=True)
class Trial:
    """Measurements of a few steps: seconds per batch and per optimiser step, padded tokens per batch, and extra
    bytes."""

    batch: float
    update: float
    tokens: float
    valid_batch: float
    extra: int | None


@doing("trying a few steps")
def describe_run(task: Task, recipe: Recipe) -> dict[str, Any]:
    """The expected sizes, memory and time of `train(task, recipe, ...)`, in a readable order.

    For `--dry-run`: a trainer returns `{**facts of its own, **describe_run(task, recipe)}` and prints that by
    `options.tell_plan`. Nothing is written, and model and random state stay as they are. Time and peak memory are
    measured by a few steps on a copy of the model, which is then thrown away. The first step is on the largest batch.
    """
    device = device_of(task.model)
    recipe = settled(recipe, device)
    check_batches(task, recipe)
    batches = plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=0)
    in_epoch, total = plan_steps(task, recipe)
    tokens = sum(_padded(task.train_lengths, batch) for batch in batches)
    sizes = {
        "parameters": sum(parameter.numel() for parameter in task.model.parameters()),
        "trainable parameters": sum(parameter.numel() for parameter in trainable(task.model)),
        "training texts": len(task.train_lengths),
        "validation texts": len(task.valid_lengths),
        "padded tokens an epoch": tokens,
        "steps an epoch": in_epoch,
        "steps": total,
        "processes": process_count(),
        "device": device.type,
        "numbers": recipe.dtype,
    }
    full = out_of_memory("a step of this training", "give a smaller --batch-tokens, or --gradient-checkpointing")
    with kept_randomness(device), full:
        tried = _try(replace(task, model=copy.deepcopy(task.model)), recipe, batches)
    return {**sizes, "memory": _memory(task.model, recipe, tried), "time": _time(task, recipe, tried)}


def _padded(lengths: Sequence[int], batch: Sequence[int]) -> int:
    return len(batch) * max(lengths[index] for index in batch)


def _try(task: Task, recipe: Recipe, batches: Sequence[Sequence[int]]) -> Trial:
    """Time batches from large to small, then one step of the optimiser and one batch of validation."""
    by_size = sorted(batches, key=lambda batch: _padded(task.train_lengths, batch), reverse=True)
    by_length = sorted(batches, key=lambda batch: max(task.train_lengths[index] for index in batch))
    middle = [by_length[(2 * place + 1) * len(by_length) // (2 * TRIED)] for place in range(TRIED)]
    optimizers = build_optimizers(
        task.model, recipe.optimizer, rate=0.0, matrix_rate=0.0, weight_decay=0.0, head_rate=None, is_head=None
    )
    device = device_of(task.model)
    recompute_layers(task.model, recipe.gradient_checkpointing)
    with open_pool(task, recipe) as pool:
        before = _used(device)
        compute_gradients(task, recipe, by_size[:1], epoch=0, pool=pool)
        update = _timed(lambda: [optimizer.step() for optimizer in optimizers], device)
        highest = _most_used(device)
        seen: list[float] = []
        took = _timed(
            lambda: seen.extend(compute_gradients(task, recipe, [one], epoch=0, pool=pool).tokens for one in middle),
            device,
        )
    plain = replace(task, figures=None)
    valid = _timed(lambda: measure(plain, recipe, batches=1), device) if task.valid_lengths else 0.0
    extra = None if before is None or highest is None else max(0, highest - before)
    return Trial(took / TRIED, update, sum(seen) / TRIED, valid, extra)


def _timed(act: Any, device: torch.device) -> float:
    wait_for(device)
    began = time.perf_counter()
    act()
    wait_for(device)
    return time.perf_counter() - began


def _used(device: torch.device) -> int | None:
    """Bytes of memory in use now: of this process, or by its tensors on a CUDA device. The peak begins anew."""
    if device.type != "cuda":
        return _resident("VmRSS", forget=True) if device.type == "cpu" else None
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def _most_used(device: torch.device) -> int | None:
    """The peak since `_used`."""
    if device.type != "cuda":
        return _resident("VmHWM") if device.type == "cpu" else None
    return torch.cuda.max_memory_allocated(device)


def _resident(which: str, *, forget: bool = False) -> int | None:
    """Bytes of memory that this process uses (VmRSS), or used at its peak (VmHWM); None where the system does not
    say."""
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(which)), None)


def _memory(model: nn.Module, recipe: Recipe, tried: Trial) -> dict[str, str]:
    """Memory: the permanent part is counted; what a step of the largest batch takes on top of the weights is
    measured."""
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    moving = sum(parameter.numel() for parameter in trainable(model))
    matrices = sum(p.numel() for p in trainable(model) if p.ndim == 2) if recipe.optimizer == "muon" else 0
    parts = {
        "weights": weights,
        "gradients": 4 * moving,
        "optimizer moments": 4 * (2 * moving - matrices),  # Muon keeps one for matrices
        "weight means": weights if recipe.ema else 0,
        "a checkpoint on disk": weights + 4 * (2 * moving - matrices) + (weights if recipe.ema else 0),
        "a step, measured, on top of the weights": tried.extra,
    }
    return {name: f"{size / MEGABYTE:,.1f} MB" for name, size in parts.items() if size}


def _time(task: Task, recipe: Recipe, tried: Trial) -> dict[str, str]:
    """Time of steps and of validation after each epoch, assuming that every process is as fast as measured here."""
    in_epoch, total = plan_steps(task, recipe)
    batches = len(plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=0))
    a_step = batches / in_epoch / process_count() * tried.batch + tried.update
    valid = len(plan_epoch(task.valid_lengths, recipe.batch_tokens, seed=0, epoch=0)) * tried.valid_batch
    validation = valid / process_count() * (1 + math.ceil(total / in_epoch))
    return {
        "a step, measured": f"{a_step:.3g} s",
        "padded tokens a second, measured": f"{tried.tokens / (tried.batch + tried.update / recipe.accumulate):,.0f}",
        "training": _duration(total * a_step),
        "validation before it and after each epoch": _duration(validation),
        "in all": _duration(total * a_step + validation),
    }


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.3g} s"
