"""`gen batch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gen_engine.cli.options import debug_option, device_option
from gen_engine.patience import SECONDS
from gen_engine.system.help_pages import examples
from gen_engine.types import DTYPES

Command = Callable[..., Any]

FREE = 2**63 - 1
"""The largest seed."""


def _options(command: Command) -> Command:
    """All options of `gen batch`, in the order of its help."""
    from_1 = click.IntRange(1, 1_000_000)
    for option in reversed((
        click.argument("source", metavar="IN"),
        click.argument("out", metavar="OUT"),
        click.option("--model", "models", multiple=True, metavar="MODEL",
                     help="A model of `gen models`, a folder or a hub name that lines may name; the first is for those "
                     "that name none. Repeat for more.  [default: poem, novel]"),
        click.option("--format", "shape", type=click.Choice(("auto", "openai", "plain")), default="auto",
                     show_default=True, help="The shape of the lines; auto takes both."),
        click.option("--seed", type=click.IntRange(0, FREE), metavar="N",
                     help="The base from which lines without a seed get theirs.  [default: random, then kept]"),
        device_option(),
        click.option("--dtype", type=click.Choice(DTYPES), default="auto", show_default=True,
                     help="Numbers to compute with."),
        click.option("--fast", is_flag=True, help="Give up that each text is what it would be alone, if it is faster."),
        click.option("--patience", type=click.FloatRange(0, 86_400, min_open=True), default=SECONDS, show_default=True,
                     metavar="SECONDS", help="How long to search for one line."),
        click.option("--rows", type=from_1, default=64, show_default=True, metavar="N",
                     help="Texts that are written at once, in each worker."),
        click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="N",
                     help="Processes that answer lines."),
        click.option("--threads", type=click.IntRange(1, 256), metavar="N",
                     help="Threads that compute in each.  [default: the cores, shared]"),
        click.option("--engine", type=click.Choice(("local", "ray")), default="local", show_default=True,
                     help="Where the workers are: on this machine, or on a Ray cluster."),
        click.option("--address", metavar="ADDRESS", help="The Ray cluster; auto finds a running one.  [default: a new "
                     "one on this machine]"),
        click.option("--retry-errors", is_flag=True, help="Answer the lines with errors anew; all others stay."),
        click.option("--fresh", is_flag=True, help="Begin anew: what OUT holds is deleted."),
        debug_option(),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "gen batch requests.jsonl answers.jsonl --workers 2", "gen batch requests.csv answers.parquet --seed 7"
    )
)
@_options
def batch(**given: Any) -> int:
    """Write the texts that the file IN asks for.

    IN is .jsonl, .csv (either may be packed: .gz) or .parquet, and has one request a line or row; OUT is .jsonl, .csv
    or .parquet, and gets one answer for each, in the same order. Either may be a URL that fsspec opens, or - for a
    pipe with lines of JSON.

    A request is a command of `gen` with its parameters, or one in the shape of OpenAI's batch files:

    \b
    {"id": "a", "command": "poem", "form": "七绝", "acrostic": "春夏秋冬"}
    {"custom_id": "b", "method": "POST", "url": "/v1/completions",
     "body": {"model": "poem", "prompt": "白日", "max_tokens": 24}}

    A request that cannot be met gets a line with its id and what is wrong; the exit code is then 1.

    Killed at any moment, the same command goes on: finished lines stay. It refuses to go on if the model, an option, a
    plugin or the requests so far have changed; more requests at the end of IN are answered when it runs again.
    """
    from .starting import answer, job_of

    done = answer(job_of(given))
    return 1 if done.errors else 0
