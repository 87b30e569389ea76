"""The command `gen train mlm`; everything heavy is imported when it runs."""

from __future__ import annotations

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from gen_engine.cli.options import debug_option
from gen_engine.errors import GenError
from gen_engine.system.help_pages import examples
from gen_engine.system.underway import doing
from gen_trainkit.options import (
    FILE,
    assemble,
    check_given,
    check_start,
    encoding_option,
    files_argument,
    max_length_option,
    options,
    quotes_option,
    recipe_options,
    refuse_absurd,
    refuse_idle,
    run_options,
    shape_options,
    split_options,
)

data_options = options(
    files_argument,
    click.option("--column", "columns", multiple=True,
                 help="Column of a .csv/.tsv (name or number) or field of a .jsonl; may be repeated.  [default: text]"),
    encoding_option,
    quotes_option,
    split_options,
    max_length_option,
    click.option("--pack", is_flag=True, help="Fill windows with several short texts."),
    click.option("--mask-share", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.15,
                 show_default=True, help="Tokens to hide."),
)  # fmt: skip
model_options = options(
    click.option("--base", help="BERT to go on from: a folder, a hub name, or one of gen models."),
    click.option("--from-scratch", is_flag=True, help="Make a new BERT."),
    click.option("--vocab-file", type=FILE, help="WordPiece vocabulary of a new BERT, a token a line.  "
                 "[default: the characters of the data]"),
    click.option("--lower-case/--keep-case", default=True, show_default=True, help="With --vocab-file."),
    click.option("--vocab-size", type=click.IntRange(6), help="Characters: at most this many tokens."),
    click.option("--min-count", type=click.IntRange(1), default=1, show_default=True,
                 help="Characters: leave rarer out."),
    shape_options(width=192, positions=128),
    click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.0, show_default=True),
)  # fmt: skip


@click.command("mlm", epilog=examples("gen train mlm poems.txt --from-scratch --out my-bert"))
@data_options
@model_options
@recipe_options(rate="5e-5, from scratch 1e-3")
@run_options
@debug_option()
def mlm_command(**given: Any) -> None:
    """Pretrain a BERT on FILES by guessing hidden tokens: lines, CSV/TSV columns, JSONL fields, datasets."""
    check_start(bool(given["base"]) != given["from_scratch"], "either --base MODEL or --from-scratch")
    if given["base"] and given["vocab_file"]:
        raise GenError("A base has a vocabulary of its own. Leave --vocab-file out, or give --from-scratch.")
    if given["base"]:
        refuse_idle(FRESH, "beside --base, which brings its own")
    elif given["vocab_file"]:
        refuse_idle({"vocab_size", "min_count"}, "beside --vocab-file")
    else:
        refuse_idle({"lower_case"}, "without --vocab-file")
    check_given(given)
    refuse_absurd(given)
    with doing("loading torch and transformers"):
        from gen_mlm.train import prepare
        from gen_trainkit.jobs import carry_out

    job = build_job(given)
    carry_out(job, prepare, given, try_filling)


def try_filling(out: Path, text: str) -> str:
    """The command that has the model in `out` guess a hidden token."""
    quoted = partial(json.dumps, ensure_ascii=False)  # in double quotes, which single quotes of a shell preserve
    call = f"print(pipeline({quoted('fill-mask')}, {quoted(str(out))})({quoted(text)})[0])"
    return shlex.join([sys.executable, "-c", f"from transformers import pipeline; {call}"])


FRESH = {"lower_case", "vocab_size", "min_count", "layers", "width", "heads", "ff", "positions"}
"""Options of a model made from scratch."""


def build_job(given: dict[str, Any]) -> Any:
    """The options sorted into the job's parts."""
    from gen_mlm.train import Job

    rate = 5e-5 if given["base"] else 1e-3
    return assemble(Job, given | {"rate": rate if given["rate"] is None else given["rate"]})


if __name__ == "__main__":
    mlm_command()
