"""The command `gen train classifier`; everything heavy is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gen_engine.cli.options import command_line, debug_option
from gen_engine.system.help_pages import examples
from gen_engine.system.underway import doing
from gen_trainkit.options import (
    FILE,
    assemble,
    check_given,
    check_start,
    encoding_option,
    files_argument,
    options,
    quotes_option,
    recipe_options,
    refuse_absurd,
    refuse_idle,
    run_options,
    shape_options,
)

size = click.IntRange(1)
share = click.FloatRange(0, 0.9)


data_options = options(
    files_argument,
    click.option("--text", default="text", show_default=True, help="Column of the texts: a name, or a number from 1."),
    click.option("--text2", help="Column of the second text of each pair."),
    click.option("--label", default="label", show_default=True, help="Column of the labels."),
    click.option("--header", is_flag=True, help="Tables have a header, though columns are given by number."),
    encoding_option,
    quotes_option,
    click.option("--labels", help="Labels in order, a,b,c; rows of others are bad.  [default: all]"),
    click.option("--label-names", help="What the labels are called when shown, in their order."),
    click.option("--bad-rows", type=click.Choice(["skip", "refuse"]), default="skip", show_default=True,
                 help="Rows without text, or with no or an unknown label."),
    click.option("--split", help="Shares of training, validation and maybe test, such as 70/10/20.  "
                 "[default: the data's own splits, else 90/10]"),
    click.option("--split-column", help="Column that says train, valid (dev) or test."),
    click.option("--valid", "valid_files", multiple=True, type=FILE, help="File to validate on; may be repeated."),
    click.option("--test", "test_files", multiple=True, type=FILE, help="File for the final figures; may be repeated."),
    click.option("--max-rows", type=size, help="Take so many rows of FILES only, of each label its share."),
    click.option("--balance", type=click.Choice(["none", "undersample", "oversample"]), default="none",
                 show_default=True, help="Make the labels of the training part equally frequent."),
    click.option("--class-weights", help="Weights in the loss: balanced, or a,b,c in the order of the labels."),
    click.option("--max-length", type=click.IntRange(3), default=128, show_default=True, help="Tokens of a text."),
    click.option("--prefixes", is_flag=True, help="Cut each text at random, anew in each epoch: to judge beginnings."),
    click.option("--cache", type=FILE, help="Folder of tokenised data.  [default: the platform's cache]"),
)  # fmt: skip
model_options = options(
    click.option("--encoder", help="BERT or GPT-2 to start from: a folder, a hub name, or one of gen models."),
    click.option("--untrained", is_flag=True, help="Only the sizes and the vocabulary of --encoder, fresh weights."),
    click.option("--from-scratch", is_flag=True, help="Make a new BERT, its vocabulary from the data."),
    shape_options(width=192, positions=128),
    click.option("--vocab-size", type=click.IntRange(6), help="From scratch: at most this many tokens."),
    click.option("--min-count", type=size, default=1, show_default=True, help="From scratch: leave rarer out."),
    click.option("--loss", type=click.Choice(["cross-entropy", "bce"]), default="cross-entropy", show_default=True,
                 help="bce: one logit for the second of two labels."),
    click.option("--threshold", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.5,
                 show_default=True, help="With bce: probability from which on it is the second label."),
    click.option("--freeze", type=click.Choice(["nothing", "all", "all-but-pooler", "all-but-last"]),
                 default="nothing", show_default=True, help="What of the encoder does not learn."),
    click.option("--hidden", type=size, help="BERT: a fresh hidden layer of so many tanh units in the pooler's place."),
    click.option("--reads", type=click.Choice(["pooler", "cls"]), default="pooler", show_default=True,
                 help="BERT: what the head reads, the pooler's output or the raw state of [CLS]."),
    click.option("--relu", type=size, help="BERT: a layer of so many ReLU units before the linear layer."),
    click.option("--dropout", type=share, help="BERT: before each layer of the head."),
    click.option("--encoder-dropout", type=share, help="Within the encoder.  [default: as it is set]"),
    click.option("--goal", type=click.Choice(["accuracy", "macro_f1", "loss"]), default="accuracy", show_default=True,
                 help="The validation figure that chooses the best model."),
    click.option("--baseline/--no-baseline", default=False, show_default=True,
                 help="Train and measure TF-IDF with logistic regression, too."),
)  # fmt: skip


@click.command(
    "classifier",
    epilog=examples(
        "gen train classifier rows.csv --from-scratch --out my-classifier",
        "gen train classifier rows.csv --encoder ./my-bert --out my-classifier",
    ),
)
@data_options
@model_options
@recipe_options(rate="5e-5, with fresh weights 5e-4, frozen 1e-3", epochs=3.0, batch_tokens=2048, head=True)
@run_options
@debug_option()
def classifier_command(**given: Any) -> None:
    """Train a classifier on FILES: CSV, TSV or JSONL (packed or not), datasets folders, hub names."""
    fresh = given["from_scratch"]
    is_said = bool(given["encoder"]) != fresh and not (given["untrained"] and fresh)
    check_start(is_said, "either --encoder MODEL or --from-scratch")
    check_given(given)
    if given["encoder"]:
        refuse_idle(FRESH, "beside --encoder, which brings its own")
    if given["loss"] != "bce":
        refuse_idle({"threshold"}, "without --loss bce")
    refuse_absurd(given)
    with doing("loading torch and transformers"):
        from gen_classify.training.training import prepare
        from gen_trainkit.jobs import carry_out

    job = build_job(given)
    carry_out(job, prepare, given, try_classifying)


def try_classifying(out: Path, text: str, second: str = "") -> str:
    """The command that classifies a text, or a pair of texts, with the classifier in `out`; long texts are
    shortened."""
    pair = ["--text2", second[:EXAMPLE]] if second else []
    dashed = ["--"] if text.startswith("-") else []
    return command_line("classify", "--model", str(out), *pair, *dashed, text[:EXAMPLE])


EXAMPLE = 60
"""How many characters of a text the example command contains; it should fit on a screen."""


FRESH = {"layers", "width", "heads", "ff", "positions", "vocab_size", "min_count"}
"""Options of a model made from scratch."""


def build_job(given: dict[str, Any]) -> Any:
    """The options sorted into the job's parts."""
    from gen_classify.training.training import Job

    listed = {
        name: tuple(each.strip() for each in given[name].split(",")) if given[name] else ()
        for name in ("labels", "label_names")
    }
    rate = 1e-3 if given["freeze"] == "all" else 5e-5
    if given["from_scratch"] or given["untrained"]:
        rate = 5e-4
    return assemble(Job, given | listed | {"rate": rate if given["rate"] is None else given["rate"]})


if __name__ == "__main__":
    classifier_command()
