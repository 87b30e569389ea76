"""Messages at the end of a training: its figures, what is wrong with them, and the command to try or continue."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.options import Settings, command_line
from gen_engine.system.screen import note
from gen_trainkit.metrics import read_metrics
from gen_trainkit.ranks import is_first, process_count

if TYPE_CHECKING:
    from gen_trainkit.tasks import Outcome

NAMES = {"valid_loss": "loss", "valid_accuracy": "accuracy", "valid_macro_f1": "macro F1"}
FEW = 4
"""The number of characters that a model is given to continue when it is tried."""

Point = tuple[int, float]
"""A step, and the figure that was measured after it."""


def tell_outcome(outcome: Outcome, out: Path, attempt: str = "", warnings: Sequence[str] = ()) -> None:
    """Print the folder that was written and, on standard error, its figures, `warnings`, and `attempt`, a command.

    After a signal, say what was saved and how to continue, and exit as the signal would. Of several processes only the
    first prints.
    """
    rows = read_metrics(out / "run" / "metrics.jsonl")
    if outcome.signal:
        for line in stopped(outcome, rows, out) if is_first() else ():
            click.echo(line, err=True)
        sys.exit(128 + outcome.signal)
    if not is_first():
        return
    note(finished(outcome, rows), "")
    for words in (*doubts(outcome.goal, rows), *warnings):
        note(words, "warning:")
    click.echo(f"{out}")
    if attempt:
        click.echo(f"Try it: {attempt}", err=True)


def measured(goal: str, rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    """The steps at which `goal` was measured on all validation texts; 0 is before the first step."""
    return [(row["step"], row[goal]) for row in rows if goal in row]


def best_of(goal: str, points: Sequence[Point]) -> Point | None:
    """The first of the best points after training began; None if nothing was measured."""
    sign = -1 if goal.endswith("loss") else 1
    return max((point for point in points if point[0]), key=lambda point: sign * point[1], default=None)


def name_of(goal: str) -> str:
    """The name of a figure in sentences."""
    return f"validation {NAMES.get(goal, goal)}"


def finished(outcome: Outcome, rows: Sequence[Mapping[str, Any]]) -> str:
    """How a training went, in a sentence or two."""
    early = " (stopped early)" if outcome.early else ""
    told = f"Trained {outcome.step:,} {'step' if outcome.step == 1 else 'steps'}{early}."
    points = measured(outcome.goal, rows)
    best = best_of(outcome.goal, points)
    if best is None:
        return f"{told} No texts were set aside to validate by."
    start = f"{points[0][1]:.4f} before training, " if not points[0][0] else ""
    end = f", {points[-1][1]:.4f} at the end" if points[-1][1] != best[1] else ""
    name = name_of(outcome.goal)
    return f"{told} {name[0].upper()}{name[1:]}: {start}best {best[1]:.4f} at step {best[0]:,}{end}."


def doubts(goal: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Signs in the figures that something went wrong."""
    points, sign = measured(goal, rows), -1 if goal.endswith("loss") else 1
    best = best_of(goal, points)
    if best is None:
        return []
    if not points[0][0] and sign * best[1] <= sign * points[0][1]:
        return [f"the {name_of(goal)} never got better than before training; try another --rate, or more --epochs."]
    after = [point for point in points if point[0]]
    if best == after[0] and sign * after[-1][1] < sign * best[1]:
        return [f"the {name_of(goal)} got worse from step {best[0]:,} on; try a lower --rate, or fewer --epochs."]
    return []


def stopped(outcome: Outcome, rows: Sequence[Mapping[str, Any]], out: Path) -> list[str]:
    """What was saved of a training that was stopped, and how to continue it."""
    lines = [f"Stopped at step {outcome.step:,} of {outcome.total:,}, which is saved in {out / 'run' / 'checkpoints'}."]
    best, model = best_of(outcome.goal, measured(outcome.goal, rows)), out / "run" / "best"
    if best is not None and model.is_dir():
        figure = f"{name_of(outcome.goal)} {best[1]:.4f} at step {best[0]:,}"
        lines.append(f"The best model so far is {model}: {figure}.")
    again = resume_command()
    return [*lines, f"Go on with: {again}" if again else "The same command with --resume goes on from there."]


def resume_command() -> str:
    """The running command with --resume; "" if it is not known how it was called."""
    context = click.get_current_context(silent=True)
    settings = context.find_object(Settings) if context else None
    if settings is None or not settings.arguments or process_count() > 1:
        return ""
    given = list(settings.arguments)
    if "--resume" not in given:
        given.insert(given.index("--") if "--" in given else len(given), "--resume")
    return command_line(*given)


def try_writing(out: Path, text: str) -> str:
    """The command that has the model in `out` continue `text`."""
    return command_line("text", "--model", str(out), "--prompt", text, "--max-new", "50")


def beginning(texts: Sequence[str], end: str = "") -> str:
    """The first text up to `end`, or its first few characters: something to try a model with."""
    text = " ".join(texts[0].split()) if texts else ""
    return text[: text.index(end) + len(end)] if end and end in text else text[:FEW]
