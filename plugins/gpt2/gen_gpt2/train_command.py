"""The command `gen train gpt2`; everything heavy is imported when it runs."""

from __future__ import annotations

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
    column_option,
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
from gen_trainkit.telling import try_writing

data_options = options(
    files_argument,
    column_option,
    click.option("--column2", help="Second column, joined to the first: for couplets and the like."),
    click.option("--context", help="Column that is read before each text and not learnt: its title, say."),
    click.option("--context-note", type=FILE, help="How these are written: kept in the model folder as context.json."),
    click.option(
        "--split-at", metavar="MARK", help="Or: one column FIRST-SECOND, split at this mark and joined again."
    ),
    click.option("--separator", default="，", show_default=True, help="What joins the two."),
    click.option("--ending", default="", help="What every text ends in; put where it is missing."),
    max_length_option,
    click.option(
        "--longer",
        type=click.Choice(["split", "cut", "drop"]),
        default="split",
        show_default=True,
        help="What becomes of a longer text: several windows, its beginning, or nothing.",
    ),
    encoding_option,
    quotes_option,
    split_options,
)
model_options = options(
    click.option("--base", help="Model to fine-tune: one of gen models, a folder or a hub name."),
    click.option("--from-scratch", is_flag=True, help="Make a new model, its vocabulary from the data."),
    click.option("--vocab", default="chars", show_default=True, help="chars, or bpe:N for N tokens."),
    click.option("--vocab-size", type=click.IntRange(5), help="With chars: at most this many tokens."),
    click.option(
        "--min-count", type=click.IntRange(1), default=1, show_default=True, help="With chars: leave rarer out."
    ),
    shape_options(width=256, positions=256, bert=False),
    click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.0, show_default=True),
)
adapter_options = options(
    click.option("--lora", type=click.IntRange(0), default=0, show_default=True, metavar="RANK",
                 help="Train low-rank adapters beside frozen weights, merged at the end; 0: train all weights."),
    click.option("--lora-alpha", type=click.FloatRange(0, min_open=True),
                 help="Their scale times RANK.  [default: 2 RANK]"),
    click.option("--lora-targets", default="c_attn", show_default=True,
                 help="Layers adapted, such as c_attn,c_proj,c_fc."),
)  # fmt: skip


@click.command(
    "gpt2",
    epilog=examples(
        "gen train gpt2 poems.txt --from-scratch --out my-model",
        "gen train gpt2 poems.txt --base ./my-model --epochs 2 --out my-poems",
    ),
)
@data_options
@model_options
@adapter_options
@recipe_options(rate="2e-5, with --lora 5e-4, from scratch 3e-3")
@run_options
@debug_option()
def gpt2_command(**given: Any) -> None:
    """Train a GPT-2 on FILES: lines of text, CSV/TSV columns, JSONL fields, packed or not, datasets."""
    check_start(bool(given["base"]) != given["from_scratch"], "either --base MODEL or --from-scratch")
    if given["lora"] and given["from_scratch"]:
        raise GenError("--lora adapts a model that knows something. Give --base MODEL, or leave --lora out.")
    check_given(given)
    _refuse_idle(given)
    refuse_absurd(given)
    with doing("loading torch and transformers"):
        from gen_gpt2.train import prepare
        from gen_trainkit.jobs import carry_out

    job = build_job(given)
    carry_out(job, prepare, given, try_writing)


FRESH = {"vocab", "vocab_size", "min_count", "layers", "width", "heads", "positions", "dropout"}
"""Options of a model made from scratch."""


def _refuse_idle(given: dict[str, Any]) -> None:
    if given["base"]:
        refuse_idle(FRESH, "beside --base, which brings its own")
    elif given["vocab"] != "chars":
        refuse_idle({"vocab_size", "min_count"}, "without --vocab chars")
    if not given["lora"]:
        refuse_idle({"lora_alpha", "lora_targets"}, "without --lora")
    if given["context"] is None:
        refuse_idle({"context_note"}, "without --context")
    if given["column2"] is None and given["split_at"] is None:
        refuse_idle({"separator"}, "without --column2 or --split-at")


def build_job(given: dict[str, Any]) -> Any:
    """The options sorted into the job's parts."""
    from gen_gpt2.train import Job

    rate = (5e-4 if given["lora"] else 2e-5) if given["base"] else 3e-3
    return assemble(Job, given | {"rate": rate if given["rate"] is None else given["rate"]})


if __name__ == "__main__":
    gpt2_command()
