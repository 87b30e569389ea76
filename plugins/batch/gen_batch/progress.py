"""How far a batch is: a bar with rate and time left on a terminal, elsewhere a line now and then; on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gen_engine.system.screen import note
from gen_engine.system.underway import doing, duration

from .running import Told

OFTEN, SELDOM = 0.2, 30.0
"""Seconds between two looks of the bar, and between two lines of a log."""

Tell = Callable[[Told], None]


@contextmanager
def shown() -> Iterator[Tell]:
    """What takes the news of a batch inside."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with doing(""), _bar() as show:  # the bar stands where the line of `underway` would
            yield _paced(show, OFTEN)
    else:
        yield _paced(_logged, SELDOM)


def _paced(show: Callable[[Told, str], None], seconds: float) -> Tell:
    """Shows the news every so many seconds, with the rate and the time left in words."""
    began = last = time.monotonic()
    first: list[Told] = []

    def tell(told: Told) -> None:
        nonlocal last
        now = time.monotonic()
        if not first:
            first.append(told)
        if now - last >= seconds:
            last = now
            show(told, words_of(first[0], told, now - began))

    return tell


def words_of(first: Told, told: Told, seconds: float) -> str:
    """Lines, errors, rate and time left in words, after so many seconds."""
    rate = (told.lines - first.lines) / seconds if seconds else 0.0
    errors = f", {told.errors:,} of them errors" if told.errors else ""
    shown = f"{told.lines:,} lines{errors}, {rate:,.1f} a second"
    done = (told.share or 0.0) - (first.share or 0.0)
    if told.share is None or done <= 0:
        return shown
    return f"{shown}, about {duration(seconds / done * (1 - told.share))} left"


def _logged(told: Told, words: str) -> None:
    share = "" if told.share is None else f"{told.share:.0%}: "
    note(f"{share}{words}.", "batch:")


@contextmanager
def _bar() -> Iterator[Callable[[Told, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(20), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, refresh_per_second=5) as bar:
        task = bar.add_task("", total=None, words="")

        def show(told: Told, words: str) -> None:
            total = None if told.share is None else 1.0
            bar.update(task, total=total, completed=told.share, words=words)

        yield show
