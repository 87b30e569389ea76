"""The plot of a run: loss, accuracy and the task's own figures over steps, with the examples seen on a second axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.cli.languages import Language, Say, speak
from gen_engine.system.fonts import drawing_with, find_font
from gen_engine.system.underway import doing
from gen_trainkit.metrics import read_metrics
from gen_trainkit.storing import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]
NO_CURVE = {"step", "examples", "time", "rate_factor", "valid_labels_guessed"}
PARTS = ("few_valid_", "valid_", "few_")  # before the name of what was measured: on which texts
WORDS = {"": "training", "valid_": "validation", "few_valid_": "validation, a few batches", "few_": "a few batches"}
UNITS = {"loss": "loss (nats per target)", "accuracy": "accuracy (share of targets)"}
LINES = {"": ("-", "C0"), "valid_": ("o-", "C1"), "few_valid_": ("x--", "C2"), "few_": ("x:", "C3")}
"""The line style and colour of the figures of each part."""


def draw_curve(metrics: Path, picture: Path, *, language: Language = "en") -> str:
    """Draw the file of figures as `picture` (a PNG), and as a PDF beside it; if nothing was measured, draw nothing.

    Every figure that was ever measured has a panel; its training and validation values share one. Returns a remark if
    no font here has Chinese characters: then the words are English, whatever the language.
    """
    rows = read_metrics(metrics)
    panels = sort_figures(rows)
    if not panels:
        return ""
    words = [*WORDS.values(), *(UNITS.get(name, name) for name in panels), "step", "examples seen"]
    family = find_font("".join(map(speak(language), words)))
    say = speak(language if family else "en")
    with doing("drawing the curve"):
        _draw(rows, panels, picture, family, say)
    if not family:
        return f"{picture}: no font here has Chinese characters, so its words are English; install fonts-noto-cjk."
    return ""


def _draw(rows: Sequence[Row], panels: Mapping[str, list[str]], picture: Path, family: str | None, say: Say) -> None:
    import seaborn
    from matplotlib.figure import Figure

    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    with seaborn.axes_style("whitegrid"), seaborn.plotting_context("paper", font_scale=1.1), drawing_with(family):
        figure = Figure(figsize=(5.2 * columns, 3.6 * lines), layout="constrained")
        grid = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axes, (name, keys) in zip(grid, panels.items(), strict=False):
            _draw_panel(axes, rows, name, keys, say)
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


def _draw_panel(axes: Axes, rows: Sequence[Row], name: str, keys: Sequence[str], say: Say) -> None:
    for key in keys:
        points = [(row["step"], row[key]) for row in rows if key in row]
        part = _split(key)[0]
        if not part and len(keys) == 1 and name not in ("loss", "accuracy"):
            part = "valid_"  # a figure of the task's own
        style, colour = LINES[part]
        if len(points) == 1:  # a line through one point is invisible
            style = style if part else "o-"
        axes.plot(
            *zip(*points, strict=True), style, color=colour, label=say(WORDS[part]), linewidth=1.3, markersize=3.5
        )
    axes.set(xlabel=say("step"), ylabel=say(UNITS.get(name, name.replace("_", " "))))
    axes.locator_params(axis="x", integer=True)
    # Below the panel, the legend hides nothing.
    below: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": len(keys), "frameon": False}
    axes.legend(**below, fontsize="small", columnspacing=1.0, handlelength=1.6)
    _draw_examples(axes, [(row["step"], row["examples"]) for row in rows if row.get("examples")], say)


def _draw_examples(axes: Axes, seen: Sequence[tuple[int, int]], say: Say) -> None:
    """A second axis on top, with the number of examples seen at a step."""
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
    top.set_xlabel(say("examples seen"))
    top.grid(visible=False)
