"""How many nats a character better searching and resampling are than plain masking, under the same constraints.

`python -m benchmarks.decoders` takes some minutes; `--prompts 4 --form 五绝` is a look at it. Each decoder continues
the same first characters; a difference is the mean over prompts, with its standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean, stdev

import click
from rich.console import Console
from rich.table import Column, Table

import gen_engine as gen
from gen_engine.errors import ConflictError
from gen_engine.text import is_han

FIRST = "春夏秋冬山水风花雪月江天云雨夜日人客万一千白青红故何独平高长落空孤明玉金清寒远东西南北"
"""First characters of poems, usual ones, to be continued."""

FORMS = ("五绝", "七律,tones=strict", "浣溪沙")
DECODERS = ("sample", "greedy", "beam=8", "smc=32")
MAX_NEW = 200


@dataclass(frozen=True)
class Saving:
    """One decoder under one form: nats a character, and how many fewer than by plain masking, with standard error."""

    form: str
    decoder: str
    poems: int
    nats: float
    saved: float
    error: float
    seconds: float


@click.command()
@click.option("--model", default="poem", show_default=True, help="A model of `gen models`, or a folder.")
@click.option("--form", "forms", multiple=True, default=FORMS, show_default=True, help="As after form=; repeatable.")
@click.option("--decoder", "decoders", multiple=True, default=DECODERS, show_default=True, help="The first is plain.")
@click.option("--with", "added", multiple=True, help="A processor of `gen processors` beside the form; repeatable.")
@click.option("--prompts", type=click.IntRange(2, len(FIRST)), default=30, show_default=True, help="How many poems.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draws.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each row.")
def main(
    model: str,
    forms: Sequence[str],
    decoders: Sequence[str],
    added: Sequence[str],
    prompts: int,
    seed: int,
    as_json: bool,
) -> None:
    """Print how many nats a character each decoder saves against the first one."""
    engine = gen.load(model)
    rows = []
    for form in forms:
        for saving in savings(engine, form, decoders, added, FIRST[:prompts], seed):
            click.echo(".", nl=False, err=True)
            rows.append(saving)
    click.echo("", err=True)
    if as_json:
        for saving in rows:
            click.echo(json.dumps(asdict(saving), ensure_ascii=False))
        return
    show(rows)


def savings(
    engine: gen.Engine, form: str, decoders: Sequence[str], added: Sequence[str], prompts: Sequence[str], seed: int
) -> Iterator[Saving]:
    """Each decoder's nats a character on the same prompts; prompts that the form refuses are left out."""
    processors = ("no_unk", "no_special", f"form={form}", f"distinct_rhymes={form}", *added)
    plain: dict[str, float] = {}
    for decoder in decoders:
        start = time.perf_counter()
        found = dict(nats_by_prompt(engine, processors, decoder, prompts, seed))
        seconds = (time.perf_counter() - start) / max(1, len(found))
        plain = plain or found
        differences = [plain[prompt] - found[prompt] for prompt in found if prompt in plain]
        error = stdev(differences) / sqrt(len(differences)) if len(differences) > 1 else 0.0
        yield Saving(form, decoder, len(found), fmean(found.values()), fmean(differences), error, seconds)


def nats_by_prompt(
    engine: gen.Engine, processors: Sequence[str], decoder: str, prompts: Sequence[str], seed: int
) -> Iterator[tuple[str, float]]:
    """The model's nats of what was written, marks included, for each Chinese character of it, by prompt."""
    for number, prompt in enumerate(prompts):
        try:
            [done] = engine.generate(
                prompt, processors=processors, decoder=decoder, seed=seed + number, max_new=MAX_NEW
            )
        except ConflictError:
            continue
        yield prompt, -done.logprob / sum(map(is_han, done.new))


def show(rows: Sequence[Saving]) -> None:
    """Print the savings as a table."""
    right = [Column(title, justify="right") for title in ("nats a character", "saved", "± error", "seconds a poem")]
    table = Table(Column("form"), Column("decoder"), *right)
    for row in rows:
        figures = (f"{row.nats:.3f}", f"{row.saved:+.3f}", f"{row.error:.3f}", f"{row.seconds:.2f}")
        table.add_row(row.form, row.decoder, *figures, end_section=row.decoder == rows[-1].decoder)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    main()
