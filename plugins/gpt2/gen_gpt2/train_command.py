"""The command `gen train gpt2`; everything heavy is imported when it runs."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import click

from gen_engine.errors import GenError
from gen_engine.options import debug_option

FILE = click.Path(path_type=Path)


def _options(*decorators: Any) -> Any:
    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


data_options = _options(
    click.argument("files", nargs=-1, required=True, type=FILE),
    click.option("--column", help="Column of a .csv/.tsv (name or number) or field of a .jsonl.  [default: text]"),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files, such as gb18030."),
    click.option("--valid", "valid_files", multiple=True, type=FILE, help="File of validation texts; may be repeated."),
    click.option("--valid-share", type=click.FloatRange(0, 0.5), default=0.01, show_default=True, help="Or set aside."),
)
model_options = _options(
    click.option("--base", help="Model to fine-tune: a folder or a hub name."),
    click.option("--from-scratch", is_flag=True, help="Make a new model, its vocabulary from the data."),
    click.option("--vocab", default="chars", show_default=True, help="chars, or bpe:N for N tokens."),
    click.option("--vocab-size", type=click.IntRange(5), help="With chars: at most this many tokens."),
    click.option(
        "--min-count", type=click.IntRange(1), default=1, show_default=True, help="With chars: leave rarer out."
    ),
    click.option("--layers", type=click.IntRange(1), default=4, show_default=True),
    click.option("--width", type=click.IntRange(1), default=256, show_default=True),
    click.option("--heads", type=click.IntRange(1), default=4, show_default=True),
    click.option("--positions", type=click.IntRange(2), default=256, show_default=True),
    click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.0, show_default=True),
)
recipe_options = _options(
    click.option("--epochs", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True),
    click.option("--steps", type=click.IntRange(1), help="Instead of --epochs."),
    click.option(
        "--batch-tokens", type=click.IntRange(1), default=4096, show_default=True, help="Padded tokens a batch."
    ),
    click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, help="Batches a step."),
    click.option("--optimizer", type=click.Choice(["adamw", "muon"]), default="adamw", show_default=True),
    click.option("--rate", type=click.FloatRange(0), help="Peak learning rate.  [default: 2e-5, from scratch 3e-3]"),
    click.option("--matrix-rate", type=float, default=4e-3, show_default=True, help="Muon's own, for weight matrices."),
    click.option("--weight-decay", type=click.FloatRange(0), default=0.01, show_default=True),
    click.option(
        "--schedule", type=click.Choice(["linear", "cosine", "constant"]), default="linear", show_default=True
    ),
    click.option("--warmup", type=click.IntRange(0), default=0, show_default=True, help="Steps."),
    click.option("--clip", type=click.FloatRange(0), default=1.0, show_default=True, help="Gradient norm; 0 for none."),
    click.option(
        "--ema", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True, help="Averaging."
    ),
    click.option(
        "--dtype", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True, help="Numbers to sum."
    ),
    click.option(
        "--parallel", type=click.IntRange(1), default=1, show_default=True, help="Parts of a batch, a thread each."
    ),
    click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True),
)
run_options = _options(
    click.option("--out", required=True, type=FILE, help="Model folder to write; its subfolder run keeps the rest."),
    click.option("--log-every", type=click.IntRange(1), default=50, show_default=True, help="Steps."),
    click.option("--valid-every", type=click.IntRange(0), default=0, show_default=True, help="Steps; 0: each epoch."),
    click.option("--save-every", type=click.IntRange(0), default=500, show_default=True, help="Steps; 0: each epoch."),
    click.option("--keep", type=click.Choice(["best", "last"]), default="best", show_default=True),
    click.option("--save-dtype", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True),
    click.option("--title", help="Title of the model card."),
    click.option("--note", default="", help="A paragraph for the model card."),
    click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out."),
    click.option("--dry-run", is_flag=True, help="Check everything, print the plan, train nothing."),
)


@click.command("gpt2")
@data_options
@model_options
@recipe_options
@run_options
@debug_option()
def gpt2_command(**options: Any) -> None:
    """Train a GPT-2 on FILES: lines of text, CSV/TSV columns or JSONL fields, also packed as .xz or .gz."""
    if bool(options["base"]) == options["from_scratch"]:
        raise GenError("It is not said what to start from. Give either --base MODEL or --from-scratch.")
    for name, value in options.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise GenError(f"--{name.replace('_', '-')} {value} is no number to count with. Give a finite one.")
    from gen_gpt2.train import describe, prepare, run_job

    job = build_job(options)
    ready = prepare(job)
    if options["dry_run"]:
        click.echo(json.dumps(describe(job, ready), indent=1))
        return
    outcome = run_job(job, ready, resume=options["resume"])
    if outcome.signal:
        click.echo(f"Stopped at step {outcome.step} of {outcome.total}; --resume goes on from there.", err=True)
        sys.exit(128 + outcome.signal)
    click.echo(f"{job.out}")


def build_job(options: dict[str, Any]) -> Any:
    """The options sorted into the job's parts."""
    from dataclasses import fields

    from gen_gpt2.train import Data, Job, Shape
    from gen_trainkit.loop import Recipe, Reporting

    options = dict(options)
    if options["rate"] is None:
        options["rate"] = 2e-5 if options["base"] else 3e-3

    def part(kind: type) -> Any:
        return kind(**{field.name: options[field.name] for field in fields(kind) if field.name in options})

    rest = {name: options[name] for name in ("base", "out", "save_dtype", "keep", "title", "note")}
    return Job(data=part(Data), shape=part(Shape), recipe=part(Recipe), reporting=part(Reporting), **rest)


if __name__ == "__main__":
    gpt2_command()
