"""The training loop all trainers share; a run killed at any moment and resumed ends with the same weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gen_engine.errors import GenError
from gen_trainkit.averaging import averaged_weights, start_average, update_average
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.checkpoints import (
    Checkpoint,
    gather_state,
    newest_checkpoint,
    read_checkpoint,
    replace_folder,
    restore_state,
    write_checkpoint,
)
from gen_trainkit.interrupts import asked_to_stop
from gen_trainkit.losses import IGNORED
from gen_trainkit.metrics import append_metrics, draw_curve, rewind_metrics
from gen_trainkit.optimizers import OptimizerName, build_optimizers, peak_rates, set_rates
from gen_trainkit.progress import Watch, watch_run
from gen_trainkit.schedules import Schedule, rate_factor

Part = Literal["train", "valid"]
"""Which texts: those trained on, or those set aside."""


@dataclass(frozen=True)
class Recipe:
    """How to train: all that, with the data and the first weights, decides the last weights."""

    epochs: float = 1.0
    steps: int | None = None  # instead of epochs
    batch_tokens: int = 4096
    accumulate: int = 1
    optimizer: OptimizerName = "adamw"
    rate: float = 2e-5
    head_rate: float | None = None  # of the parameters that the task calls its head; None: the same rate
    matrix_rate: float = 4e-3
    weight_decay: float = 0.01
    schedule: Schedule = "linear"
    warmup: int = 0
    clip: float = 1.0
    ema: float = 0.0
    dtype: Literal["fp32", "bf16"] = "fp32"
    parallel: int = 1  # parts of a batch computed side by side, each on one thread
    patience: int = 0  # stop after so many full validations without a better one; 0: never
    seed: int = 0


@dataclass(frozen=True)
class Reporting:
    """When to measure and save, in steps; 0 means at the end of each epoch only.

    With `valid_batches`, the measurements within an epoch look at so many batches only, and choose no best model.
    """

    log_every: int = 50
    valid_every: int = 0
    valid_batches: int = 0
    save_every: int = 500


@dataclass(frozen=True)
class Batch:
    """Model inputs and labels [rows, length]; labels that are IGNORED (-100) count for nothing."""

    inputs: dict[str, Tensor]
    labels: Tensor


@dataclass(frozen=True)
class Task:
    """What is trained: a model, the lengths of its texts, and how to batch, score and save.

    `collate(part, indices, epoch)` makes a batch: a function of its arguments alone, whatever chance it uses. `score`
    returns (summed loss with gradient, number of right guesses) of a batch; `export` writes a model folder. `figures`
    tells more of the model at each full validation (of which `valid_loss` and `valid_accuracy` are always told); the
    best model is the one whose `goal`, one of those figures, is highest, or lowest if its name ends in "loss".
    `is_head(name)` tells which parameters learn at the rate of the head.
    """

    model: nn.Module
    train_lengths: Sequence[int]
    valid_lengths: Sequence[int]
    collate: Callable[[Part, Sequence[int], int], Batch]
    score: Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]
    export: Callable[[Path], None]
    fingerprint: dict[str, Any] = field(default_factory=dict)
    figures: Callable[[nn.Module], Mapping[str, float]] | None = None
    goal: str = "valid_loss"
    is_head: Callable[[str], bool] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended: steps done of the total, the last full validation, the best goal, the signal or 0.

    `figures` are those of the last full validation, `best` the value of the goal of the best one; both may lack.
    """

    step: int
    total: int
    figures: Mapping[str, float]
    best: float | None
    signal: int
    early: bool = False  # it stopped for want of patience


@dataclass
class _Run:
    """The moving parts of one run."""

    task: Task
    recipe: Recipe
    folder: Path
    pool: ThreadPoolExecutor
    optimizers: list[torch.optim.Optimizer]
    average: list[Tensor]
    step: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    waited: int = 0  # full validations since the best one
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "targets": 0.0, "correct": 0.0})


def plan_steps(task: Task, recipe: Recipe) -> tuple[int, int]:
    """(steps in an epoch, steps in the whole run)."""
    batches = len(plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=0))
    in_epoch = math.ceil(batches / recipe.accumulate)
    return in_epoch, recipe.steps or max(1, round(recipe.epochs * in_epoch))


def train(task: Task, recipe: Recipe, folder: Path, *, reporting: Reporting, resume: bool) -> Outcome:
    """Train `task.model` in place; `folder` receives checkpoints, metrics.jsonl, curve.png and `best`, the best model.

    With `resume`, go on from the newest checkpoint in `folder`, to the same weights, bit for bit, as a run that was
    never stopped. Raises GenError when that checkpoint is damaged or of another recipe, or, without `resume`, when
    there is one.
    """
    torch.manual_seed(recipe.seed)
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
    run = _Run(task, recipe, folder, _open_pool(task, recipe), optimizers, average)
    peaks = peak_rates(optimizers)
    _start_or_resume(run, resume)
    in_epoch, total = plan_steps(task, recipe)
    with watch_run(total, run.step) as watch, asked_to_stop() as stop_signal, run.pool:
        while run.step < total and not stop_signal() and not _out_of_patience(run):
            batches = plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=run.step // in_epoch)
            while run.step < total and not stop_signal() and not _out_of_patience(run):
                place = run.step % in_epoch * recipe.accumulate
                factor = rate_factor(run.step, total=total, warmup=recipe.warmup, schedule=recipe.schedule)
                set_rates(optimizers, peaks, factor)
                _step(run, batches[place : place + recipe.accumulate], run.step // in_epoch, watch)
                ended = run.step % in_epoch == 0 or run.step == total
                _report(run, reporting, ended, factor)
                if ended:
                    break
        if stop_signal():
            _save(run)
        draw_curve(folder / "metrics.jsonl", folder / "curve.png")
        return Outcome(run.step, total, run.figures, run.best, stop_signal(), _out_of_patience(run))


def _out_of_patience(run: _Run) -> bool:
    return 0 < run.recipe.patience <= run.waited


def _step(run: _Run, batches: Sequence[Sequence[int]], epoch: int, watch: Watch) -> None:
    """One optimiser step over `batches`, each weighted by its number of targets."""
    task, recipe = run.task, run.recipe
    task.model.train()
    lanes = range(recipe.parallel)
    parts = [indices[lane :: recipe.parallel] for indices in batches for lane in lanes if lane < len(indices)]
    loaded = [task.collate("train", part, epoch) for part in parts]
    targets = sum(int((batch.labels != IGNORED).sum()) for batch in loaded)
    score = partial(_score_part, task, recipe, max(1, targets))
    for loss, correct, gradients in (run.pool.map if recipe.parallel > 1 else map)(score, loaded):
        run.sums["loss"] += loss
        run.sums["correct"] += correct
        for parameter, gradient in zip(_trainable(task.model), gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    if recipe.clip:
        nn.utils.clip_grad_norm_(task.model.parameters(), recipe.clip)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    if recipe.ema:
        update_average(run.average, task.model, recipe.ema)
    run.sums["targets"] += targets
    run.step += 1
    mean = run.sums["loss"] / max(1.0, run.sums["targets"])
    best = f"  best {task.goal} {run.best:.4f}" if run.best is not None else ""
    watch(run.step, sum(batch.labels.numel() for batch in loaded), f"loss {mean:.4f}{best}")


def _score_part(task: Task, recipe: Recipe, targets: int, batch: Batch) -> tuple[float, float, tuple[Tensor, ...]]:
    """(summed loss, right guesses, gradients of the loss divided by `targets`), touching nothing that is shared."""
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.dtype == "bf16", cache_enabled=False):
        loss, correct = task.score(task.model, batch)
    gradients = torch.autograd.grad(loss / targets, _trainable(task.model))
    return loss.item(), correct.item(), gradients


def _trainable(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _open_pool(task: Task, recipe: Recipe) -> ThreadPoolExecutor:
    """Threads for parts of batches: parts wait for each other once a step, the threads of one operation every time."""
    dropout = any(isinstance(module, nn.Dropout) and module.p > 0 for module in task.model.modules())
    if dropout and recipe.parallel > 1:
        raise GenError("Dropout draws its randomness in no fixed order on threads side by side. Give --parallel 1.")
    return ThreadPoolExecutor(recipe.parallel, initializer=torch.set_num_threads, initargs=(1,))


def _report(run: _Run, reporting: Reporting, ended: bool, factor: float) -> None:
    """Log, measure and save where the step calls for it."""
    row: dict[str, Any] = {"step": run.step}
    if run.step % reporting.log_every == 0 or ended:
        targets = max(1.0, run.sums["targets"])
        row |= {"loss": run.sums["loss"] / targets, "accuracy": run.sums["correct"] / targets}
        row |= {"rate_factor": factor, "time": round(time.time(), 1)}
        run.sums = dict.fromkeys(run.sums, 0.0)
    if run.task.valid_lengths and (ended or (reporting.valid_every and run.step % reporting.valid_every == 0)):
        whole = ended or not reporting.valid_batches
        with averaged_weights(run.task.model, run.average):
            figures = measure(run.task, run.recipe, batches=None if whole else reporting.valid_batches)
            if whole:
                _keep_if_best(run, figures)
        row |= figures if whole else {f"few_{name}": value for name, value in figures.items()}
    if len(row) > 1:
        append_metrics(run.folder / "metrics.jsonl", row)
    if ended or (reporting.save_every and run.step % reporting.save_every == 0):
        _save(run)


def _keep_if_best(run: _Run, figures: dict[str, float]) -> None:
    run.figures, goal = figures, run.task.goal
    if goal not in figures:
        raise GenError(f"Nothing measures {goal!r}. Choose one of {', '.join(figures)}.")
    sign = -1 if goal.endswith("loss") else 1
    if run.best is None or sign * figures[goal] > sign * run.best:
        run.best, run.waited = figures[goal], 0
        _export(run, "best")
    else:
        run.waited += 1


@torch.no_grad()
def measure(task: Task, recipe: Recipe, *, batches: int | None = None) -> dict[str, float]:
    """`valid_loss` (nats per target), `valid_accuracy` and, over all batches only, the task's own figures."""
    task.model.eval()
    loss, correct, targets = 0.0, 0, 0
    for indices in plan_epoch(task.valid_lengths, recipe.batch_tokens, seed=0, epoch=0)[:batches]:
        batch = task.collate("valid", indices, 0)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.dtype == "bf16"):
            batch_loss, batch_correct = task.score(task.model, batch)
        loss, correct = loss + batch_loss.item(), correct + int(batch_correct)
        targets += int((batch.labels != IGNORED).sum())
    figures = {"valid_loss": loss / max(1, targets), "valid_accuracy": correct / max(1, targets)}
    return figures if batches or task.figures is None else {**figures, **task.figures(task.model)}


def export_last(task: Task, recipe: Recipe, folder: Path) -> None:
    """Write the last weights, or their mean if the newest checkpoint has one, as the model folder `folder`."""
    path = newest_checkpoint(folder.parent / "checkpoints")
    tensors = read_checkpoint(path).tensors if path and recipe.ema else {}
    average = [tensors[f"average.{index}"] for index, _ in enumerate(task.model.parameters())] if tensors else []
    with averaged_weights(task.model, average):
        _write_model(task, folder)


def _export(run: _Run, name: str) -> None:
    _write_model(run.task, run.folder / name)


def _write_model(task: Task, folder: Path) -> None:
    aside = folder.with_name(f".writing-{folder.name}")
    aside.mkdir(exist_ok=True)
    task.export(aside)
    replace_folder(aside, folder)


def _save(run: _Run) -> None:
    values = {
        "step": run.step,
        "figures": run.figures,
        "best": run.best,
        "waited": run.waited,
        "sums": run.sums,
        "recipe": asdict(run.recipe),
        "fingerprint": run.task.fingerprint,
    }
    tensors = gather_state(run.task.model, run.optimizers, run.average)
    write_checkpoint(run.folder / "checkpoints", Checkpoint(tensors, values))


def _start_or_resume(run: _Run, resume: bool) -> None:
    newest = newest_checkpoint(run.folder / "checkpoints")
    if newest and not resume:
        raise GenError(f"{run.folder} holds an unfinished or finished run. Give --resume, or another --out.")
    run.folder.mkdir(parents=True, exist_ok=True)
    if newest:
        checkpoint = read_checkpoint(newest)
        _check_same(checkpoint.values, run)
        restore_state(checkpoint.tensors, run.task.model, run.optimizers, run.average)
        for name in ("step", "figures", "best", "waited", "sums"):
            setattr(run, name, checkpoint.values[name])
    if not (run.folder / "best").exists():
        run.best = None
    rewind_metrics(run.folder / "metrics.jsonl", run.step)


MAY_CHANGE = {"epochs", "steps", "rate", "head_rate", "matrix_rate", "parallel", "patience"}


def _check_same(saved: dict[str, Any], run: _Run) -> None:
    """Refuse other data or another recipe; a longer or shorter run and other rates are the user's right."""
    now = {**asdict(run.recipe), **run.task.fingerprint}
    then = {**saved["recipe"], **saved["fingerprint"]}
    changed = sorted(name for name in now if name not in MAY_CHANGE and now[name] != then.get(name))
    if changed:
        what = ", ".join(f"{name} (was {then.get(name)})" for name in changed)
        raise GenError(
            f"The checkpoint in {run.folder} was made with other settings: {what}. Give them, or another --out."
        )
