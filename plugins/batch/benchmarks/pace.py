"""Requests a second of a batch, beside a loop over `generate` of transformers with the same weights in float32.

`python plugins/batch/benchmarks/pace.py [--lines N] [--loop N]`: requests of 24 new characters each, by this process,
by two, and one after the other by the loop. Everything is timed in one run after its first request, in which models are
loaded, so that only the ratios count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from gen_batch.messages import Line, Work
from gen_batch.plan import Plan
from gen_batch.works import work_of

NEW = 24
"""The new characters of a request."""

PLAN = Plan(models=("poem",))
BETWEEN = 64
"""The first lines are not timed: each process has loaded its model by then."""


def lines(count: int) -> Iterator[Line]:
    """Requests that differ by their seeds, which follow from their places."""
    body = {"model": "poem", "prompt": "白日", "max_tokens": NEW, "temperature": 0.9}
    for number in range(count):
        asked = {"custom_id": str(number), "method": "POST", "url": "/v1/completions", "body": body}
        yield Line(number, asked)


def pace_of(work: Work, count: int, warm: int) -> tuple[float, float]:
    """Requests and tokens a second, once `warm` lines are answered."""
    began, tokens = 0.0, 0
    for number, answer in enumerate(work.answers(lines(count + warm)), 1):
        assert not answer.is_error, answer.record
        tokens += answer.tokens if number > warm else 0
        began = time.perf_counter() if number == warm else began
    seconds = time.perf_counter() - began
    work.close()
    return count / seconds, tokens / seconds


def pace_of_loop(count: int) -> tuple[float, float]:
    """The same of the loop."""
    import torch
    from transformers import AutoModelForCausalLM

    from gen_engine.engine import load

    engine = load("poem")
    assert engine.folder is not None
    model: Any = AutoModelForCausalLM.from_pretrained(engine.folder, dtype=torch.float32).eval()
    prompt = torch.tensor([engine.read("白日").read])
    began, tokens = 0.0, 0
    for number in range(count + 1):
        began = time.perf_counter() if number == 1 else began
        torch.manual_seed(number)
        text = model.generate(prompt, do_sample=True, temperature=0.9, top_k=0, max_new_tokens=NEW, pad_token_id=0)
        tokens += text.shape[1] - prompt.shape[1] if number else 0
    seconds = time.perf_counter() - began
    return count / seconds, tokens / seconds


@click.command()
@click.option("--lines", "count", default=2000, show_default=True, help="Lines of a batch.")
@click.option("--loop", default=40, show_default=True, help="Requests of the loop.")
def pace(count: int, loop: int) -> None:
    """Print the pace of each, and the ratios to the loop."""
    slowest = pace_of_loop(loop)
    tell("transformers, a loop", slowest, slowest)
    for workers in (1, 2):
        name = f"gen batch, {workers} worker{'s' * (workers > 1)}"
        tell(name, pace_of(work_of(PLAN, workers=workers), count, 2 * BETWEEN * workers), slowest)


def tell(name: str, found: tuple[float, float], slowest: tuple[float, float]) -> None:
    """Print a line of figures."""
    ratios = f"{found[0] / slowest[0]:6.1f} x requests, {found[1] / slowest[1]:6.1f} x tokens"
    click.echo(f"{name:24} {found[0]:9.1f} requests/s {found[1]:9.0f} tokens/s  {ratios}")


if __name__ == "__main__":
    pace()
