"""`python -m benchmarks`: every figure in one table, beside those of the recorded baseline."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from gen_engine.hooks.registry import registry

from . import baseline, cold, constraints, device, drawing, guide, shapers, steps, training, vocabularies
from .beside.compare import Run
from .beside.show import draw_lengths, draw_ratios, number, times_table
from .beside.works import FLOAT, INT8, LARGE, PEERS, QUICK, QUICK_PEERS, SMALL, WORKS
from .measure import Figure

BESIDE = ("beside", "lengths", "memory")
"""The parts that share one run beside all peers."""

OTHERS = ("steps", "overhead", "constraints", "vocabularies", "cold", "shapers", "drawing", "guide", "training")
ALONE = ("device",)
"""The parts that run only when they are named."""

QUICK_SECONDS = 72
"""What a quick run may take from here on; Python and the imports need some before."""

QUICK_ROUNDS = 5


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    model: str
    rows: Sequence[int]
    rounds: int
    only: Sequence[str]
    dtypes: Sequence[str]
    out: Path
    quick: bool
    made: Path
    begun: float
    device: str = "auto"

    @cached_property
    def folder(self) -> Path:
        """The folder of the small model."""
        folder = Path(self.model)
        return folder if folder.is_dir() else Path(registry().find("model", self.model).value.folder)

    @cached_property
    def beside(self) -> Run:
        """The run beside all peers; its models are made now."""
        from .random_model import write_large_model

        write_large_model(self.made / "large")
        folders = {LARGE: self.made / "large", SMALL: self.folder}
        amx = "amx_tile" in baseline.instructions()
        dtypes, peers = (self.dtypes[:1], QUICK_PEERS) if self.quick else (self.dtypes, PEERS)
        if find_spec("ctranslate2") is None:
            peers = [peer for peer in peers if peer not in (INT8, FLOAT)]
            self.say("CTranslate2 is left out: it is not installed; pip install 'gen-engine[bench]' adds it.")
        return Run(folders, dtypes, peers, self.rounds, amx, self.say)

    def say(self, line: str) -> None:
        """Tell on standard error what is under way, and how many seconds have passed."""
        click.echo(f"{time.monotonic() - self.begun:5.0f} s  {line}", err=True)


@click.command()
@click.option("--model", default="poem", show_default=True, help="A name of `gen models`, a folder, or `random`.")
@click.option("--rows", multiple=True, type=click.IntRange(1), default=(1, 16, 64), help="Rows a step; repeatable.")
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True, help="Turns each contestant takes.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(BESIDE + OTHERS + ALONE),
    default=BESIDE + OTHERS,
    help="A part; repeatable.",
)
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    default=("auto", "bfloat16"),
    show_default=True,
    help="Ours beside the peers; the goals are those of the first. Repeatable.",
)
@click.option("--quick", is_flag=True, help="The most telling works beside two peers, in 90 seconds.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/bench"),
    show_default=True,
    help="A folder for figures.json and the pictures.",
)
@click.option(
    "--device",
    "where",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="Where the part `device` computes, as for gen.",
)
@click.option("--record", is_flag=True, help="Write the figures to benchmarks/baseline.json.")  # fmt: skip
def main(
    model: str, rows: Sequence[int], rounds: int, only: Sequence[str], dtypes: Sequence[str], quick: bool, out: Path,
    record: bool, where: str,
) -> None:  # fmt: skip
    """Measure the engine beside its peers. Leave the machine alone meanwhile."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        if model == "random":
            from .random_model import write_random_model

            write_random_model(Path(made) / "small")
            model = str(Path(made) / "small")
        chosen = Options(model, rows, rounds, only, list(dict.fromkeys(dtypes)), out, quick, Path(made), begun, where)
        if quick:
            alone = tuple(part for part in only if part in ALONE)
            chosen = replace(chosen, only=alone or ("beside",), rounds=min(rounds, QUICK_ROUNDS))
        chosen.say(f"parts: {', '.join(chosen.only)}")
        figures = list(_measure(chosen))
        found = baseline.record(figures)
        _tell(chosen, figures, found)
    if record:
        _write_json(baseline.BASELINE, baseline.merged(baseline.read_baseline(), found))


def _measure(chosen: Options) -> Iterator[Figure]:
    model, folder, rows, rounds = chosen.model, chosen.folder, chosen.rows, chosen.rounds
    parts = {
        "beside": lambda: _beside(chosen),
        "lengths": lambda: _lengths(chosen),
        "memory": lambda: _memory(chosen),
        "steps": lambda: steps.compare(model, folder, rows, rounds),
        "overhead": lambda: steps.measure_overhead(model, rows, rounds),
        "constraints": lambda: constraints.measure(model, rounds),
        "vocabularies": lambda: vocabularies.measure(rounds),
        "cold": lambda: cold.measure(model, rounds),
        "shapers": lambda: shapers.measure(rounds),
        "drawing": lambda: drawing.measure(rounds),
        "training": lambda: training.measure(folder, rounds),
        "guide": lambda: guide.measure(model, rounds),
        "device": lambda: device.measure(chosen.made, chosen.device, rounds, quick=chosen.quick),
    }
    for part in chosen.only:
        for figure in parts[part]():
            if part not in BESIDE:
                click.echo(".", nl=False, err=True)
            yield figure


def _beside(chosen: Options) -> Iterator[Figure]:
    if chosen.quick:
        return chosen.beside.compare(QUICK, chosen.begun + QUICK_SECONDS)
    return chosen.beside.compare(WORKS)


def _lengths(chosen: Options) -> Iterator[Figure]:
    return chosen.beside.measure_lengths()


def _memory(chosen: Options) -> Iterator[Figure]:
    return chosen.beside.measure_memory()


def _tell(chosen: Options, figures: Sequence[Figure], found: dict[str, object]) -> None:
    """Tables on standard output, JSON and pictures in the folder."""
    recorded = baseline.read_baseline()
    console = Console(width=80)
    click.echo("", err=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    written = [chosen.out / "figures.json"]
    if set(chosen.only) & set(BESIDE):
        run = chosen.beside
        written += _tell_beside(chosen, console)
        found = {**found, "dtypes": run.dtypes, "rates": run.rates, "lengths": run.series, "left_out": run.left_out}
    console.print(_figures_table(figures, recorded))
    _write_json(written[0], found)
    _tell_fallen(figures, recorded, found)
    click.echo(f"Written: {', '.join(map(str, written))}")


def _tell_beside(chosen: Options, console: Console) -> list[Path]:
    run = chosen.beside
    written = []
    if run.outcomes:
        console.print(times_table(run))
        rate, way = run.rates["memory"]
        console.print(
            f"Floor: int8 weights read once; memory is read at {rate / 1e9:.1f} GB/s ({way}).\n", highlight=False
        )
        written.append(chosen.out / "ratios.svg")
        draw_ratios(run.outcomes, run.ours[0], written[-1])
    if run.series:
        written.append(chosen.out / "lengths.svg")
        draw_lengths(run, run.positions, written[-1])
    if not run.amx:
        click.echo("No AMX here: goals beside peers are a third less at 16 rows and half at 64.")
    return written


def _tell_fallen(figures: Sequence[Figure], recorded: dict[str, object], found: dict[str, object]) -> None:
    """Which recorded ratios fell, and what was otherwise when they were recorded."""
    fallen = baseline.fallen(figures, recorded)
    for figure, before in fallen:
        click.echo(f"Fell by more than {baseline.FALLEN:.0%}: {figure.name}: {figure.ratio:.3g}, recorded {before:.3g}")
    if not fallen:
        click.echo(f"No recorded ratio fell by more than {baseline.FALLEN:.0%}.")
    others = baseline.differs(recorded, found["machine"])
    if others:
        click.echo(f"Other than when recorded: {', '.join(others)}.")


def _write_json(path: Path, found: object) -> None:
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _figures_table(figures: Sequence[Figure], recorded: dict[str, object]) -> Table:
    known = {figure["name"]: figure["ratio"] or figure["ours"] for figure in recorded["figures"]}
    titles = [Column(title, justify="right", no_wrap=True) for title in ("ours", "peer", "faster", "was")]
    table = Table(
        Column("what"), *titles, Column("goal", no_wrap=True), Column("", no_wrap=True), box=None, padding=(0, 1, 0, 0)
    )
    for figure in figures:
        if figure.paired is not None and not figure.goal:
            continue  # it stands in the table of times
        table.add_row(
            figure.name,
            f"{number(figure.ours)} {figure.unit}",
            "" if figure.peer is None else f"{number(figure.peer)} {figure.unit}",
            "" if figure.ratio is None else number(figure.ratio),
            f"{known[figure.name]:.3g}" if figure.name in known else "",
            figure.goal,
            ("met" if figure.is_met else "missed") if figure.goal else "",
        )
    return table


if __name__ == "__main__":
    main()
