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
        yield _line_watch(total, start)
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


def _line_watch(total: int, start: int, every: float = 30.0) -> Watch:
    read, began, told = 0, time.monotonic(), time.monotonic()

    def watch(step: int, tokens: int, note: str) -> None:
        nonlocal read, told
        read += tokens
        now = time.monotonic()
        if now - told < every and step != total:
            return
        told = now
        left = (now - began) / max(1, step - start) * (total - step)
        rate = read / (now - began)
        print(
            f"step {step}/{total}  {rate:,.0f} tokens/s  {left / 60:.1f} min left  {note}", file=sys.stderr, flush=True
        )

    return watch
