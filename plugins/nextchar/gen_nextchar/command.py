"""What the commands of next-character trainers share; importing this imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.options import debug_option
from gen_engine.errors import quoted
from gen_engine.system.underway import doing
from gen_trainkit.options import (
    Decorator,
    assemble,
    check_given,
    check_start,
    column_option,
    encoding_option,
    files_argument,
    options,
    quotes_option,
    recipe_options,
    refuse_absurd,
    refuse_idle,
    run_options,
    split_options,
)
from gen_trainkit.telling import try_writing

if TYPE_CHECKING:
    from gen_nextchar.training import Family

FURTHEST = 1_000_000
"""The largest stride between windows, in characters: about a novel."""


def _read_stride(_: click.Context, __: click.Parameter, value: str) -> int | None:
    if value == "contiguous":
        return None
    if not value.isdecimal() or len(value) > len(str(FURTHEST)) or not 1 <= int(value) <= FURTHEST:
        raise click.BadParameter(
            f"{quoted(value)} is neither 'contiguous' nor a number of characters from 1 to {FURTHEST:,}."
        )
    return int(value)


data_options = options(
    files_argument,
    column_option,
    encoding_option,
    click.option("--join", is_flag=True, help="All lines of a file are one text, as in a novel."),
    quotes_option,
    split_options,
)
window_options = options(
    click.option("--window", type=click.IntRange(1), default=32, show_default=True,
                 help="Characters the model sees at most; --base has its own."),
    click.option("--stride", default="contiguous", show_default=True, callback=_read_stride, metavar="contiguous|N",
                 help="How far on the next window ends: a whole window, or N characters."),
    click.option("--variable", is_flag=True,
                 help="Windows of 1 to --window characters and a [MASK] at the end, which is guessed."),
    click.option("--left-only", is_flag=True,
                 help="BERT sees what stands left only, and each character of a window is guessed, not one a window."),
    click.option("--short-share", type=click.FloatRange(0, 1), default=0.1, show_default=True,
                 help="Share of windows cut short, as a prompt is, where not all lengths are seen anyway."),
    click.option("--shift/--no-shift", default=True, show_default=True,
                 help="Cut elsewhere in every epoch, until each character was guessed once."),
    click.option("--valid-stride", type=click.IntRange(1, FURTHEST),
                 help="--stride in validation.  [default: --window]"),
)  # fmt: skip
encoder_options = options(
    click.option("--encoder", help="BERT to build on: a folder, such as of gen train mlm, or a hub name."),
    click.option("--from-scratch", is_flag=True, help="Make a new encoder, its vocabulary from the data."),
    click.option("--base", help="Or go on from a model of this kind: one of gen models, a folder or a hub name."),
    click.option("--freeze", type=click.Choice(["all", "all-but-pooler", "nothing"]), default="nothing",
                 show_default=True, help="What of the encoder does not learn."),
    click.option("--encoder-layers", type=click.IntRange(1), default=4, show_default=True, help="From scratch."),
    click.option("--width", type=click.IntRange(1), default=128, show_default=True, help="From scratch."),
    click.option("--heads", type=click.IntRange(1), default=4, show_default=True, help="From scratch."),
    click.option("--ff", type=click.IntRange(1), help="From scratch: inner width.  [default: 4 x --width]"),
    click.option("--vocab-size", type=click.IntRange(6), help="From scratch: at most this many tokens."),
    click.option("--min-count", type=click.IntRange(1), default=1, show_default=True,
                 help="From scratch: leave rarer characters out."),
    click.option("--encoder-dropout", type=click.FloatRange(0, 0.9),
                 help="Dropout in the encoder.  [default: its own, from scratch 0]"),
)  # fmt: skip

tie_option = click.option(
    "--tie/--no-tie", default=True, show_default=True, help="BERT's token embeddings are the output matrix."
)


def trainer_options(head: Decorator) -> Decorator:
    """All options of a trainer of next-character models whose head has the options `head`."""
    rate = "2e-5, from scratch 1e-3"
    recipe = recipe_options(rate=rate, batch_tokens=8192, head=True)
    return options(data_options, encoder_options, window_options, head, recipe, run_options, debug_option())


FRESH = {"encoder_layers", "width", "heads", "ff", "vocab_size", "min_count"}
"""Options of an encoder made from scratch."""

NEW = {"window", "variable", "left_only", "encoder_dropout"}
"""Options of a new model, besides those of its head."""


def run_command(given: Mapping[str, Any], head: Collection[str], load_family: Callable[[], Family]) -> None:
    """Run a trainer with its options: train and publish, or only tell what would be trained.

    `head` names the options of the head; `load_family` imports the models.
    """
    check_given(given)
    starts = [given["encoder"], given["from_scratch"], given["base"]]
    check_start(sum(map(bool, starts)) == 1, "one of --encoder BERT, --from-scratch and --base MODEL")
    if given["encoder"]:
        refuse_idle(FRESH, "beside --encoder, which brings its own")
    if given["base"]:
        refuse_idle({*FRESH, *NEW, *head}, "beside --base, which brings its own")
    if given["variable"]:
        refuse_idle({"short_share"}, "beside --variable")
    refuse_absurd(given)
    with doing("loading torch and transformers"):
        from gen_nextchar.training import prepare
        from gen_trainkit.jobs import carry_out

        family = load_family()
    job = build_job(given, family, {name: given[name] for name in head})
    carry_out(job, prepare, given, try_writing)


def build_job(given: Mapping[str, Any], family: Family, head: Mapping[str, Any]) -> Any:
    """The options sorted into the job's parts."""
    from gen_nextchar.training import Job

    rates = {"rate": given["rate"], "head_rate": given["head_rate"]}
    if given["rate"] is None:
        rates["rate"] = 1e-3 if given["from_scratch"] else 2e-5
    if given["head_rate"] is None and given["optimizer"] == "adamw":  # under Muon, matrices have --matrix-rate
        rates["head_rate"] = 1e-3
    return assemble(Job, {**given, **rates, "family": family, "head": head})
