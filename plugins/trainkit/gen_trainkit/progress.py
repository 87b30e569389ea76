"""The progress of a run: a bar with rate and time left on a terminal, and a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from gen_engine.system.screen import cells, cut, width_of

WIDE, LONGEST, SHORTEST = 130, 40, 8
"""From WIDE columns on, a bar has its longest length; on narrower terminals it has at least its shortest."""

STYLES = {"bar.complete": "green", "bar.finished": "green", "bar.back": "dim"} | dict.fromkeys(
    ("progress.download", "progress.elapsed", "progress.remaining"), "none"
)
"""rich's own yellow and cyan cannot be read on a light background."""


class Watch(Protocol):
    """Called after every step: `step` of the total is done, `tokens` more tokens were read, `note` gives the newest
    figures."""

    def __call__(self, step: int, tokens: int, note: str) -> None: ...


@contextmanager
def watch_run(total: int, start: int) -> Iterator[Watch]:
    """A watch for a run of `total` steps of which `start` are done; it suits the kind of standard error."""
    width = width_of(sys.stderr)
    if width is None or os.environ.get("TERM") == "dumb":
        with _line_watch(total, start) as lines:
            yield lines
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column
    from rich.theme import Theme

    whole = Column(no_wrap=True)  # of all columns the bar alone gives way
    fixed = [kind(table_column=whole) for kind in (MofNCompleteColumn, TimeElapsedColumn, TimeRemainingColumn)]
    line = BarColumn(bar_width=None if width < WIDE else LONGEST)
    said = TextColumn("{task.description}", markup=False)
    console = Console(stderr=True, theme=Theme(STYLES))
    with Progress(line, *fixed[:2], "<", fixed[2], said, console=console) as bar:
        task = bar.add_task("", total=total, completed=start)
        read, began = 0, time.monotonic()

        def watch(step: int, tokens: int, note: str) -> None:
            nonlocal read
            read += tokens
            passed = time.monotonic() - began
            others = f"{total}/{total} {timedelta(seconds=int(passed))} < 000:00:00  "
            brief = _brief(f"{read / passed:,.0f} tokens/s", note, console.width - SHORTEST - len(others))
            bar.update(task, completed=step, description=brief)

        yield watch


def _brief(rate: str, note: str, room: int) -> str:
    """What fits into the room: rate and note, the note alone, or its beginning."""
    both = f"{rate}  {note}"
    return both if cells(both) <= room else cut(note, max(1, room))


@contextmanager
def _line_watch(total: int, start: int, every: float = 30.0) -> Iterator[Watch]:
    """A line every 30 seconds, and one at the end with the newest figures."""
    read, began, told = 0, time.monotonic(), time.monotonic()
    line = ""

    def watch(step: int, tokens: int, note: str) -> None:
        nonlocal read, told, line
        read += tokens
        now = time.monotonic()
        left = (now - began) / max(1, step - start) * (total - step)
        line = f"step {step}/{total}  {read / (now - began):,.0f} tokens/s  {left / 60:.1f} min left  {note}"
        if now - told >= every:
            told = now
            print(line, file=sys.stderr, flush=True)

    yield watch
    if line:
        print(line, file=sys.stderr, flush=True)
