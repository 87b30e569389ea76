"""Batches from pipes or into pipes and URLs: in one go, since nothing can be read or written again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gen_engine.cli import output
from gen_engine.errors import GenError
from gen_engine.system.screen import note

from .files.kinds import check_pyarrow
from .files.places import writing
from .files.reading import Blocks
from .files.rows import COLUMNS, CSV_ROWS, JSON_LINES, Rows, cells
from .jobs import Done, Job
from .progress import Tell
from .running import Feed, Window, run

Write = Callable[[bytes], None]


def answer_streamed(job: Job, tell: Tell) -> Done:
    """Answer all lines of a job, and keep nothing to go on with.

    That is said with the first answer: until then the job may be refused, and then nothing else is said or written.
    """
    rows = CSV_ROWS if job.form == "csv" else JSON_LINES
    with (
        _sink(job, rows) as write,
        job.requests() as source,
        output.counting("request was answered", "requests were answered") as count,
    ):
        work = job.work(job.seeded())
        try:
            entries = iter(Blocks(source, waits=not job.source.is_repeatable))

            def put(row: bytes) -> None:
                if not count.number:
                    _mention_no_manifest(job)
                write(row if count.number else rows.head + row)
                count.number += 1

            counts = run(work, Feed(entries, source.understand, Window(0, job.window), 0, rows), put, tell)
            if not count.number:
                write(rows.head)
        finally:
            work.close()
    return Done(counts.answered, counts.errors, counts.answered)


def _mention_no_manifest(job: Job) -> None:
    which = job.source if job.out.is_kept else job.out
    what = "standard input and output" if which.name == "-" else which.name
    note(f"{what} cannot be continued after a stop, so no manifest is kept.")


@contextmanager
def _sink(job: Job, rows: Rows) -> Iterator[Write]:
    """What writes bytes to the output."""
    if job.form == "parquet":
        with _table(job) as write:
            yield write
    elif job.out.url:
        with writing(job.out) as file:
            yield file.write
    else:
        path = job.out.path
        if path is not None and path.is_file() and path.stat().st_size and not job.is_fresh:
            raise GenError(f"{path} is there already; name another output, or give --fresh to replace it.")
        with output.opened(path, lines=True, option="OUT") as text:

            def write(row: bytes) -> None:
                text.write(row.decode())
                text.flush()

            yield write


@contextmanager
def _table(job: Job) -> Iterator[Write]:
    """What writes lines of JSON that become a table at the end."""
    from .files.parquet import write_table

    check_pyarrow(job.out.name)
    if job.out.path is not None:
        raise GenError(f"{job.source.name} can be read only once, and a table is written last; write JSONL instead.")
    with tempfile.TemporaryFile() as kept:
        yield kept.write  # type: ignore[misc]  # the count is of no interest
        kept.seek(0)
        with writing(job.out) as file:
            write_table((cells(JSON_LINES.decode(row)) for row in JSON_LINES.whole(kept)), COLUMNS, file)
