"""What constraints cost on a vocabulary of 262,144 tokens: the first plan, and the masks of a step of 8 rows."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Any

import torch

import gen_engine as gen
from gen_engine.chain import Plan
from gen_engine.patience import Patience
from gen_engine.testing.large import large_vocabulary
from gen_engine.testing.models import LongestMatch
from gen_engine.text import Vocabulary
from gen_engine.text.token_sets import Blocked
from gen_engine.types import Prompt

from .constraints import CHAINS, MOST, RandomModel
from .measure import Figure

CASES = {
    "五绝": CHAINS["五绝"],
    "regex": (r"regex='[春夏秋冬\w]{2,8}，\d{4}年.*'",),
    "length and no_repeat": ("length=20", "no_repeat=8"),
    "only=han and length": ("only=han", "length=20"),
}
ROWS = 8


def measure(rounds: int) -> Iterator[Figure]:
    """For each case the first plan without and with the cache folder, the same with another shaper, and the masks of
    8 rows in states that were never met and once more; all in processor time of one thread."""
    vocabulary, threads = large_vocabulary(), torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other would be counted
    try:
        for name, processors in CASES.items():
            yield from _case(f"{len(vocabulary):,} tokens, {name}", vocabulary, processors, max(3, rounds))
    finally:
        torch.set_num_threads(threads)


def _case(title: str, vocabulary: Vocabulary, processors: tuple[str, ...], rounds: int) -> Iterator[Figure]:
    def first() -> None:
        _plan(_engine(replace(vocabulary)), processors)

    with _cache_folder():
        _plan(_engine(_small(vocabulary)), processors)  # books and modules are read
        cold = _milliseconds(first)
        kept = median(_milliseconds(first) for _ in range(3))
        engine = _engine(vocabulary)
        plan = _plan(engine, processors)
        shared = _milliseconds(lambda: _plan(engine, (*processors, "top_k=50")))
    yield Figure(f"{title}: first plan, cold", "ms", cold, at_most=1500)
    yield Figure(f"{title}: first plan, kept on disk", "ms", kept, at_most=100)
    yield Figure(f"{title}: another shaper", "ms", shared, at_most=20)
    new, again = zip(*(_masks(plan, seed) for seed in range(rounds)), strict=True)
    yield Figure(f"{title}: masks of {ROWS} new states", "ms", median(new), at_most=2)
    yield Figure(f"{title}: masks of {ROWS} states, again", "ms", median(again), at_most=2)


@contextmanager
def _cache_folder() -> Iterator[None]:
    before = os.environ.get("GEN_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GEN_CACHE"] = folder
        try:
            yield
        finally:
            os.environ.pop("GEN_CACHE")
            os.environ |= {} if before is None else {"GEN_CACHE": before}


def _small(vocabulary: Vocabulary) -> Vocabulary:
    """The same without the words, which is no concern of books and modules."""
    return replace(vocabulary, surfaces=vocabulary.surfaces[:22_000], names=vocabulary.names[:22_000])


def _engine(vocabulary: Vocabulary) -> gen.Engine:
    return gen.Engine(RandomModel(LongestMatch(vocabulary, vocabulary.end), torch.zeros(1, 1)))


def _plan(engine: gen.Engine, processors: Any) -> Plan:
    end = engine.tokenizer.vocabulary.end or 0
    return engine.chain(processors).plan(Prompt("", (end,), ((0, 0),)), MOST, Patience(600))


def _milliseconds(run: Callable[[], Any]) -> float:
    start = time.thread_time()
    run()
    return 1000 * (time.thread_time() - start)


def _masks(plan: Plan, seed: int) -> tuple[float, float]:
    """Milliseconds for the masks of 8 texts of three to five tokens, the first and the second time."""
    chance = random.Random(seed)
    rows = [_written(plan, chance, 3 + row % 3) for row in range(ROWS)]

    def masks() -> None:
        Blocked([plan.tokens(state, left) for state, left in rows], len(plan.chain.vocabulary)).tensor  # noqa: B018

    return _milliseconds(masks), _milliseconds(masks)


def _written(plan: Plan, chance: random.Random, count: int) -> tuple[Any, int]:
    """A state after some permitted tokens of whole characters, and how many tokens are left."""
    state, left = plan.start, MOST
    for _ in range(count):
        tokens = plan.tokens(state, left).to_array() & (plan.chain.vocabulary.arrays.lengths > 0)
        for token in chance.sample(tokens.nonzero()[0].tolist(), min(50, int(tokens.sum()))):
            after = plan.product.next(state, token)
            if plan.find(after, left - 1).answer == "yes":
                state, left = after, left - 1
                break
    return state, left
