"""Tokens a second of `gen train gpt2` and `gen train classifier` on a device: `python -m benchmarks.training`.

Weights and texts are random. What is timed are the steps of the loop, without reading, measuring and saving.
"""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from gen_engine.cli.options import device_option

WARM = 3
"""Steps before the clock runs: kernels are chosen in them, and memory is taken."""

LARGE = ["--layers=12", "--width=768", "--heads=12"]
SMALL = ["--layers=2", "--width=64", "--heads=2"]
HAN = 0x4E00, 0x9FFF


@dataclass(frozen=True)
class Pace:
    """What was measured: a line for people."""

    name: str
    parameters: int
    numbers: str
    tokens: float
    memory: int | None

    def told(self) -> str:
        """The figures in words."""
        memory = "" if self.memory is None else f", {self.memory / 1e9:.1f} GB at the peak"
        size = f"{self.parameters / 1e6:,.1f} M weights"
        return f"{self.name}: {size}, {self.numbers}: {self.tokens:,.0f} tokens/s{memory}"


def write_texts(path: Path, count: int, length: int, kinds: int) -> Path:
    """A table of so many random texts of one length, over so many characters, each with one of ten labels."""
    draw, chars = random.Random(0), [chr(HAN[0] + place) for place in range(kinds)]
    missing = cycle(chars)  # each occurs, so that the vocabulary has its full size
    half = length // 2
    texts = ("".join([*islice(missing, half), *draw.choices(chars, k=length - half)]) for _ in range(count))
    rows = [f"{text}\t{place % 10}" for place, text in enumerate(texts)]
    path.write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    return path


def prepare_gpt2(folder: Path, *, quick: bool, batch: int) -> tuple[Any, Any]:
    """(recipe, task) of a GPT-2 of 102 million weights with texts that fill its 1,024 positions."""
    from gen_gpt2.train import prepare
    from gen_gpt2.train_command import build_job, gpt2_command

    length, shape = (64, SMALL) if quick else (1024, LARGE)
    texts = write_texts(folder / "gpt2.tsv", 64, length - 2, 300 if quick else 20_900)
    words = [str(texts), "--from-scratch", *shape, f"--positions={length}", f"--batch-tokens={batch}"]
    words += ["--valid-share=0", f"--out={folder / 'gpt2'}"]
    job = build_job(gpt2_command.make_context("gpt2", words).params)
    return job.recipe, prepare(job).task


def prepare_classifier(folder: Path, *, quick: bool, batch: int) -> tuple[Any, Any]:
    """(recipe, task) of a classifier with the sizes of bert-base, and texts of 128 tokens."""
    from gen_classify.commands.train import build_job, classifier_command
    from gen_classify.training.training import prepare

    length, shape = (32, SMALL) if quick else (128, LARGE)
    texts = write_texts(folder / "rows.tsv", 512, length - 2, 300 if quick else 20_900)
    words = [str(texts), "--from-scratch", *shape, f"--positions={max(length, 512)}", f"--batch-tokens={batch}"]
    words += [f"--max-length={length}", f"--cache={folder}", f"--out={folder / 'classifier'}"]
    job = build_job(classifier_command.make_context("classifier", words).params)
    return job.recipe, prepare(job).task


def pace_of(name: str, recipe: Any, task: Any, device: torch.device, *, steps: int) -> Pace:
    """The pace of so many steps of one batch each, after a few to warm up."""
    from gen_trainkit.bucketing import plan_epoch
    from gen_trainkit.devices import place, settled, wait_for
    from gen_trainkit.optimizers import build_optimizers
    from gen_trainkit.stepping import compute_gradients

    place(task.model, device)
    recipe = settled(recipe, device)
    rates = {"rate": recipe.rate, "matrix_rate": recipe.matrix_rate, "weight_decay": recipe.weight_decay}
    [optimizer] = build_optimizers(task.model, "adamw", **rates)
    batches = cycle(plan_epoch(task.train_lengths, recipe.batch_tokens, seed=0, epoch=0))

    def step() -> int:
        seen = compute_gradients(task, recipe, [next(batches)], epoch=0)
        nn.utils.clip_grad_norm_(task.model.parameters(), recipe.clip)
        optimizer.step()
        optimizer.zero_grad()
        return int(seen.tokens)

    for _ in range(WARM):
        step()
    wait_for(device)
    began = time.perf_counter()
    read = sum(step() for _ in range(steps))
    wait_for(device)
    took = time.perf_counter() - began
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return Pace(name, sum(each.numel() for each in task.model.parameters()), recipe.dtype, read / took, memory)


@click.command()
@device_option()
@click.option("--quick", is_flag=True, help="Small shapes and few steps: does it run?")
@click.option("--steps", type=click.IntRange(1), help="Steps that are timed.  [default: 30, quick 3]")
@click.option("--batch-tokens", type=click.IntRange(1), help="Tokens of a step.  [default: 16384, quick 512]")
def main(device: str, quick: bool, steps: int | None, batch_tokens: int | None) -> None:
    """Measure both trainers on a device."""
    from gen_trainkit.devices import name_device, own_device

    chosen = own_device(device)
    click.echo(f"{name_device(chosen)}, torch {torch.__version__}")
    batch = batch_tokens or (512 if quick else 16_384)
    with tempfile.TemporaryDirectory() as made:
        for name, prepare in (("gpt2", prepare_gpt2), ("classifier", prepare_classifier)):
            recipe, task = prepare(Path(made), quick=quick, batch=batch)
            click.echo(pace_of(name, recipe, task, chosen, steps=steps or (3 if quick else 30)).told())


if __name__ == "__main__":
    main()
