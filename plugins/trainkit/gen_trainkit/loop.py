"""The training loop that all trainers share; a run killed at any moment and resumed ends with the same weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gen_engine.cli.languages import choose_language
from gen_engine.errors import GenError, quoted
from gen_engine.models.device import out_of_memory
from gen_engine.system.underway import doing
from gen_trainkit.averaging import averaged_weights, start_average, update_average
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.checkpoints import newest_checkpoint, read_checkpoint
from gen_trainkit.curves import draw_curve
from gen_trainkit.devices import (
    as_sums,
    device_of,
    is_waited_for,
    recompute_layers,
    settled,
    sums_on,
)
from gen_trainkit.distributed import join_group
from gen_trainkit.interrupts import asked_to_stop
from gen_trainkit.measuring import measure
from gen_trainkit.metrics import append_metrics, open_events, read_metrics
from gen_trainkit.optimizers import build_optimizers, peak_rates, set_rates
from gen_trainkit.options import tell_reading
from gen_trainkit.progress import Watch, watch_run
from gen_trainkit.ranks import is_first
from gen_trainkit.runs import Run, not_finite, read_sums, save_run, start_or_resume
from gen_trainkit.schedules import rate_factor
from gen_trainkit.sizes import check_batches
from gen_trainkit.stepping import compute_gradients, open_pool
from gen_trainkit.storing import claimed, whole_folder
from gen_trainkit.tasks import Batch, Outcome, Part, Recipe, Reporting, Task, plan_steps

__all__ = [
    "Batch",
    "Outcome",
    "Part",
    "Recipe",
    "Reporting",
    "Task",
    "export_last",
    "measure",
    "plan_steps",
    "train",
]


def train(
    task: Task,
    recipe: Recipe,
    folder: Path,
    *,
    reporting: Reporting,
    resume: bool,
    begun: Callable[[], None] | None = None,
) -> Outcome:
    """Train `task.model` in place; `folder` gets checkpoints, metrics.jsonl, curve.png and `best`, the best model.

    It computes where the model lies. With `resume`, go on from the newest checkpoint in `folder`. On a CPU the weights
    end up the same, bit for bit, as in a run that was never stopped. Under torchrun every process calls this; the first
    one writes, and calls `begun` once `folder` is there.

    Raises GenError when that checkpoint is damaged or of another recipe or device, and without `resume`, when there is
    a checkpoint. Another training that writes into `folder`, a batch larger than memory, a full disk, and a loss that
    is not finite raise it too.
    """
    recipe = settled(recipe, device_of(task.model))
    check_batches(task, recipe)
    recompute_layers(task.model, recipe.gradient_checkpointing)
    full = out_of_memory("a step of this training", partial(_how_to_fit, recipe, folder / "checkpoints"))
    with claimed(folder) if is_first() else nullcontext(), full:
        return _train(task, recipe, folder, reporting=reporting, resume=resume, begun=begun)


def _how_to_fit(recipe: Recipe, checkpoints: Path) -> str:
    """What to do when memory is full, and what of the run there is."""
    newest, smaller = newest_checkpoint(checkpoints), "a smaller --batch-tokens and more --accumulate"
    if newest is None:
        return f"give {smaller}" + ", or --gradient-checkpointing" * (not recipe.gradient_checkpointing)
    if recipe.gradient_checkpointing:
        return f"start again in another --out with {smaller}; {newest} is whole"
    return f"go on from {newest} with --resume --gradient-checkpointing, or start in another --out with {smaller}"


def _train(
    task: Task, recipe: Recipe, folder: Path, *, reporting: Reporting, resume: bool, begun: Callable[[], None] | None
) -> Outcome:
    run = _set_up(task, recipe, folder)
    peaks = peak_rates(run.optimizers)
    start_or_resume(run, resume)
    if run.group.is_first:
        run.tell = _open_outlets(run, reporting)
        if begun:
            begun()
    in_epoch, total = plan_steps(task, recipe)
    at_once = recipe.accumulate * run.group.size
    watching = watch_run(total, run.step) if run.group.is_first else nullcontext(_watch_nothing)
    epoch, batches, begun_at, note = -1, list[list[int]](), run.step, ""
    with asked_to_stop() as stop_signal, watching as watch, run.pool:
        _measure_start(run, watch)
        run.signal = run.group.highest(stop_signal())
        while run.step < total and not run.signal and run.is_patient:
            if run.step // in_epoch != epoch:
                epoch = run.step // in_epoch
                batches = plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=epoch)
            place = run.step % in_epoch * at_once
            factor = rate_factor(run.step, total=total, warmup=recipe.warmup, schedule=recipe.schedule)
            set_rates(run.optimizers, peaks, factor)
            with doing("computing the first step") if run.step == begun_at else nullcontext():
                tokens = _step(run, batches[place : place + at_once], epoch)
            ended = run.step % in_epoch == 0 or run.step == total
            measured = bool(task.valid_lengths) and (ended or _is_due(run.step, reporting.valid_every))
            if not run.unread or _is_logged(run, reporting, ended or measured):
                read_sums(run)
                note = f"loss {run.sums['loss'] / max(1.0, run.sums['targets']):.4f}"
            watch(run.step, tokens, note + _best(run) + "  validating" * measured)
            _report(run, reporting, factor, ended=ended, measured=measured)
            if measured:
                watch(run.step, 0, note + _best(run))
            run.signal = run.group.highest(stop_signal())
        if run.signal:
            save_run(run)
        if run.group.is_first:
            remark = draw_curve(
                folder / "metrics.jsonl", folder / "curve.png", language=choose_language(reporting.lang)
            )
            tell_reading([remark] if remark else [])
    return Outcome(run.step, total, run.figures, run.best, run.signal, not run.is_patient, task.goal)


def _set_up(task: Task, recipe: Recipe, folder: Path) -> Run:
    optimizers = build_optimizers(
        task.model,
        recipe.optimizer,
        rate=recipe.rate,
        head_rate=recipe.head_rate,
        is_head=task.is_head,
        matrix_rate=recipe.matrix_rate,
        weight_decay=recipe.weight_decay,
    )
    average = start_average(task.model) if recipe.ema else []
    return Run(task, recipe, folder, join_group(device_of(task.model)), open_pool(task, recipe), optimizers, average)


def _open_outlets(run: Run, reporting: Reporting) -> Callable[[dict[str, Any]], None]:
    """A function that writes a row of figures to every output that is wanted."""
    outlets: list[Callable[[dict[str, Any]], None]] = [partial(append_metrics, run.folder / "metrics.jsonl")]
    if reporting.tensorboard:
        outlets.append(open_events(run.folder / "tensorboard", run.step))

    def tell(row: dict[str, Any]) -> None:
        for outlet in outlets:
            outlet(row)

    return tell


def _watch_nothing(step: int, tokens: int, note: str) -> None:
    """Processes other than the first one show nothing."""


def _measure_start(run: Run, watch: Watch) -> None:
    """Report the figures on the validation texts before training, so that later ones show what training changed."""
    fresh = run.step == 0 and run.group.first(lambda: not read_metrics(run.folder / "metrics.jsonl"))
    if fresh and run.task.valid_lengths:
        watch(0, 0, "validating before the first step")
        figures = measure(run.task, run.recipe, group=run.group)
        if all(map(math.isfinite, figures.values())):
            run.tell({"step": 0, "examples": 0, **figures})


def _best(run: Run) -> str:
    """The best figure so far, to be shown after the loss."""
    return f"  best {run.task.goal} {run.best:.4f}" if run.best is not None else ""


def _step(run: Run, batches: Sequence[Sequence[int]], epoch: int) -> int:
    """One optimiser step over `batches`, each weighted by its number of targets; returns how many tokens were read."""
    task, recipe = run.task, run.recipe
    seen = compute_gradients(task, recipe, batches, epoch=epoch, group=run.group, pool=run.pool)
    norm = nn.utils.clip_grad_norm_(task.model.parameters(), recipe.clip) if recipe.clip else sums_on(run.device, 1)[0]
    run.unread.append((torch.cat([seen.told, as_sums(norm)]), seen.targets))
    if not is_waited_for(run.device):
        read_sums(run)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    if recipe.ema:
        update_average(run.average, task.model, recipe.ema)
    run.step += 1
    run.examples += int(seen.texts)
    return int(seen.tokens)


def _report(run: Run, reporting: Reporting, factor: float, *, ended: bool, measured: bool) -> None:
    """Log, measure and save where the step calls for it.

    The first step, the last one and those with a measurement are always logged, so that short runs have a curve too.
    """
    row: dict[str, Any] = {"step": run.step, "examples": run.examples}
    if _is_logged(run, reporting, ended or measured):
        targets = max(1.0, run.sums["targets"])
        row |= {"loss": run.sums["loss"] / targets, "accuracy": run.sums["correct"] / targets}
        row |= {"rate_factor": factor, "time": round(time.time(), 1), "device": run.device.type}
        run.sums = dict.fromkeys(run.sums, 0.0)
    if measured:
        row |= _measure_now(run, None if ended or not reporting.valid_batches else reporting.valid_batches)
    if len(row) > 2:
        run.tell(row)
    if ended or _is_due(run.step, reporting.save_every):
        save_run(run)


def _is_logged(run: Run, reporting: Reporting, ended: bool) -> bool:
    return ended or run.step == 1 or run.step % reporting.log_every == 0


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _measure_now(run: Run, batches: int | None) -> dict[str, float]:
    """The figures on all validation texts, by which the best model is kept; or on a few `batches` only."""
    with averaged_weights(run.task.model, run.average):
        figures = measure(run.task, run.recipe, batches=batches, group=run.group)
        if batches is None:
            _keep_if_best(run, figures)
    return figures if batches is None else {f"few_{name}": value for name, value in figures.items()}


def _keep_if_best(run: Run, figures: dict[str, float]) -> None:
    run.figures, goal = figures, run.task.goal
    if goal not in figures:
        raise GenError(f"Nothing measures {quoted(goal)}. Choose one of {', '.join(figures)}.")
    if not math.isfinite(figures["valid_loss"]):
        raise not_finite(run, "The validation loss is")
    sign = -1 if goal.endswith("loss") else 1
    if run.best is None or sign * figures[goal] > sign * run.best:
        run.best, run.waited = figures[goal], 0
        if run.group.is_first:
            _write_model(run.task, run.folder / "best")
    else:
        run.waited += 1


def export_last(task: Task, recipe: Recipe, folder: Path) -> None:
    """Write the last weights, or their running mean if the newest checkpoint has one, as the model folder `folder`."""
    path = newest_checkpoint(folder.parent / "checkpoints")
    tensors = read_checkpoint(path).tensors if path and recipe.ema else {}
    average = [tensors[f"average.{index}"] for index, _ in enumerate(task.model.parameters())] if tensors else []
    with averaged_weights(task.model, average):
        _write_model(task, folder)


def _write_model(task: Task, folder: Path) -> None:
    with whole_folder(folder) as aside:
        task.export(aside)
