"""What all trainers do with a job: its parts out of options, what is told of it, and what comes before and after."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from gen_engine.errors import GenError
from gen_trainkit import jobs
from gen_trainkit.jobs import Finished, Prepared, carry_out, run_job
from gen_trainkit.options import assemble, check_start
from gen_trainkit.publishing import CardFacts, Publishing
from gen_trainkit.tasks import Outcome, Recipe, Reporting, Task

OUTCOME = Outcome(3, 3, {}, None, 0)


@dataclass(frozen=True)
class Job:
    base: str | None
    recipe: Recipe
    reporting: Reporting
    publishing: Publishing


def ready(**more):
    """A job made ready, of which only what is told counts."""
    task = Task(torch.nn.Linear(1, 1), [], [], collate=None, score=None, export=None)
    told = {"facts": lambda: {"vocabulary": 7}, "told": ["2 texts read"], "example": ("春",)}
    return Prepared(None, None, [], [], task, CardFacts("", "", {}), **told, **more)


@pytest.fixture
def job(tmp_path):
    return assemble(Job, {"base": "x", "steps": 3, "lang": "auto", "out": tmp_path, "title": "t"})


@pytest.fixture
def done(monkeypatch):
    """What happened in order, where training is but a note of its language."""
    happened = []

    def publish(task, recipe, reporting, publishing, card, *, resume):
        happened.append(reporting.lang)
        return OUTCOME

    monkeypatch.setattr(jobs, "run_and_publish", publish)
    monkeypatch.setattr(jobs, "describe_run", lambda task, recipe: {"steps": recipe.steps})
    return happened


def test_options_are_sorted_into_the_parts_of_a_job(tmp_path, job):
    assert job == Job("x", Recipe(steps=3), Reporting(lang="auto"), Publishing(tmp_path, title="t"))


def test_a_part_that_is_given_whole_stays_as_it_is(tmp_path):
    given = {"base": None, "recipe": Recipe(steps=9), "steps": 3, "out": tmp_path}
    assert assemble(Job, given).recipe.steps == 9


def test_an_option_named_like_a_part_is_not_that_part(tmp_path):
    assert assemble(Job, {"base": None, "reporting": "often", "out": tmp_path}).reporting == Reporting()


def test_it_must_be_said_what_to_start_from():
    check_start(True, "--base")
    with pytest.raises(GenError, match=r"^It is not said what to start from\. Give --base or nothing\.$"):
        check_start(False, "--base or nothing")


def test_before_and_after_the_training_comes_what_the_trainer_says(job, done):
    prepared = ready(begin=lambda: done.append("begun"), end=lambda outcome: Finished(outcome, report="all well"))
    assert run_job(job, prepared, resume=False) == Finished(OUTCOME, report="all well")
    assert done == ["begun", "en"]


def test_chinese_labels_choose_the_language(job, done):
    run_job(job, ready(labels=["好", "坏"]), resume=False)
    assert done == ["zh"]


def test_a_dry_run_describes_the_data_and_run_without_training(job, done, capsys):
    carry_out(job, lambda job: ready(), {"dry_run": True, "device": "cpu"}, lambda out, text: "never")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ('{\n "vocabulary": 7,\n "steps": 3\n}\n', "2 texts read\n")
    assert done == []


def test_a_run_ends_with_a_report_and_command_to_try(job, done, capsys):
    prepared = ready(end=lambda outcome: Finished(outcome, report="9 rows", doubts=["it is odd"]))
    given = {"dry_run": False, "resume": False, "device": "cpu"}
    carry_out(job, lambda job: prepared, given, lambda out, text: f"try {out.name} {text}")
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["9 rows", str(job.publishing.out)]
    assert printed.err.splitlines()[-2:] == ["warning: it is odd", f"Try it: try {Path(job.publishing.out).name} 春"]
