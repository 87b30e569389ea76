"""What a run says: tables of 80 columns, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from rich.table import Column, Table

from .compare import Outcome, Run
from .works import BF16, FLOAT, FP32, INT8, LOOP

HEADS = {
    FP32: "transf.\nfp32",
    BF16: "transf.\nbf16",
    INT8: "CTrans.\nint8",
    FLOAT: "CTrans.\nfp32",
    LOOP: "tutor.\nloop",
}
SHORT = {"float32": "fp32", "bfloat16": "bf16"}
COLOURS = {FP32: "#4c72b0", BF16: "#8fb0dc", INT8: "#dd8452", FLOAT: "#f0bd9c", LOOP: "#7f7f7f"}


def times_table(run: Run) -> Table:
    """Milliseconds for a new token of every row, medians, at most 80 columns wide."""
    names = [name for name in (*run.ours, *run.peers) if any(name in outcome.times for outcome in run.outcomes)]
    heads = [HEADS[name] if name in HEADS else f"ours\n{_chosen(run, name)}" for name in names]
    columns = [Column(head, justify="right", no_wrap=True) for head in (*heads, "floor\nint8")]
    table = Table(Column("ms a step", no_wrap=True), *columns, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for outcome in run.outcomes:
        cells = [number(outcome.median(name)) if name in outcome.times else "" for name in names]
        floor = number(run.floor_of(outcome.work.model)) if outcome.work.rows == 1 else ""
        table.add_row(outcome.work.name, *cells, floor)
    return table


def number(value: float) -> str:
    """Three digits, at most six columns wide below a million."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _chosen(run: Run, name: str) -> str:
    """The dtype of one of ours; its own name where it chose different ones for different models."""
    dtypes = set(run.dtypes[name].values())
    return SHORT.get(min(dtypes), min(dtypes)) if len(dtypes) == 1 else name


def draw_ratios(outcomes: Sequence[Outcome], ours: str, path: Path) -> None:
    """How many times faster than each peer `ours` is: bars on a logarithmic axis, one group a work."""
    shown = [outcome for outcome in outcomes if ours in outcome.times and len(outcome.times) > 1]
    if not shown:
        return
    groups = [[(peer, each.ratio(ours, peer)) for peer in COLOURS if peer in each.times] for each in shown]
    picture = Picture(figsize=(7.5, 0.6 + 0.28 * sum(len(group) + 1 for group in groups)), layout="constrained")
    axes = picture.subplots()
    centres = []
    top = 0
    for group in groups:
        for place, (peer, ratio) in enumerate(group, top):
            axes.barh(place, ratio - 1, left=1, color=COLOURS[peer], height=0.85)
            axes.text(max(ratio, 1), place, f" {number(ratio)}", va="center", fontsize=8)
        centres.append(top + (len(group) - 1) / 2)
        top += len(group) + 1
    axes.set_yticks(centres, [outcome.work.name for outcome in shown])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times faster than the peer, median of the rounds")
    axes.margins(x=0.12, y=0.01)
    _add_legend(axes, [peer for peer in COLOURS if any(peer in dict(group) for group in groups)])
    picture.savefig(path)


def _add_legend(axes: Axes, peers: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=COLOURS[peer], label=peer) for peer in peers]
    axes.legend(
        handles=handles, fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=3
    )


def draw_lengths(run: Run, positions: int, path: Path) -> None:
    """What a step costs against the length of the text; a line marks where the window of the model is full."""
    picture = Picture(figsize=(7.5, 3.6), layout="constrained")
    axes = picture.subplots()
    for name, points in run.series.items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=2.5, linewidth=1.2, label=name)
    axes.axvline(positions, color="gray", linewidth=0.8, linestyle="--")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"tokens of the text (the window is full at {positions:,})")
    axes.set_ylabel("ms a step, one row")
    axes.legend(frameon=False)
    picture.savefig(path)
