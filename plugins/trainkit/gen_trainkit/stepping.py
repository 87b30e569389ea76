"""The gradient of one step over many batches, computed in parts, in parallel threads and processes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from gen_engine.errors import GenError
from gen_trainkit.distributed import Group
from gen_trainkit.losses import IGNORED
from gen_trainkit.tasks import Batch, Recipe, Task


@dataclass(frozen=True)
class StepSums:
    """Sums over all processes in one step; `tokens` includes padding."""

    loss: float
    correct: float
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
    group = group or Group()
    task.model.train()
    mine = batches[group.rank :: group.size]
    lanes = range(recipe.parallel)
    parts = [indices[lane :: recipe.parallel] for indices in mine for lane in lanes if lane < len(indices)]
    loaded = [task.collate("train", part, epoch) for part in parts]
    targets = torch.tensor(float(sum(count_targets(batch) for batch in loaded)), dtype=torch.float64)
    group.add([targets])
    score = partial(_score_part, task, recipe, max(1.0, targets.item()))
    sums = [0.0, 0.0, float(sum(map(count_tokens, loaded))), float(sum(map(len, mine)))]
    for loss, correct, gradients in (pool.map if pool and recipe.parallel > 1 else map)(score, loaded):
        sums[0] += loss
        sums[1] += correct
        for parameter, gradient in zip(trainable(task.model), gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    loss, correct, tokens, texts = _add_up(task.model, sums, group)
    return StepSums(loss, correct, targets.item(), tokens, texts)


def _add_up(model: nn.Module, sums: Sequence[float], group: Group) -> list[float]:
    """Add up gradients and `sums` over all processes; a process without a batch adds nothing."""
    if group.size > 1:
        for parameter in trainable(model):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        group.add([parameter.grad for parameter in trainable(model) if parameter.grad is not None])
    told = torch.tensor(sums, dtype=torch.float64)
    group.add([told])
    return told.tolist()


def count_targets(batch: Batch) -> int:
    """How many labels of the batch count."""
    return int((batch.labels != IGNORED).sum())


def count_tokens(batch: Batch) -> int:
    """How many tokens of the batch the model reads, padding included; labels may be fewer, such as one per text."""
    return max(tensor.numel() for tensor in batch.inputs.values())


def _score_part(task: Task, recipe: Recipe, targets: float, batch: Batch) -> tuple[float, float, tuple[Tensor, ...]]:
    """(summed loss, right guesses, gradients of the loss divided by `targets`), without changing shared state."""
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.dtype == "bf16", cache_enabled=False):
        loss, correct = task.score(task.model, batch)
    gradients = torch.autograd.grad(loss / targets, trainable(task.model))
    return loss.item(), correct.item(), gradients


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that training moves, in order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def open_pool(task: Task, recipe: Recipe) -> ThreadPoolExecutor:
    """Threads for parts of batches. Parts wait for each other only once per step; the threads within an operation do so
    every time."""
    if recipe.parallel > 1 and any(map(_is_random, task.model.modules())):
        raise GenError("Dropout draws its randomness in no fixed order on threads side by side. Give --parallel 1.")
    return ThreadPoolExecutor(recipe.parallel, initializer=torch.set_num_threads, initargs=(1,))


def _is_random(module: nn.Module) -> bool:
    return (isinstance(module, nn.Dropout) and module.p > 0) or (isinstance(module, nn.RNNBase) and module.dropout > 0)
