"""The command `gen eval classifier`: how often a classifier is right; everything heavy is imported when it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.languages import Language, choose_language, lang_option, speak
from gen_engine.cli.options import debug_option, device_option
from gen_engine.cli.output import check_out, opened
from gen_engine.errors import GenError
from gen_engine.system.help_pages import examples
from gen_engine.system.screen import note
from gen_engine.system.underway import doing
from gen_trainkit.options import FILE, options, part_option, quotes_option, refuse_unread, tell_reading

if TYPE_CHECKING:
    from gen_classify.evaluating.evaluation import Evaluation
    from gen_classify.rows.reading import Table

table_options = options(
    click.option("--text", default="text", show_default=True, help="Column of the texts: a name, or a number from 1."),
    click.option("--text2", help="Column of the second text of each pair."),
    click.option("--label", default="label", show_default=True, help="Column of the labels, by name or as trained on."),
    click.option("--header", is_flag=True, help="Tables have a header, though columns are given by number."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files, such as gb18030."),
    quotes_option,
    part_option("test, else valid"),
    click.option("--trained-on", type=click.Choice(["refuse", "skip", "score"]), default="refuse", show_default=True,
                 help="Rows that MODEL was trained on, by its own run/splits: an error, left out, or scored."),
    click.option("--bad-rows", type=click.Choice(["skip", "refuse"]), default="skip", show_default=True,
                 help="Rows without text, or with no label or one that the classifier lacks."),
)  # fmt: skip
told_options = options(
    click.option("--baseline", multiple=True, type=FILE, metavar="FILE",
                 help="Training rows: TF-IDF with logistic regression learns them and is told beside.  [repeatable]"),
    click.option("--mistakes", type=click.IntRange(0), default=0, metavar="N", help="Show the N surest mistakes."),
    click.option("--picture", type=FILE, metavar="FILE", help="Draw the confusions into FILE.png, .pdf or .svg."),
    click.option("--font", type=FILE, metavar="FILE", help="Font with the characters of the labels, for --picture."),
    click.option("--curve", type=FILE, metavar="FILE", help="Draw the training of --model into FILE.png and .pdf."),
    lang_option,
    click.option("--json", is_flag=True, help="Print the figures as JSON."),
    click.option("--out", multiple=True, type=FILE, metavar="FILE",
                 help="Write the report into FILE, as JSON if it ends in .json.  [repeatable]"),
)  # fmt: skip


@click.command("classifier", epilog=examples("gen eval classifier --model ./my-classifier rows.csv"))
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--model", required=True, metavar="MODEL", help="A classifier: a folder, or a hub name.")
@table_options
@told_options
@device_option()
@debug_option()
def classifier_command(**given: Any) -> None:
    """Judge a classifier by the labelled texts of FILES: CSV, TSV or JSONL, packed or not, or datasets.

    The report gives accuracy, precision, recall and F1, overall and label by label, and which labels are confused with
    which. Macro means are over the labels that occur among rows or guesses. The two bounds are the 95% confidence
    interval of the accuracy. Each label has a number, which a picture shows where no font has its characters.
    """
    _check(given)
    from gen_engine.models.device import choose_device

    device = choose_device(given["device"])
    table = read_labelled(given["files"], given)
    tell_reading(table.tally.told())
    train = read_labelled(given["baseline"], given, training=True) if given["baseline"] else None
    table = _not_trained_on(table, given)
    from gen_classify.evaluating.evaluation import evaluate
    from gen_classify.predicting.classifier import load_classifier

    classifier = load_classifier(given["model"], device=device)
    evaluation = evaluate(classifier, table, train=train, mistakes=given["mistakes"])
    if given["bad_rows"] == "refuse" and (evaluation.unknown or evaluation.bad):
        first = evaluation.bad[0] if evaluation.bad else f"the label {next(iter(evaluation.unknown))!r} is unknown"
        count = evaluation.unknown.total() + len(evaluation.bad)
        raise GenError(f"{count:,} rows cannot be judged ({first}). Mend them, or give --bad-rows skip.")
    names = ", ".join(path.name for path in given["files"])
    splits = ", ".join(dict.fromkeys(filter(None, table.splits)))
    names += f" ({splits})" if splits else ""
    tell_evaluation(evaluation, names, given)
    _draw(evaluation, given)


def _language(evaluation: Evaluation, given: dict[str, Any]) -> Language:
    return choose_language(given["lang"], (each.label for each in evaluation.report.labels))


def read_labelled(files: Sequence[Path], given: dict[str, Any], *, training: bool = False) -> Table:
    """The labelled texts of `files`, by the column options; of datasets, the split to test or to train on."""
    from gen_classify.rows.dataset import tell_counts
    from gen_classify.rows.reading import Columns, read_tables
    from gen_trainkit.reading import HELD_OUT, TRAINING
    from gen_trainkit.tables import Reading

    columns = Columns(given["text"], given["text2"], given["label"], header=given["header"])
    reading = Reading(given["encoding"], given["header"], given["quotes"], hub=True)
    part, usually = (None, TRAINING) if training else (given["part"], HELD_OUT)
    table = read_tables(files, columns, reading=reading, part=part, usually=usually)
    tell_counts(table, used=len(table.texts))
    return table


def _not_trained_on(table: Table, given: dict[str, Any]) -> Table:
    """The rows that the model has not been trained on, as far as its folder says, or as --trained-on chooses."""
    from gen_classify.evaluating.evaluation import texts_of
    from gen_classify.rows.own_splits import trained_rows

    trained = trained_rows(given["model"], texts_of(table)) if given["trained_on"] != "score" else []
    if not trained:
        return table
    told = f"{len(trained):,} of the {len(table.texts):,} rows are among those that {given['model']} was trained on"
    if given["trained_on"] == "refuse" or len(trained) == len(table.texts):
        first = f"({table.places[trained[0]]} is the first)"
        raise GenError(f"{told} {first}. Give others, or --trained-on skip or score.")
    note(f"{told}; they are left out.", "")
    return table.chosen(sorted(set(range(len(table.texts))) - set(trained)))


def tell_evaluation(evaluation: Evaluation, files: str, given: dict[str, Any]) -> None:
    """Print the report on the rows of `files`, as JSON if wanted, and write it into the named files."""
    from gen_classify.evaluating.report import tell

    say, title = speak(_language(evaluation, given)), "{model} on {count:,} rows of {files}"
    facts = {"model": given["model"], "count": evaluation.report.rows, "files": files}
    named = say(title).format(**facts)
    record = json.dumps({"title": title.format(**facts), **evaluation.record()}, ensure_ascii=False, indent=1) + "\n"
    print(record if given["json"] else tell(evaluation, named, say, sys.stdout), end="")
    for path in given["out"]:
        with opened(path) as out:
            out.write(record if path.suffix == ".json" else tell(evaluation, named, say))


def _check(given: dict[str, Any]) -> None:
    """Raise GenError early for files that could not be written later."""
    from gen_classify.evaluating.pictures import check_picture

    refuse_unread((*given["files"], *given["baseline"]), given)
    for path in given["out"]:
        check_out(path)
    if given["font"] and not given["picture"]:
        raise GenError("A font is for a picture only. Give --picture FILE, or leave --font out.")
    if given["picture"]:
        check_picture(given["picture"], given["font"])
        check_out(given["picture"], "--picture")
    if given["curve"]:
        check_picture(given["curve"])
        check_out(given["curve"], "--curve")
        if not (Path(given["model"]) / "run" / "metrics.jsonl").is_file():
            raise GenError(f"{given['model']} has no run/metrics.jsonl to draw. Leave --curve out.")


@doing("drawing the picture")
def _draw(evaluation: Evaluation, given: dict[str, Any]) -> None:
    """Draw what is wanted, and say where a picture cannot show the labels' characters."""
    from gen_classify.evaluating.pictures import draw_confusion

    if given["picture"]:
        name = Path(given["model"]).name
        remark = draw_confusion(
            evaluation.report, given["picture"], name=name, font=given["font"], language=_language(evaluation, given)
        )
        if remark:
            note(remark, "")
    if given["curve"]:
        from gen_trainkit.curves import draw_curve

        remark = draw_curve(
            Path(given["model"]) / "run" / "metrics.jsonl", given["curve"], language=_language(evaluation, given)
        )
        if remark:
            note(remark, "")


if __name__ == "__main__":
    classifier_command()
