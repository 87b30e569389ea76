"""A step on a device: a GPT-2 of 102 million random weights beside `transformers.generate`, in one dtype, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

import gen_engine as gen
from gen_engine.models.device import choose_device
from gen_engine.models.loading import load

from .measure import Figure, interleaved_medians
from .random_model import write_large_model, write_random_model

ROWS, QUICK_ROWS = (1, 64, 256), (1, 4)
NEW, QUICK_NEW = 64, 8
PROMPT = "白"
CHAIN = ("top_k=50",)


def measure(made: Path, device: str, rounds: int, *, quick: bool = False) -> Iterator[Figure]:
    """Milliseconds a step at 1, 64 and 256 rows of a GPT-2 shaped model with random weights, on `device`.

    Quick: a model of 3 million weights, 1 and 4 rows, a few tokens. That shows that all works, and nothing else.
    """
    where = choose_device(device)
    write = write_random_model if quick else write_large_model
    write(made / "device")
    new, rows = (QUICK_NEW, QUICK_ROWS) if quick else (NEW, ROWS)
    model: Any = load(made / "device", name="random", dtype="bfloat16", fast=True, device=where)
    engine = gen.Engine(model)
    for count in rows:
        ours = partial(_ours, engine, count, new)
        peer = partial(_peer, model.model, engine.tokenizer.encode(PROMPT).tokens, count, new, where)
        mine, other = (1000 * taken / new for taken in interleaved_medians([ours, _waiting(peer, where)], rounds))
        yield Figure(f"device, {where.type}, bfloat16, {count} row{'s' * (count > 1)}", "ms", mine, other)


def _ours(engine: Any, count: int, new: int) -> None:
    """Texts of just so many tokens, all in one pass a step: the end of a text is forbidden until then."""
    scheduler = engine.scheduler(rows=count, tokens=None, in_pieces=False)
    scheduler.submit(gen.Request(PROMPT, ("no_special", f"length={new}", *CHAIN), num=count, seed=1, max_new=new))
    while not scheduler.is_idle:
        scheduler.step()


def _peer(model: Any, prompt: Sequence[int], count: int, new: int, where: torch.device) -> None:
    read = torch.tensor([list(prompt)] * count, device=where)
    with torch.inference_mode():
        model.generate(
            read, attention_mask=torch.ones_like(read), do_sample=True, top_k=50, min_new_tokens=new,
            max_new_tokens=new, pad_token_id=0,
        )  # fmt: skip


def _waiting(run: Callable[[], None], where: torch.device) -> Callable[[], None]:
    """The run, until the device has done all of it."""

    def waited() -> None:
        run()
        if where.type == "cuda":
            torch.cuda.synchronize(where)

    return waited
