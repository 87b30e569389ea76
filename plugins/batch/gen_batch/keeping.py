"""Batches between files that can be read and written again: killed at any moment, they go on where they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from gen_engine.errors import GenError
from gen_engine.system.screen import note
from gen_engine.system.underway import doing

from . import manifest
from .files.beside import Beside, beside, locked, replace_synced
from .files.entries import Entry
from .files.journal import Journal, Tally, appending, kept_rows, mend
from .files.kinds import check_pyarrow
from .files.reading import Blocks, Covered, covered
from .files.rows import COLUMNS, CSV_ROWS, JSON_LINES, Rows, cells
from .jobs import Done, Job, skip
from .manifest import Manifest
from .messages import Line, Work, is_answer
from .progress import Tell
from .running import Counts, Feed, Window, run


@dataclass
class Guarded:
    """A journal whose lines are covered by the manifest before they are written."""

    journal: Journal
    manifest: Manifest
    path: Path
    blocks: Blocks
    lines: int

    def put(self, row: bytes) -> None:
        """Append the answer of the next line."""
        if self.lines >= self.manifest.input.count:
            self.manifest = replace(self.manifest, input=self.blocks.covered)
            manifest.write(self.manifest, self.path)
        self.journal.put(row)
        self.lines += 1


@dataclass(frozen=True)
class Start:
    """Where a run begins: what is there, and the manifest of all that is added.

    `is_current` says that the table holds all records of the journal already.
    """

    tally: Tally
    manifest: Manifest
    job: Job
    files: Beside
    rows: Rows
    is_current: bool = False


def answer_kept(job: Job, path: Path, tell: Tell) -> Done:
    """Answer all lines of a job whose files are on this machine, or whose input can be read again.

    Raises GenError if what is there was written otherwise, or by another program.
    """
    files, rows = _files(job, path)
    with locked(files):
        start = _anew(job, files, rows) if job.is_fresh else _begun(job, files, rows)
        with _working(start) as work, _leaving_nothing(start):
            if job.is_fresh:
                _remove(files)
            manifest.write(start.manifest, files.manifest)
            again = _retried(start, work, tell) if start.job.retries and start.tally.errors else Done(0, 0, 0)
            errors = again.errors if again.lines else start.tally.errors
            counts = _continued(start, work, tell)
        lines = start.tally.records + counts.answered
        if job.form == "parquet":
            if counts.answered or again.answered or not start.is_current:
                _write_table(files)
            files.journal.unlink(missing_ok=True)
    if job.retries and not start.tally.errors:
        note(f"{job.out.name} held no errors to retry.")
    return Done(lines, errors + counts.errors, counts.answered + again.answered)


def _files(job: Job, path: Path) -> tuple[Beside, Rows]:
    if job.form == "parquet":
        check_pyarrow(job.out.name)
    if path.is_dir() or not path.resolve().parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise GenError(f"{job.out.name} {what}; choose another output.")
    files = beside(path, is_table=job.form == "parquet")
    if job.source.path is not None and job.source.path.resolve() in files.all:
        raise GenError(f"{job.source.name} is a file that is written beside {job.out.name}; choose another output.")
    return files, CSV_ROWS if job.form == "csv" else JSON_LINES


@contextmanager
def _leaving_nothing(start: Start) -> Iterator[None]:
    """Remove all files if the input is refused before its first answer."""
    try:
        yield
    except GenError:
        if not (start.tally.records or mend(start.files.journal, start.rows).records):
            _remove(start.files)
        raise


def _remove(files: Beside) -> None:
    for path in files.all:
        path.unlink(missing_ok=True)


def _anew(job: Job, files: Beside, rows: Rows) -> Start:
    """A beginning without what is there, which stays until it is known that the requests can be read and answered."""
    job = replace(job, plan=job.seeded())
    with job.requests():
        return Start(Tally(), manifest.manifest_of(job.plan, job.shape, is_here=job.is_here), job, files, rows)


def _begun(job: Job, files: Beside, rows: Rows) -> Start:
    """What is there, mended and compared with what is asked for."""
    is_ours = files.manifest.exists()
    if not is_ours and any(each.exists() and each.stat().st_size for each in (files.out, files.journal)):
        raise GenError(
            f"{job.out.name} is there already, and no manifest beside it says how it came to be; name another output, "
            "or give --fresh to replace it."
        )
    # A journal that is there already may hold more than the table: a run was killed before it made that anew.
    is_current = job.form == "parquet" and is_ours and files.out.exists() and not files.journal.exists()
    if is_current:
        _restore(files)
    tally = mend(files.journal, rows)
    then = manifest.read(files.manifest) if tally.records else None
    job = replace(job, plan=job.seeded(then.options.get("seed") if then else None))
    now = manifest.manifest_of(job.plan, job.shape, is_here=job.is_here)
    if then is not None:
        manifest.refuse_changes(then, now)
        now = manifest.continued(then, now)
        _check_input(job, then.input, files.journal, rows)
    if job.retries and not tally.errors:
        files.retrying.unlink(missing_ok=True)
    return Start(tally, now, job, files, rows, is_current)


def _check_input(job: Job, then: Covered, journal: Path, rows: Rows) -> None:
    """Raise GenError unless the input still begins with the requests that the manifest covers, and each record of the
    journal answers the request of its place: a file that was edited may have lost a line.
    """
    strays: list[int] = []
    with (
        job.requests() as source,
        kept_rows(journal, rows) as kept,
        doing(f"reading {job.source.name} again", then.count) as activity,
    ):

        def check(entry: Entry) -> None:
            row, index = next(kept, None), activity.done
            activity.done += 1
            if row is not None and not strays:
                asked, _ = source.understand(entry)
                strays.extend([activity.done] * (not is_answer(rows.decode(row), Line(index, asked, "", entry.line))))

        manifest.refuse_changed_input(then, covered(source, then.count, check), job.source.name)
    if strays:
        raise GenError(
            f"Record {strays[0]:,} of {journal} answers another request than that of its place: lines of it were "
            "moved, added or deleted; restore it, or give --fresh to begin anew."
        )


@contextmanager
def _working(start: Start) -> Iterator[Work]:
    """What answers lines; and a word on how to go on if it is stopped."""
    work = start.job.work(start.job.plan)
    try:
        yield work
    except KeyboardInterrupt as problem:
        problem.add_note(f"{start.job.out.name} keeps what was answered; the same command goes on from there")
        raise
    finally:
        work.close()


@contextmanager
def _feeding(start: Start, begin: int, limit: int | None = None) -> Iterator[tuple[Blocks, Callable[..., Feed]]]:
    """The lines from place `begin` to `limit`."""
    with start.job.requests() as source:
        blocks = Blocks(source)
        entries = iter(blocks)
        skip(entries, begin, start.job.source.name)
        rest = islice(entries, None if limit is None else limit - begin)

        def feed(kept: Iterator[bytes]) -> Feed:
            return Feed(rest, source.understand, Window(begin, start.job.window), begin, start.rows, kept)

        yield blocks, feed


def _continued(start: Start, work: Work, tell: Tell) -> Counts:
    """Answer the lines that have no answer yet."""
    begin, files = start.tally.records, start.files
    with _feeding(start, begin) as (blocks, feed), appending(files.journal, start.rows) as journal:
        guarded = Guarded(journal, start.manifest, files.manifest, blocks, begin)
        return run(work, feed(iter(())), guarded.put, tell)


def _retried(start: Start, work: Work, tell: Tell) -> Done:
    """Answer the lines with errors anew. All others stay as they are, and the old file until the new one is whole.

    A killed retry goes on where it was, too.
    """
    files, rows, limit = start.files, start.rows, start.tally.records
    old = mend(files.retrying, rows)
    if old.records > limit:
        files.retrying.unlink()
        old = Tally()
    with (
        _feeding(start, old.records, limit) as (_, feed),
        kept_rows(files.journal, rows) as kept,
        appending(files.retrying, rows) as journal,
    ):
        rest = islice(kept, old.records, None)
        counts = run(work, feed(rest), journal.put, tell)
    replace_synced(files.retrying, files.journal)
    return Done(limit, old.errors + counts.errors, counts.answered)


def _write_table(files: Beside) -> None:
    """Make the Parquet file of a complete journal."""
    from .files.parquet import write_table

    aside = files.out.with_name(files.out.name + ".tmp")
    with kept_rows(files.journal, JSON_LINES) as kept, doing(f"writing {files.out}"), aside.open("wb") as file:
        write_table((cells(JSON_LINES.decode(row)) for row in kept), COLUMNS, file)
    replace_synced(aside, files.out)


def _restore(files: Beside) -> None:
    """Make the journal of a Parquet file, to append to it."""
    from .files.parquet import texts_in

    aside = files.journal.with_name(files.journal.name + ".tmp")
    with files.out.open("rb") as file, aside.open("wb") as out:
        for text in texts_in(file, COLUMNS[-1], str(files.out)):
            out.write(text.encode() + b"\n")
    replace_synced(aside, files.journal)
