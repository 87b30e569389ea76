"""A run in progress: its state, how it is saved, and how a run continues from what was saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gen_engine.errors import GenError
from gen_engine.system.underway import doing
from gen_trainkit.checkpoints import (
    Checkpoint,
    gather_state,
    newest_checkpoint,
    random_state,
    read_checkpoint,
    restore_state,
    set_random_state,
    write_checkpoint,
)
from gen_trainkit.devices import device_of, is_waited_for
from gen_trainkit.distributed import Group, seed_process
from gen_trainkit.metrics import rewind_metrics
from gen_trainkit.stepping import trainable
from gen_trainkit.storing import stored
from gen_trainkit.tasks import Recipe, Task
from gen_trainkit.wording import in_words

MAY_CHANGE = {"epochs", "steps", "rate", "head_rate", "matrix_rate", "parallel", "patience", "gradient_checkpointing"}
NEEDED = {"step": int, "sums": dict, "recipe": dict, "fingerprint": dict}
Unread = tuple[Tensor, float]
"""(loss, right guesses, gradient norm) of a step, on the device; the number of its targets."""

SAVED = ("step", "figures", "best", "waited", "sums", "examples")


@dataclass
class Run:
    """The changing state of one run."""

    task: Task
    recipe: Recipe
    folder: Path
    group: Group
    pool: ThreadPoolExecutor
    optimizers: list[torch.optim.Optimizer]
    average: list[Tensor]
    step: int = 0
    examples: int = 0  # texts seen, each as often as it was
    figures: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    waited: int = 0  # full validations since the best one
    signal: int = 0
    tell: Callable[[dict[str, Any]], None] = lambda row: None  # where the figures go
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "targets": 0.0, "correct": 0.0})
    unread: list[Unread] = field(default_factory=list)  # what steps left on the device

    @property
    def device(self) -> torch.device:
        """Where its model lies."""
        return device_of(self.task.model)

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.folder / "checkpoints"

    @property
    def is_patient(self) -> bool:
        """Whether it may still wait for a better model."""
        return not 0 < self.recipe.patience <= self.waited


@doing("saving a checkpoint")
def save_run(run: Run) -> None:
    """Write a checkpoint; weights that are not finite raise GenError."""
    read_sums(run)
    states = run.group.collect(random_state(run.device))
    if not torch.stack([parameter.isfinite().all() for parameter in trainable(run.task.model)]).all():
        raise not_finite(run, "Some weights are")
    if not run.group.is_first:
        return
    values = {name: getattr(run, name) for name in SAVED}
    values |= {"recipe": asdict(run.recipe), "fingerprint": run.task.fingerprint, "processes": run.group.size}
    values |= {"device": run.device.type}
    tensors = gather_state(run.task.model, run.optimizers, run.average)
    tensors |= {f"random.{rank}": state for rank, state in enumerate(states) if rank}
    write_checkpoint(run.checkpoints, Checkpoint(tensors, values))


def read_sums(run: Run) -> None:
    """Add what the steps since the last call left on the device to `run.sums`; the device is waited for once.

    Raises GenError if a loss or a gradient was not finite.
    """
    if not run.unread:
        return
    loss, correct, norm = torch.stack([told for told, _ in run.unread]).sum(0).tolist()
    if not math.isfinite(loss + norm):
        raise not_finite(run, "The gradient is" if math.isfinite(loss) else "The loss is")
    for name, value in (("loss", loss), ("correct", correct), ("targets", sum(count for _, count in run.unread))):
        run.sums[name] += value
    run.unread.clear()


def not_finite(run: Run, what: str) -> GenError:
    """The error that ends a run whose numbers have overflowed."""
    newest = newest_checkpoint(run.checkpoints)
    how = f"go on from {newest} with --resume and a lower --rate" if newest else "start again with a lower --rate"
    found = f"at step {run.step + 1}" if not is_waited_for(run.device) else f"by step {run.step}"
    return GenError(f"{what} no finite number {found}; the run stopped there. To mend it, {how}.")


def start_or_resume(run: Run, resume: bool) -> None:
    """Make the folder or, with `resume`, restore the newest checkpoint; the same in all processes."""
    seed_process(run.recipe.seed, run.group.rank)
    newest = newest_checkpoint(run.checkpoints)
    if newest and not resume:
        raise GenError(f"{run.folder} holds an unfinished or finished run. Give --resume, or another --out.")
    with stored(run.folder):
        run.folder.mkdir(parents=True, exist_ok=True)
    if newest:
        checkpoint = read_checkpoint(newest)
        _check_same(checkpoint.values, run)
        restore_state(checkpoint.tensors, run.task.model, run.optimizers, run.average)
        for name in SAVED:
            setattr(run, name, checkpoint.values.get(name, getattr(run, name)))
        if run.group.rank and f"random.{run.group.rank}" in checkpoint.tensors:
            set_random_state(checkpoint.tensors[f"random.{run.group.rank}"], run.device)
        elif run.group.rank:
            seed_process(run.recipe.seed + run.step, run.group.rank)
    run.group.equalise([*run.task.model.parameters(), *run.average])
    if not run.group.first((run.folder / "best").exists):  # all have read; only now does the first one write
        run.best = None
    if run.group.is_first:
        rewind_metrics(run.folder / "metrics.jsonl", run.step)


def _check_same(saved: Mapping[str, Any], run: Run) -> None:
    """Refuse other data or another recipe; the length of the run and the rates may differ.

    Two processes may continue where one with twice `accumulate` stopped.
    """
    if not all(isinstance(saved.get(name), kind) for name, kind in NEEDED.items()):
        raise GenError(f"The checkpoint in {run.checkpoints} is damaged. Remove that folder, or give another --out.")
    made, here = saved.get("device", "cpu"), run.device.type  # up to version 0.3 there was the CPU alone
    if made != here:
        raise GenError(
            f"The checkpoint in {run.folder} was made on {made}, and on {here} the weights would become others."
            f" Give --device {made}, or another --out."
        )
    now = {**asdict(run.recipe), **run.task.fingerprint}
    then = {**saved["recipe"], **saved["fingerprint"]}
    for settings, processes in ((now, run.group.size), (then, saved.get("processes", 1))):
        settings["accumulate x processes"] = settings.pop("accumulate") * processes
    changed = sorted(name for name in now if name not in MAY_CHANGE and now[name] != then.get(name))
    if changed:
        what = ", ".join(f"{name} (was {in_words(then.get(name))})" for name in changed)
        raise GenError(
            f"The checkpoint in {run.folder} was made with other settings: {what}. Give them, or another --out."
        )
