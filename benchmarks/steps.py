"""The engine's step on a model of verse beside `transformers.generate`, and what of it is spent outside the model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import gen_engine as gen
from gen_poem.rules.form import Form

from .measure import Figure, interleaved_medians, seconds
from .peers import TransformersPoet, load_peer

FORM = Form(4, 5)
PROMPT = "白"
PROCESSORS = ("no_unk", "no_special", "form=4x5", "top_k=50")
DTYPES = ("float32", "bfloat16")


class TimedModel:
    """A language model that counts the seconds spent in it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.spent = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def feed(self, *asked: Any) -> Any:
        start = time.perf_counter()
        logits = self.model.feed(*asked)
        self.spent += time.perf_counter() - start
        return logits


def compare(model: str, folder: Path, rows: Sequence[int], rounds: int) -> Iterator[Figure]:
    """Milliseconds a new token of every row, in each dtype and at each number of rows."""
    for dtype in DTYPES:
        engine = gen.load(model, dtype=dtype)
        read = engine.tokenizer.encode(PROMPT).tokens
        poet = TransformersPoet(load_peer(folder, dtype), FORM.pattern, engine.tokenizer.vocabulary, read)
        for count in rows:
            contestants = [partial(write, engine, count, poet.new), partial(poet.write, count)]
            ours, peer = (1000 * taken / poet.new for taken in interleaved_medians(contestants, rounds))
            name = f"step, {dtype}, {count} row{'s' * (count > 1)}"
            yield Figure(name, "ms", ours, peer, times_faster=1.8)


def measure_overhead(model: str, rows: Sequence[int], rounds: int) -> Iterator[Figure]:
    """The share of a step that is not the model's: chain, draw, decoder, runner and text together."""
    engine = gen.load(model)
    for count in rows:
        shares = [_share_outside(engine, count) for _ in range(rounds)]
        name = f"outside the model, {engine.model.dtype}, {count} row{'s' * (count > 1)}"
        yield Figure(name, "% of a step", 100 * median(shares))


def write(engine: Any, rows: int, max_new: int = len(FORM.pattern)) -> list[gen.Completion]:
    """`rows` poems by the engine."""
    return engine.generate(PROMPT, processors=PROCESSORS, num=rows, seed=7, max_new=max_new)


def _share_outside(engine: Any, rows: int) -> float:
    timed = TimedModel(engine.model)
    watched = gen.Engine(timed, engine._chains)  # the same chain, already proven
    write(watched, rows)
    timed.spent = 0.0
    whole = seconds(lambda: write(watched, rows))
    return 1 - timed.spent / whole
