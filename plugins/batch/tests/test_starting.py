"""What the options of `gen batch` ask for, and what is said in the end."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from told_runs import write_requests
from told_work import ToldWork, job

from gen_batch.files.kinds import Kind
from gen_batch.jobs import Done
from gen_batch.messages import LINES
from gen_batch.plan import Plan
from gen_batch.starting import _summary, answer, job_of

OPTIONS = {
    "source": "in.csv.gz", "out": "out.parquet", "models": ("poem",), "shape": "openai", "seed": 7, "device": "cpu",
    "dtype": "int8", "fast": True, "patience": 5.0, "rows": 3, "workers": 2, "threads": 4, "engine": "local",
    "address": None, "retry_errors": False, "fresh": False,
}  # fmt: skip


def test_every_option_reaches_the_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in.csv.gz").touch()
    made = job_of({**OPTIONS, "retry_errors": True})
    assert (made.source.name, made.kind, made.out.name) == ("in.csv.gz", Kind("csv", True), "out.parquet")
    assert (made.form, made.shape, made.seed) == ("parquet", "openai", 7)
    assert (made.retries, made.is_fresh, made.is_here) == (True, False, True)
    assert made.work.keywords == {"workers": 2, "engine": "local", "address": None}


def test_every_option_of_the_plan_reaches_it():
    plan = job_of(OPTIONS).plan
    names = ("models", "device", "dtype", "fast", "patience", "rows", "threads")
    assert [getattr(plan, name) for name in names] == [OPTIONS[name] for name in names]


def test_a_cluster_is_elsewhere_and_fresh_is_fresh():
    made = job_of({**OPTIONS, "engine": "ray", "address": "auto", "fresh": True, "models": ()})
    assert (made.is_here, made.is_fresh, made.retries) == (False, True, False)
    assert made.window == LINES * OPTIONS["workers"]
    assert made.plan.models == ("poem", "novel")


SAID = {
    "one line": ("out.csv", Done(1, 0, 1), "out.csv has 1 line; 1 answered in "),
    "nothing to do": ("out.csv", Done(3, 0, 0), "out.csv has 3 lines; none had to be answered."),
    "errors of a file": ("out.csv", Done(3, 2, 3), "Errors: 2 (--retry-errors answers them anew)."),
    "errors of a pipe": ("-", Done(3, 2, 3), "Standard output has 3 lines; "),
}


@pytest.mark.parametrize(("out", "done", "told"), SAID.values(), ids=SAID)
def test_the_end_tells_lines_rate_and_errors(out, done, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in.csv").touch()
    found = _summary(job("in.csv", out), done, 2.0)
    assert told in found
    assert (f"{done.answered / 2:.1f} a second." in found) == bool(done.answered)
    assert ("Errors: 2." in found) == (out == "-")
    assert "Errors" not in _summary(job("in.csv", out), replace(done, errors=0), 2.0)


@pytest.mark.parametrize("out", ["out.jsonl", "memory://out.jsonl"])
def test_no_more_lines_than_the_window_are_under_way(tmp_path, out):
    source, works = write_requests(tmp_path / "in.jsonl", [{"prompt": "a"}] * 6), []
    out = out if ":" in out else tmp_path / out
    answer(job(source, out, window=2, work=lambda plan: works.append(ToldWork(plan, 9)) or works[0]))
    assert works[0].rounds == 3


def test_the_threads_of_one_worker_are_those_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    source = write_requests(tmp_path / "in.jsonl", [{"prompt": "a"}])
    answer(job(source, tmp_path / "out.jsonl", plan=Plan(models=(), threads=3)))
    assert os.environ["OMP_NUM_THREADS"] == "3"
