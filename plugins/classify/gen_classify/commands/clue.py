"""The command `gen eval clue`: evaluate three classifiers, training them first where asked, and average their
accuracies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from gen_engine.cli.languages import choose_language, lang_option, speak
from gen_engine.cli.options import debug_option, device_option
from gen_engine.cli.output import check_out, opened
from gen_engine.errors import GenError
from gen_engine.system.help_pages import examples
from gen_trainkit.options import FILE, check_finite, options

model_options = options(
    click.option("--afqmc", metavar="MODEL", help="Classifier of AFQMC: a folder, or a hub name."),
    click.option("--iflytek", metavar="MODEL", help="Classifier of IFLYTEK."),
    click.option("--tnews", metavar="MODEL", help="Classifier of TNEWS."),
    click.option("--data", type=FILE, envvar="GEN_DATA", show_envvar=True, metavar="DIR",
                 help="Folder of afqmc, iflytek and tnews, .tsv or .jsonl, packed or not; held-out rows in DIR/eval."),
    click.option("--baseline", is_flag=True, help="Let TF-IDF with logistic regression learn the same rows, too."),
)  # fmt: skip
train_options = options(
    click.option("--train", metavar="ENCODER", help="Train the classifiers that are not named from this BERT first."),
    click.option("--models", type=FILE, metavar="DIR", help="With --train: they go to DIR/afqmc and so on."),
    click.option("--config", type=FILE, metavar="FILE", help="With --train: options of `gen train classifier`."),
    click.option("--epochs", type=click.FloatRange(0, min_open=True), help="With --train."),
    click.option("--rate", type=click.FloatRange(0), help="With --train: peak learning rate."),
    click.option("--max-rows", type=click.IntRange(1), help="With --train: so many rows of each task only."),
    click.option("--seed", type=click.IntRange(0), help="With --train."),
    click.option("--untrained", is_flag=True, help="With --train: the encoder's sizes and vocabulary, fresh weights."),
    click.option("--resume", is_flag=True, help="With --train: go on where a run in --models was stopped."),
)  # fmt: skip


@click.command("clue", epilog=examples("gen eval clue --afqmc ./afqmc --iflytek ./iflytek --tnews ./tnews"))
@model_options
@train_options
@lang_option
@device_option()
@click.option("--json", is_flag=True, help="Print everything as JSON.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the score into FILE, as JSON if it ends in .json.")
@debug_option()
def clue_command(**given: Any) -> None:
    """Tell the CLUE score of three classifiers: the mean of their accuracies on AFQMC, IFLYTEK and TNEWS.

    Name the three, or give --train ENCODER to train those that are not named by `gen train classifier`, on the rows in
    --data. They are evaluated on the rows in --data/eval, which no training sees. CLUE's own tests are hidden, so the
    score is not one for its leaderboard.
    """
    _check(given)
    from gen_classify.evaluating.clue import TASKS, clue, tell_score
    from gen_engine.models.device import choose_device

    device = choose_device(given["device"])

    models = {name: given[name] or _train(name, given) for name in TASKS}
    score = clue(
        models, given["data"], baseline=given["baseline"], device=device, after=lambda name: click.echo(name, err=True)
    )
    record = json.dumps({"models": models, **score.record()}, ensure_ascii=False, indent=1) + "\n"
    labels = (label.label for each in score.evaluations.values() for label in each.report.labels)
    say = speak(choose_language(given["lang"], labels))
    print(record if given["json"] else tell_score(score, say, sys.stdout), end="")
    if given["out"]:
        with opened(given["out"]) as out:
            out.write(record if given["out"].suffix == ".json" else tell_score(score, say))


def _check(given: dict[str, Any]) -> None:
    """Raise GenError for what is missing, before anything is trained."""
    check_finite(given)
    check_out(given["out"])
    from gen_classify.evaluating.clue import TASKS, find_file

    missing = [name for name in TASKS if not given[name]]
    if given["data"] is None:
        raise GenError("It is not said where the rows are. Give --data DIR, or set GEN_DATA.")
    if missing and not given["train"]:
        raise GenError(
            f"There is no classifier of {missing[0].upper()}. Give --{missing[0]} MODEL, or --train ENCODER."
        )
    if given["train"] and not missing:
        raise GenError("All three classifiers are named, and none is left to train. Leave --train out.")
    if given["train"] and not given["models"]:
        raise GenError("It is not said where the trained classifiers go. Give --models DIR.")
    training = ("models", "config", "epochs", "rate", "max_rows", "seed", "untrained", "resume")
    idle = [name for name in training if given[name] not in (None, False)]
    if not given["train"] and idle:
        raise GenError(f"--{idle[0].replace('_', '-')} is for training. Give --train ENCODER, or leave it out.")
    for name in TASKS:
        find_file(given["data"], name, held_out=True)
        if name in missing or given["baseline"]:
            find_file(given["data"], name, held_out=False)


def _train(name: str, given: dict[str, Any]) -> str:
    """Train the classifier of a task as `gen train classifier` would; returns its folder."""
    from gen_classify.commands.train import build_job, classifier_command
    from gen_classify.training.training import train_classifier

    folder = given["models"] / name
    click.echo(f"Training {name} into {folder}", err=True)
    with classifier_command.make_context("gen train classifier", train_arguments(name, folder, given)) as context:
        finished = train_classifier(build_job(context.params), resume=given["resume"], device=given["device"])
    if finished.outcome.signal:
        click.echo(f"Stopped at step {finished.outcome.step}; the same command with --resume goes on.", err=True)
        raise SystemExit(128 + finished.outcome.signal)
    return str(folder)


def train_arguments(name: str, folder: Path, given: dict[str, Any]) -> list[str]:
    """The arguments of `gen train classifier` for a task; options of this command override --config."""
    from gen_classify.evaluating.clue import TASKS, find_file

    task = TASKS[name]
    arguments = [str(find_file(given["data"], name, held_out=False)), "--encoder", given["train"], "--out", str(folder)]
    arguments += ["--text", task.columns.text, "--label", str(task.columns.label)]
    arguments += ["--text2", task.columns.text2] if task.columns.text2 else []
    if given["config"]:
        arguments += ["--config", str(given["config"])]
    else:
        arguments += ["--max-length", str(task.length)]
    for option in ("epochs", "rate", "max_rows", "seed"):
        if given[option] is not None:
            arguments += [f"--{option.replace('_', '-')}", str(given[option])]
    return arguments + ["--untrained"] * given["untrained"]


if __name__ == "__main__":
    clue_command()
