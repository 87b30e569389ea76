"""How well a model does on the validation texts."""

from __future__ import annotations

import torch

from gen_engine.system.underway import counted
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.distributed import Group
from gen_trainkit.stepping import count_targets
from gen_trainkit.tasks import Recipe, Task


@torch.no_grad()
def measure(task: Task, recipe: Recipe, *, batches: int | None = None, group: Group | None = None) -> dict[str, float]:
    """`valid_loss` (nats per target), `valid_accuracy` and, over all batches only, the task's own figures.

    Several processes share the batches; the first one measures the task's own figures.
    """
    group = group or Group()
    task.model.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    planned = plan_epoch(task.valid_lengths, recipe.batch_tokens, seed=0, epoch=0)[:batches]
    for indices in counted(planned[group.rank :: group.size], "validating, batches"):
        batch = task.collate("valid", indices, 0)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.dtype == "bf16"):
            loss, correct = task.score(task.model, batch)
        sums += torch.tensor([loss.item(), correct.item(), count_targets(batch)], dtype=torch.float64)
    group.add([sums])
    loss_sum, right, targets = sums.tolist()
    figures = {"valid_loss": loss_sum / max(1.0, targets), "valid_accuracy": right / max(1.0, targets)}
    own = task.figures
    if batches or own is None:
        return figures
    return {**figures, **group.first(lambda: dict(own(task.model)))}
