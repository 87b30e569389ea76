"""The picture of a run: loss, accuracy and the task's own figures over steps, with examples seen on a second axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.underway import doing
from gen_trainkit.metrics import read_metrics
from gen_trainkit.storing import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]
NO_CURVE = {"step", "examples", "time", "rate_factor"}
PARTS = ("few_valid_", "valid_", "few_")  # before the name of what was measured: on which texts
WORDS = {"": "training", "valid_": "validation", "few_valid_": "validation, a few batches", "few_": "a few batches"}
UNITS = {"loss": "loss (nats per target)"}


@doing("drawing the curve")
def draw_curve(metrics: Path, picture: Path) -> None:
    """Draw the file of figures as `picture` (a PNG) and beside it as PDF; with nothing measured, draw nothing.

    Every figure that was ever measured has a panel; those on training and validation texts share one.
    """
    rows = read_metrics(metrics)
    panels = sort_figures(rows)
    if not panels:
        return
    import seaborn
    from matplotlib.figure import Figure

    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    with seaborn.axes_style("whitegrid"), seaborn.plotting_context("paper", font_scale=1.1):
        figure = Figure(figsize=(5.2 * columns, 3.6 * lines), layout="constrained")
        grid = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axes, (name, keys) in zip(grid, panels.items(), strict=False):
            _draw_panel(axes, rows, name, keys)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        for path in (picture, picture.with_suffix(".pdf")):
            with whole_file(path) as aside:
                figure.savefig(aside, dpi=130, format=path.suffix[1:])


def sort_figures(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The keys of `rows` that are drawn, by what they measure: `{"loss": ["loss", "valid_loss"], ...}`, loss first."""
    panels: dict[str, list[str]] = {}
    for key in dict.fromkeys(key for row in rows for key in row if key not in NO_CURVE):
        panels.setdefault(_split(key)[1], []).append(key)
    order = sorted(panels, key=lambda name: {"loss": 0, "accuracy": 1}.get(name, 2))
    return {name: panels[name] for name in order}


def _split(key: str) -> tuple[str, str]:
    part = next((part for part in PARTS if key.startswith(part)), "")
    return part, key.removeprefix(part)


def _draw_panel(axes: Axes, rows: Sequence[Row], name: str, keys: Sequence[str]) -> None:
    for key in keys:
        points = [(row["step"], row[key]) for row in rows if key in row]
        part = _split(key)[0]
        own = not part and len(keys) == 1 and name not in ("loss", "accuracy")  # a figure of the task's own
        style = "o-" if part == "valid_" or own or len(points) == 1 else "-"  # one point has no line to be seen by
        label = "validation" if own else WORDS[part]
        axes.plot(*zip(*points, strict=True), style, label=label, linewidth=1.3, markersize=3.5)
    axes.set(xlabel="step", ylabel=UNITS.get(name, name.replace("_", " ")))
    axes.legend()
    _draw_examples(axes, [(row["step"], row["examples"]) for row in rows if row.get("examples")])


def _draw_examples(axes: Axes, seen: Sequence[tuple[int, int]]) -> None:
    """A second axis on top that tells how many examples were seen at a step."""
    if not seen:
        return
    import numpy
    from matplotlib.ticker import EngFormatter, MaxNLocator

    steps, examples = (list(values) for values in zip((0, 0), *seen, strict=True))
    axes.set_xlim(left=0)
    top = axes.twiny()
    ticks = [tick for tick in MaxNLocator(4, integer=True).tick_values(0, examples[-1]) if 0 <= tick <= examples[-1]]
    top.set_xticks(list(numpy.interp(ticks, examples, steps)), [EngFormatter(sep="")(tick) for tick in ticks])
    top.set_xlim(axes.get_xlim())  # last, since ticks may widen an axis
    top.set_xlabel("examples seen")
    top.grid(visible=False)
