"""What is trained and how: the glossary of the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.optimizers import OptimizerName
from gen_trainkit.ranks import process_count
from gen_trainkit.schedules import Schedule

Part = Literal["train", "valid"]
"""The training or the validation texts."""


@dataclass(frozen=True)
class Recipe:
    """How to train: together with the data and the initial weights, this determines the final weights."""

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
    dtype: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 on CUDA, elsewhere fp32
    gradient_checkpointing: bool = False  # compute layers again on the way back instead of keeping what they computed
    parallel: int = 1  # on a CPU: parts of a batch computed side by side, each on one thread
    patience: int = 0  # stop after so many full validations without a better one; 0: never
    seed: int = 0


@dataclass(frozen=True)
class Reporting:
    """When to measure and save, in steps; 0 means at the end of each epoch only.

    With `valid_batches`, measurements within an epoch use only this many batches, and do not choose the best model.
    """

    log_every: int = 50
    valid_every: int = 0
    valid_batches: int = 0
    save_every: int = 500
    tensorboard: bool = False  # write the figures for TensorBoard, too
    lang: str = "auto"  # of the curve: auto is English, unless a trainer knows better


@dataclass(frozen=True)
class Batch:
    """Model inputs and labels [rows, length]; labels that are IGNORED (-100) are left out.

    `chosen` are the places of the others among all labels, for models that compute there only. They are counted here,
    on the CPU, since a device would have to be waited for.
    """

    inputs: dict[str, Tensor]
    labels: Tensor
    chosen: Tensor | None = None


@dataclass(frozen=True)
class Task:
    """What is trained: a model, the lengths of its texts, and how to batch, score and save.

    The model is trained on the device where it lies (see `devices.place`).

    `collate(part, indices, epoch)` makes a batch, on the CPU. It depends on its arguments alone, even where it draws at
    random. `score` returns (summed loss with gradient, number of right guesses) of a batch that lies where the model
    does; `export` writes a model folder.
    `figures` measures the model further at each full validation; `valid_loss` and `valid_accuracy` are always measured.
    `goal` names one of these figures. The best model is the one with the highest, or the lowest if the name ends in
    "loss". `is_head(name)` says whether a parameter learns at the rate of the head.
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

    `figures` are those of the last full validation, `best` is the goal's value at the best one; both may be missing.
    """

    step: int
    total: int
    figures: Mapping[str, float]
    best: float | None
    signal: int
    early: bool = False  # it stopped for want of patience
    goal: str = "valid_loss"


def plan_steps(task: Task, recipe: Recipe) -> tuple[int, int]:
    """(steps in an epoch, steps in the whole run); every process takes `accumulate` batches per step."""
    batches = len(plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=0))
    in_epoch = math.ceil(batches / (recipe.accumulate * process_count()))
    return in_epoch, recipe.steps or max(1, round(recipe.epochs * in_epoch))
