"""How well a model does on the validation texts."""

from __future__ import annotations

import torch

from gen_engine.system.underway import counted
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.devices import as_sums, computing, device_of, on_device, sums_on
from gen_trainkit.distributed import Group
from gen_trainkit.stepping import count_targets
from gen_trainkit.tasks import Recipe, Task


@torch.no_grad()
def measure(task: Task, recipe: Recipe, *, batches: int | None = None, group: Group | None = None) -> dict[str, float]:
    """`valid_loss` (nats per target), `valid_accuracy` and, over all batches only, the task's own figures.

    Several processes share the batches; the first one measures the task's own figures.
    """
    group, device = group or Group(), device_of(task.model)
    task.model.eval()
    sums, targets = sums_on(device, 2), torch.zeros(1, dtype=torch.float64)
    planned = plan_epoch(task.valid_lengths, recipe.batch_tokens, seed=0, epoch=0)[:batches]
    for indices in counted(planned[group.rank :: group.size], "validating, batches"):
        batch = task.collate("valid", indices, 0)
        with computing(recipe, device):
            loss, correct = task.score(task.model, on_device(batch, device))
        sums += as_sums(loss, correct)
        targets += count_targets(batch)
    group.add([sums])
    group.add([targets])
    loss_sum, right, asked = *sums.tolist(), max(1.0, targets.item())
    figures = {"valid_loss": loss_sum / asked, "valid_accuracy": right / asked}
    own = task.figures
    if batches or own is None:
        return figures

    def measure_own() -> dict[str, float]:
        with computing(recipe, device):
            return dict(own(task.model))

    return {**figures, **group.first(measure_own)}
