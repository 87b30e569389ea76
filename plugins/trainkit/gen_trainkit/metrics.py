"""The run's figures, one JSON object a line, and their picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def append_metrics(path: Path, row: dict[str, Any]) -> None:
    """Add one line to the file of figures."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All whole lines of the file of figures; a line torn by a kill is left out; no file means no lines."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def rewind_metrics(path: Path, step: int) -> None:
    """Drop the figures of steps after `step`, which a resumed run will measure again."""
    rows = [row for row in read_metrics(path) if row["step"] <= step]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def draw_curve(metrics: Path, picture: Path) -> None:
    """Draw training and validation loss over steps; with nothing measured, draw nothing."""
    rows = read_metrics(metrics)
    if not rows:
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for key, style in (("loss", "-"), ("valid_loss", "o-")):
        points = [(row["step"], row[key]) for row in rows if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=key, linewidth=1, markersize=3)
    axes.set(xlabel="step", ylabel="nats per token")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=120, bbox_inches="tight")
    pyplot.close(figure)
