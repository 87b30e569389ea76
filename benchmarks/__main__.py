"""`python -m benchmarks`: every figure in one table, beside those of the recorded baseline."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.table import Column, Table

from gen_engine.hooks.registry import registry

from . import cold, constraints, drawing, guide, shapers, steps, training, vocabularies
from .measure import Figure

BASELINE = Path(__file__).parent / "baseline.json"
PARTS = ("steps", "overhead", "constraints", "vocabularies", "cold", "shapers", "drawing", "guide", "training")


@click.command()
@click.option("--model", default="poem", show_default=True, help="A name of `gen models`, a folder, or `random`.")
@click.option("--rows", multiple=True, type=click.IntRange(1), default=(1, 16, 64), help="Rows a step; repeatable.")
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True, help="Turns each contestant takes.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), default=PARTS, help="A part; repeatable.")
@click.option("--record", is_flag=True, help="Write the figures to benchmarks/baseline.json.")
def main(model: str, rows: Sequence[int], rounds: int, only: Sequence[str], record: bool) -> None:
    """Measure the engine beside its peers. Leave the machine alone meanwhile."""
    with tempfile.TemporaryDirectory() as made:
        if model == "random":
            from .random_model import write_random_model

            write_random_model(Path(made))
            model = made
        figures = list(_measure(model, rows, rounds, only))
    click.echo("", err=True)
    _show(figures, _recorded())
    if record:
        BASELINE.write_text(json.dumps(_record(figures), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _measure(model: str, rows: Sequence[int], rounds: int, only: Sequence[str]) -> Iterator[Figure]:
    folder = Path(model)
    if not folder.is_dir():
        folder = Path(registry().find("model", model).value.folder)
    parts = {
        "steps": lambda: steps.compare(model, folder, rows, rounds),
        "overhead": lambda: steps.measure_overhead(model, rows, rounds),
        "constraints": lambda: constraints.measure(model, rounds),
        "vocabularies": lambda: vocabularies.measure(rounds),
        "cold": lambda: cold.measure(model, rounds),
        "shapers": lambda: shapers.measure(rounds),
        "drawing": lambda: drawing.measure(rounds),
        "training": lambda: training.measure(folder, rounds),
        "guide": lambda: guide.measure(model, rounds),
    }
    for part in only:
        for figure in parts[part]():
            click.echo(".", nl=False, err=True)
            yield figure


def _recorded() -> dict[str, float]:
    """What the baseline says of each figure: the ratio to the peer, or our own time where there is no peer."""
    if not BASELINE.is_file():
        return {}
    figures = json.loads(BASELINE.read_text(encoding="utf-8"))["figures"]
    return {figure["name"]: figure["ratio"] or figure["ours"] for figure in figures}


def _record(figures: Sequence[Figure]) -> dict[str, object]:
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    return {"machine": machine, "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in figures]}


def _show(figures: Sequence[Figure], recorded: dict[str, float]) -> None:
    titles = [Column(title, justify="right", no_wrap=True) for title in ("ours", "peer", "times faster", "recorded")]
    table = Table(Column("what", no_wrap=True), *titles, Column("goal", no_wrap=True), "")
    for figure in figures:
        table.add_row(
            figure.name,
            _amount(figure.ours, figure.unit),
            "" if figure.peer is None else _amount(figure.peer, figure.unit),
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            f"{recorded[figure.name]:.3g}" if figure.name in recorded else "",
            figure.goal,
            ("met" if figure.is_met else "missed") if figure.goal else "",
        )
    # A file or a pipe has no width to keep to.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


if __name__ == "__main__":
    main()
