"""A trainer's job, from its options to a published model: what all trainers do with one, written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import click
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from gen_engine.cli.languages import choose_language
from gen_trainkit.options import tell_plan, tell_reading
from gen_trainkit.plan import describe_run
from gen_trainkit.publishing import CardFacts, Publishing, run_and_publish
from gen_trainkit.tasks import Outcome, Recipe, Reporting, Task
from gen_trainkit.telling import tell_outcome

Texts = TypeVar("Texts")


class Job(Protocol):
    """One call of a trainer: what all trainers are told beside what is their own."""

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
    """How a run ended; what a last measurement told, as `figures` and as a `report` to print; and what is wrong."""

    outcome: Outcome
    figures: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    doubts: Sequence[str] = ()


@dataclass(frozen=True)
class Prepared(Generic[Texts]):
    """A job made ready: the model with its tokenizer, the texts in the trainer's own shape, and the task for the loop.

    `facts()` is what `--dry-run` tells of the data, `told` what is said of the reading, `example` what a command tries
    the model with. `--lang auto` goes by `labels`. `begin` is called before the training, `end` after it.
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
    """Switch off its bars and warnings: what it would warn of is checked here, or meant."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def describe(job: Job, ready: Prepared[Any]) -> dict[str, object]:
    """What would be trained, for `--dry-run`."""
    return {**ready.facts(), **describe_run(ready.task, job.recipe)}


def run_job(job: Job, ready: Prepared[Any], *, resume: bool) -> Finished:
    """Train, and unless stopped by a signal publish the model folder; its `run` folder keeps the rest."""
    ready.begin()
    reporting = replace(job.reporting, lang=choose_language(job.reporting.lang, ready.labels))
    return ready.end(run_and_publish(ready.task, job.recipe, reporting, job.publishing, ready.card, resume=resume))


def carry_out(job: Job, ready: Prepared[Any], given: Mapping[str, Any], attempt: Callable[..., str]) -> None:
    """What a command does with a job made ready: train and publish, or with `--dry-run` tell what would be trained.

    `attempt(folder, *example)` is the command that tries the model.
    """
    tell_reading(ready.told)
    if given["dry_run"]:
        tell_plan(describe(job, ready))
        return
    finished = run_job(job, ready, resume=given["resume"])
    if finished.report:
        click.echo(finished.report)
    out = job.publishing.out
    tell_outcome(finished.outcome, out, attempt(out, *ready.example), finished.doubts)


def name_files(files: Sequence[Path]) -> str:
    """The names of files for a card."""
    return ", ".join(path.name for path in files)
