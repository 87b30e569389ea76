"""What the commands of next-character trainers share; importing this imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.options import debug_option
from gen_engine.errors import GenError, quoted
from gen_engine.system.underway import doing
from gen_trainkit.options import (
    FILE,
    Decorator,
    check_finite,
    options,
    part,
    part_option,
    quotes_option,
    recipe_options,
    refuse_absurd,
    refuse_idle,
    refuse_idle_recipe,
    refuse_unread,
    run_options,
    tell_plan,
    tell_reading,
    valid_options,
)
from gen_trainkit.telling import tell_outcome, try_writing

if TYPE_CHECKING:
    from gen_nextchar.training import Family

FURTHEST = 1_000_000
"""Characters from one window to the next, at most: a novel."""


def _read_stride(_: click.Context, __: click.Parameter, value: str) -> int | None:
    if value == "contiguous":
        return None
    if not value.isdecimal() or len(value) > len(str(FURTHEST)) or not 1 <= int(value) <= FURTHEST:
        raise click.BadParameter(
            f"{quoted(value)} is neither 'contiguous' nor a number of characters from 1 to {FURTHEST:,}."
        )
    return int(value)


data_options = options(
    click.argument("files", nargs=-1, required=True, type=FILE),
    click.option("--column", help="Column of a .csv/.tsv (name or number) or field of a .jsonl.  [default: text]"),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files, such as gb18030."),
    click.option("--join", is_flag=True, help="All lines of a file are one text, as in a novel."),
    quotes_option,
    part_option("train, validated by the split for it"),
    valid_options,
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
"""Options of a new model, beside those of its head."""


def run_command(given: Mapping[str, Any], head: Collection[str], load_family: Callable[[], Family]) -> None:
    """Do what a trainer's options ask for: train and publish, or only tell what would be trained.

    `head` names the options of the head; `load_family` imports the models.
    """
    check_finite(given)
    refuse_idle_recipe(given)
    refuse_unread((*given["files"], *given["valid_files"]), given)
    if sum(map(bool, (given["encoder"], given["from_scratch"], given["base"]))) != 1:
        raise GenError(
            "It is not said what to start from. Give one of --encoder BERT, --from-scratch and --base MODEL."
        )
    if given["encoder"]:
        refuse_idle(FRESH, "beside --encoder, which brings its own")
    if given["base"]:
        refuse_idle({*FRESH, *NEW, *head}, "beside --base, which brings its own")
    if given["variable"]:
        refuse_idle({"short_share"}, "beside --variable")
    refuse_absurd(given)
    with doing("loading torch and transformers"):
        from gen_nextchar.training import describe, prepare, run_job

        family = load_family()
    job = build_job(given, family, {name: given[name] for name in head})
    ready = prepare(job)
    tell_reading(ready.told)
    if given["dry_run"]:
        tell_plan(describe(job, ready))
        return
    outcome = run_job(job, ready, resume=given["resume"])
    tell_outcome(outcome, job.publishing.out, try_writing(job.publishing.out, ready.example))


def build_job(given: Mapping[str, Any], family: Family, head: Mapping[str, Any]) -> Any:
    """The options sorted into the job's parts."""
    from gen_nextchar.data import Data
    from gen_nextchar.training import Encoder, Job, Windows
    from gen_trainkit.publishing import Publishing
    from gen_trainkit.tasks import Recipe, Reporting

    given = dict(given)
    fresh = given["from_scratch"]
    if given["rate"] is None:
        given["rate"] = 1e-3 if fresh else 2e-5
    if given["head_rate"] is None and given["optimizer"] == "adamw":  # under Muon, matrices have --matrix-rate
        given["head_rate"] = 1e-3
    return Job(
        family=family,
        data=part(Data, given),
        windows=part(Windows, given),
        encoder=part(Encoder, given),
        head=dict(head),
        base=given["base"],
        recipe=part(Recipe, given),
        reporting=part(Reporting, given),
        publishing=part(Publishing, given),
    )
