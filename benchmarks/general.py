"""A step of the model in a folder beside `transformers.generate` on a CPU: `python -m benchmarks.general FOLDER`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch

import gen_engine as gen
from gen_engine.models.loading import load

from .measure import interleaved_medians

PROMPT = "The sea was calm and"
CHAIN = ("no_special", "top_k=50")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def contestants(folder: Path, new: int, peers: Sequence[str]) -> dict[str, Callable[[int], None]]:
    """What writes `new` tokens in so many rows, by name: the engine with the promise and fast, `generate` by dtype."""
    found: dict[str, Callable[[int], None]] = {}
    for name, fast in (("promise", False), ("--fast", True)):
        engine = gen.Engine(load(folder, name=folder.name, fast=fast))
        found[name] = partial(_ours, engine, new)
    prompt = engine.tokenizer.encode(PROMPT).tokens
    for dtype in peers:
        found[f"generate, {dtype}"] = partial(_peer, _read(folder, dtype), prompt, new)
    return found


def _read(folder: Path, dtype: str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(str(folder), dtype=DTYPES[dtype], local_files_only=True).eval()


def _ours(engine: Any, new: int, rows: int) -> None:
    scheduler = engine.scheduler(rows=rows, tokens=None, in_pieces=False)
    scheduler.submit(gen.Request(PROMPT, CHAIN, num=rows, seed=1, max_new=new))
    while not scheduler.is_idle:
        scheduler.step()


def _peer(model: Any, prompt: Sequence[int], new: int, rows: int) -> None:
    read = torch.tensor([list(prompt)] * rows)
    with torch.inference_mode():
        model.generate(
            read, attention_mask=torch.ones_like(read), do_sample=True, top_k=50, min_new_tokens=new,
            max_new_tokens=new, pad_token_id=0,
        )  # fmt: skip


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rows", "counts", multiple=True, type=click.IntRange(1), default=(1, 8, 32), show_default=True)
@click.option("--new", type=click.IntRange(1), default=12, show_default=True, help="New tokens of a row.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--peer", "peers", multiple=True, type=click.Choice(list(DTYPES)), default=("float32",))
def main(folder: Path, counts: Sequence[int], new: int, rounds: int, peers: Sequence[str]) -> None:
    """Milliseconds a token of all rows, the prompt among them."""
    runs = contestants(folder, new, peers)
    for rows in counts:
        taken = interleaved_medians([partial(run, rows) for run in runs.values()], rounds)
        told = (f"{name} {1000 * seconds / new:.1f} ms" for name, seconds in zip(runs, taken, strict=True))
        click.echo(f"{rows} row{'s' * (rows > 1)}: {', '.join(told)}")


if __name__ == "__main__":
    main()
