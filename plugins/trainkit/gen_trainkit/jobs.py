"""A trainer's job, from its options to a published model: the steps that all trainers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import click
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from gen_engine.cli.languages import choose_language
from gen_trainkit.devices import name_device, own_device, place
from gen_trainkit.options import tell_plan, tell_reading
from gen_trainkit.plan import describe_run
from gen_trainkit.publishing import CardFacts, Publishing, run_and_publish
from gen_trainkit.tasks import Outcome, Recipe, Reporting, Task
from gen_trainkit.telling import tell_outcome

Texts = TypeVar("Texts")
AnyJob = TypeVar("AnyJob", bound="Job")


class Job(Protocol):
    """One call of a trainer: the settings that all trainers share, besides their own."""

    @property
    def recipe(self) -> Recipe:
        """How to train."""

    @property
    def reporting(self) -> Reporting:
        """When to measure and save."""

    @property
    def publishing(self) -> Publishing:
        """Where the finished model goes."""


@dataclass(frozen=True)
class Finished:
    """How a run ended; the last measurement, as `figures` and as a `report` to print; and warnings."""

    outcome: Outcome
    figures: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    doubts: Sequence[str] = ()


@dataclass(frozen=True)
class Prepared(Generic[Texts]):
    """A prepared job: the model with its tokenizer, the texts in the trainer's own format, and the task for the loop.

    `facts()` is what `--dry-run` says about the data, `told` are messages from reading it, and `example` is a text to
    try the model with. `--lang auto` depends on `labels`. `begin` is called before the training, `end` after it.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    train: Texts
    valid: Texts
    task: Task
    card: CardFacts
    facts: Callable[[], Mapping[str, object]]
    told: Sequence[str]
    example: tuple[str, ...]
    labels: Sequence[str] = ()
    begin: Callable[[], None] = lambda: None
    end: Callable[[Outcome], Finished] = Finished


def silence_transformers() -> None:
    """Switch off the bars and warnings of transformers; what it warns about is checked here, or intended."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def describe(job: Job, ready: Prepared[Any]) -> dict[str, object]:
    """What would be trained, for `--dry-run`."""
    return {**ready.facts(), **describe_run(ready.task, job.recipe)}


def run_job(job: Job, ready: Prepared[Any], *, resume: bool) -> Finished:
    """Train and, unless stopped by a signal, publish the model folder; its `run` folder keeps the rest."""
    ready.begin()
    reporting = replace(job.reporting, lang=choose_language(job.reporting.lang, ready.labels))
    return ready.end(run_and_publish(ready.task, job.recipe, reporting, job.publishing, ready.card, resume=resume))


def carry_out(
    job: AnyJob,
    prepare: Callable[[AnyJob], Prepared[Any]],
    given: Mapping[str, Any],
    attempt: Callable[..., str],
) -> None:
    """What a command does with a job: prepare, train and publish or, with `--dry-run`, tell what would be trained.

    `given["device"]` is looked for before anything is read. `attempt(folder, *example)` is the command that tries the
    model.
    """
    device = own_device(given["device"])
    ready = prepare(job)
    place(ready.task.model, device)
    tell_reading(ready.told if device.type == "cpu" else [*ready.told, f"Computing on {name_device(device)}."])
    if given["dry_run"]:
        tell_plan(describe(job, ready))
        return
    finished = run_job(job, ready, resume=given["resume"])
    if finished.report:
        click.echo(finished.report)
    out = job.publishing.out
    tell_outcome(finished.outcome, out, attempt(out, *ready.example), finished.doubts)


def name_files(files: Sequence[Path]) -> str:
    """The names of files for a model card."""
    return ", ".join(path.name for path in files)
