"""How far the run is: a bar with rate and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Watch(Protocol):
    """Is told of every step: `step` of the total is done, `tokens` more tokens read, `note` says the newest figures."""

    def __call__(self, step: int, tokens: int, note: str) -> None: ...


@contextmanager
def watch_run(total: int, start: int) -> Iterator[Watch]:
    """A watch for a run of `total` steps of which `start` are done, fitting standard error."""
    if not sys.stderr.isatty():
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

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), "<", TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, completed=start)
        read, began = 0, time.monotonic()

        def watch(step: int, tokens: int, note: str) -> None:
            nonlocal read
            read += tokens
            rate = read / (time.monotonic() - began)
            bar.update(task, completed=step, description=f"{rate:,.0f} tokens/s  {note}")

        yield watch


@contextmanager
def _line_watch(total: int, start: int, every: float = 30.0) -> Iterator[Watch]:
    """A line every 30 seconds, and one in the end with the newest figures."""
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
