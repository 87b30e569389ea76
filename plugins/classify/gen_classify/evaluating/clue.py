"""The CLUE score, computed here as the arithmetic mean of the accuracies on AFQMC, IFLYTEK and TNEWS.

CLUE (Xu et al. 2020, https://aclanthology.org/2020.coling-main.419) has nine tasks with hidden tests. These three are
its classification tasks with available labelled data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, TextIO

import torch

from gen_classify.evaluating.evaluation import Evaluation, evaluate
from gen_classify.evaluating.report import columns
from gen_classify.predicting.classifier import load_classifier
from gen_classify.rows.dataset import tell_counts
from gen_classify.rows.reading import Columns, Table, read_tables
from gen_engine.cli.languages import Say
from gen_engine.errors import GenError

KINDS = (".tsv", ".jsonl", ".csv", ".tsv.xz", ".jsonl.xz", ".csv.xz", ".tsv.gz", ".jsonl.gz", ".csv.gz")


@dataclass(frozen=True)
class TaskOfClue:
    """Which columns of a task's files hold its texts, and how many tokens of them a classifier is trained on.

    `words` is the column with the labels in words; a classifier may have been trained on these instead.
    """

    columns: Columns
    length: int
    words: str | None = None


TASKS = {
    "afqmc": TaskOfClue(Columns("sentence1", "sentence2", "label"), 96),
    "iflytek": TaskOfClue(Columns("sentence", None, "label"), 128, "label_des"),
    "tnews": TaskOfClue(Columns("sentence", None, "label"), 64, "label_desc"),
}


@dataclass(frozen=True)
class Score:
    """The evaluation of each task."""

    evaluations: Mapping[str, Evaluation]

    @property
    def mean(self) -> float:
        """The mean accuracy of the three classifiers."""
        return fmean(each.report.accuracy for each in self.evaluations.values())

    @property
    def baseline(self) -> float | None:
        """The mean accuracy of the baselines, if they were trained."""
        reports = [each.baseline for each in self.evaluations.values() if each.baseline]
        return fmean(report.accuracy for report in reports) if len(reports) == len(self.evaluations) else None

    def record(self) -> dict[str, Any]:
        """The score as a JSON object."""
        baseline = {} if self.baseline is None else {"baseline": self.baseline}
        return {
            "clue": self.mean,
            **baseline,
            "tasks": {name: each.record() for name, each in self.evaluations.items()},
        }


def find_file(folder: Path, name: str, *, held_out: bool) -> Path:
    """The rows of a task to train on, `folder`/NAME.tsv or the like, or those held out, `folder`/eval/NAME.tsv.

    Raises GenError where there are none.
    """
    place = folder / "eval" if held_out else folder
    found = next((path for kind in KINDS if (path := place / f"{name}{kind}").is_file()), None)
    if found is None:
        raise GenError(f"{place} has no {name}.tsv or {name}.jsonl, packed or not. Name the folder with --data.")
    return found


def read_task(folder: Path, name: str, *, held_out: bool, known: Collection[str] = ()) -> Table:
    """The labelled texts of a task, the labels in words if only these are among the `known` ones."""
    path, task = find_file(folder, name, held_out=held_out), TASKS[name]
    try:
        table = read_tables([path], task.columns)
        if known and task.words and not set(known) & set(table.labels):
            return read_tables([path], replace(task.columns, label=task.words))
    except GenError as error:  # its remedies are options of columns, which a task has chosen
        flaw = str(error).rpartition(". ")[0] or str(error)
        raise GenError(f"{flaw}. Fetch the rows of {name} again, as CLUE has them.") from error
    return table


def clue(
    models: Mapping[str, str],
    data: Path,
    *,
    baseline: bool = False,
    device: torch.device | str = "cpu",
    after: Callable[[str], None] | None = None,
) -> Score:
    """Evaluate the classifiers of `models` (a folder for each of TASKS) on the rows that `data` holds out.

    With `baseline`, logistic regression on TF-IDF is trained on the training rows and evaluated, too. `after` is called
    after each task with its name and its counts of rows.
    """
    found = {}
    for name in TASKS:
        classifier = load_classifier(models[name], device=device)
        known = {*classifier.labels, *classifier.data_labels}
        train = read_task(data, name, held_out=False, known=known) if baseline else None
        table = read_task(data, name, held_out=True, known=known)
        found[name] = evaluate(classifier, table, train=train)
        if after:
            after(f"{name}: {tell_counts(table, used=len(table.texts))[0]}")
    return Score(found)


def tell_score(score: Score, say: Say = str, place: TextIO | None = None) -> str:
    """The accuracies and their mean as lines, for the terminal or pipe `place`, or for a page."""
    heads = ["rows", "accuracy", "macro f1", *([] if score.baseline is None else ["baseline"])]
    rows = [["", *map(say, heads)]]
    for name, each in score.evaluations.items():
        figures = [each.report.accuracy, each.report.macro_f1, *([each.baseline.accuracy] if each.baseline else [])]
        rows.append([name.upper(), f"{each.report.rows:,}", *(f"{figure:.4f}" for figure in figures)])
    mean = [f"{score.baseline:.4f}"] if score.baseline is not None else []
    rows.append([say("mean: CLUE"), "", f"{score.mean:.4f}", "", *mean])
    words = say("{name}: {count:,} rows with unknown labels are left out.")
    left_out = [
        words.format(name=name.upper(), count=each.unknown.total())
        for name, each in score.evaluations.items()
        if each.unknown
    ]
    return "\n".join([columns(rows, place), *left_out]) + "\n"
