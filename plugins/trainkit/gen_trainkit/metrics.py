"""The run's figures, one JSON object per line and, where wanted, for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gen_engine.errors import GenError
from gen_trainkit.storing import stored, whole_file


def append_metrics(path: Path, row: dict[str, Any]) -> None:
    """Add one line to the file of figures; raises GenError if the disk is full."""
    with stored(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All complete lines of the file of figures. A line cut off by a kill is left out; no file means no lines."""
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
    with whole_file(path) as aside:
        aside.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def open_events(folder: Path, step: int) -> Callable[[dict[str, Any]], None]:
    """A function that writes rows of figures for TensorBoard into `folder`; those of steps after `step` are purged."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise GenError(
            "TensorBoard is not installed. Run `pip install 'gen-engine-trainkit[tensorboard]'`,"
            " or leave --tensorboard out."
        ) from error
    with stored(folder):
        writer = SummaryWriter(str(folder), purge_step=step + 1)

    def write(row: dict[str, Any]) -> None:
        with stored(folder):
            for name, value in row.items():
                if name not in ("step", "time", "device"):
                    writer.add_scalar(name, value, row["step"], walltime=row.get("time"))
            writer.flush()

    return write
