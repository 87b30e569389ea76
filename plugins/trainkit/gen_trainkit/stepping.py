"""The gradient of one step over many batches, computed in parts, in parallel threads and processes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from gen_engine.errors import GenError
from gen_trainkit.devices import as_sums, computing, device_of, on_device, sums_on
from gen_trainkit.distributed import Group
from gen_trainkit.losses import IGNORED
from gen_trainkit.tasks import Batch, Recipe, Task


@dataclass(frozen=True)
class StepSums:
    """Sums over all processes in one step; `tokens` includes padding.

    `told` is (loss, right guesses), which stay on the device, so that nobody waits for it.
    """

    told: Tensor
    targets: float
    tokens: float
    texts: float


def compute_gradients(
    task: Task,
    recipe: Recipe,
    batches: Sequence[Sequence[int]],
    *,
    epoch: int,
    group: Group | None = None,
    pool: ThreadPoolExecutor | None = None,
) -> StepSums:
    """Leave in `.grad` the gradient of the mean loss over the targets of all `batches`.

    Process r of W computes the batches r, r + W, ..., and every process ends with the sum of all.
    """
    group, device = group or Group(), device_of(task.model)
    task.model.train()
    mine = batches[group.rank :: group.size]
    lanes = range(recipe.parallel if device.type == "cpu" else 1)
    parts = [indices[lane :: len(lanes)] for indices in mine for lane in lanes if lane < len(indices)]
    loaded = [task.collate("train", part, epoch) for part in parts]
    targets = torch.tensor(float(sum(count_targets(batch) for batch in loaded)), dtype=torch.float64)
    group.add([targets])
    score = partial(_score_part, task, recipe, max(1.0, targets.item()))
    told = sums_on(device, 2)
    for sums, gradients in (pool.map if pool and len(lanes) > 1 else map)(score, loaded):
        told += sums
        for parameter, gradient in zip(trainable(task.model), gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    counts = torch.tensor([sum(map(count_tokens, loaded)), sum(map(len, mine))], dtype=torch.float64)
    _add_up(task.model, told, counts, group)
    tokens, texts = counts.tolist()
    return StepSums(told, targets.item(), tokens, texts)


def _add_up(model: nn.Module, told: Tensor, counts: Tensor, group: Group) -> None:
    """Add up gradients and sums over all processes, in place; a process without a batch adds nothing."""
    if group.size > 1:
        for parameter in trainable(model):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        group.add([parameter.grad for parameter in trainable(model) if parameter.grad is not None])
    group.add([told])
    group.add([counts])


def count_targets(batch: Batch) -> int:
    """How many labels of the batch count."""
    return int((batch.labels != IGNORED).sum())


def count_tokens(batch: Batch) -> int:
    """How many tokens of the batch the model reads, padding included; labels may be fewer, such as one per text."""
    return max(tensor.numel() for tensor in batch.inputs.values())


def _score_part(task: Task, recipe: Recipe, targets: float, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
    """((summed loss, right guesses), gradients of the loss divided by `targets`), without changing shared state."""
    device = device_of(task.model)
    with computing(recipe, device, cached=device.type != "cpu"):
        loss, correct = task.score(task.model, on_device(batch, device))
    gradients = torch.autograd.grad(loss / targets, trainable(task.model))
    return as_sums(loss, correct), gradients


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that training moves, in order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def open_pool(task: Task, recipe: Recipe) -> ThreadPoolExecutor:
    """Threads for parts of batches. Parts wait for each other only once per step; the threads within an operation do so
    every time."""
    if recipe.parallel > 1 and device_of(task.model).type == "cpu" and any(map(_is_random, task.model.modules())):
        raise GenError("Dropout draws its randomness in no fixed order on threads side by side. Give --parallel 1.")
    return ThreadPoolExecutor(recipe.parallel, initializer=torch.set_num_threads, initargs=(1,))


def _is_random(module: nn.Module) -> bool:
    return (isinstance(module, nn.Dropout) and module.p > 0) or (isinstance(module, nn.RNNBase) and module.dropout > 0)
