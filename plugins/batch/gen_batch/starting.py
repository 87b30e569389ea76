"""From the options of `gen batch` to its end: what is batched, how it is done, and what is said about it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gen_engine.errors import GenError
from gen_engine.system.screen import note
from gen_engine.system.underway import duration

from .files.kinds import kind_of, out_form
from .files.places import Place, are_same, place_of
from .jobs import Done, Job
from .keeping import answer_kept
from .messages import LINES
from .plan import MODELS, Plan
from .progress import shown
from .streaming import answer_streamed
from .works import work_of

FROM_OPTIONS = ("device", "dtype", "fast", "patience", "rows", "threads")
"""The options that are fields of a plan."""


def job_of(given: Mapping[str, Any]) -> Job:
    """What the options ask for. Raises GenError if they do not fit together."""
    source, out = place_of(given["source"]), place_of(given["out"])
    _check(source, out, given)
    plan = Plan(models=given["models"] or MODELS, **{name: given[name] for name in FROM_OPTIONS})
    where = {name: given[name] for name in ("workers", "engine", "address")}
    is_here = given["engine"] == "local"
    return Job(
        source,
        kind_of(given["source"]),
        out,
        out_form(given["out"]),
        given["shape"],
        plan,
        partial(work_of, **where),
        seed=given["seed"],
        is_fresh=given["fresh"],
        retries=given["retry_errors"],
        is_here=is_here,
        window=LINES if is_here else LINES * given["workers"],  # actors of a cluster load their models for each window
    )


def _check(source: Place, out: Place, given: Mapping[str, Any]) -> None:
    if are_same(source, out):
        raise GenError(f"{out.name} is both IN and OUT; name another OUT.")
    if given["address"] is not None and given["engine"] != "ray":
        raise GenError("--address is for --engine ray; give both, or leave it out.")
    if given["fresh"] and given["retry_errors"]:
        raise GenError("--fresh deletes what --retry-errors would mend; give one of them.")
    if given["retry_errors"] and not _can_go_on(source, out):
        raise GenError("--retry-errors needs files on this machine that an earlier run wrote; leave it out.")


def _can_go_on(source: Place, out: Place) -> bool:
    """Whether a killed run could be continued."""
    return out.is_kept and source.is_repeatable


def answer(job: Job) -> Done:
    """Answer all lines of a job, and say on standard error what was done."""
    path, since = job.out.path, time.monotonic()
    if job.is_here and job.plan.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(job.plan.threads)  # read when the engine is imported
    with shown() as tell:
        done = (
            answer_kept(job, Path(path), tell)
            if path and _can_go_on(job.source, job.out)
            else answer_streamed(job, tell)
        )
    note(_summary(job, done, time.monotonic() - since), "batch:")
    return done


def _summary(job: Job, done: Done, seconds: float) -> str:
    """What was done, in a sentence or two."""
    name = "Standard output" if job.out.name == "-" else job.out.name
    rate = f"{done.answered:,} answered in {duration(seconds)}, {done.answered / max(seconds, 1e-3):,.1f} a second"
    if not done.answered:
        rate = "none had to be answered"
    remedy = " (--retry-errors answers them anew)" if _can_go_on(job.source, job.out) else ""
    errors = f" Errors: {done.errors:,}{remedy}."
    return f"{name} has {done.lines:,} line{'s' * (done.lines != 1)}; {rate}." + (errors if done.errors else "")
