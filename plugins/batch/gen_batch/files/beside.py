"""The files beside an output: its manifest, its lock, and what is not finished yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gen_engine.errors import GenError
from gen_engine.system.whole_files import held


@dataclass(frozen=True)
class Beside:
    """An output and the files beside it. Lines are appended to `journal`, which is `out` itself unless `out` is
    Parquet. `retrying` is the journal of `--retry-errors`.
    """

    out: Path
    manifest: Path
    journal: Path
    retrying: Path
    lock: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """The files, without the lock."""
        return tuple(dict.fromkeys((self.journal, self.retrying, self.out, self.manifest)))


def beside(out: Path, *, is_table: bool) -> Beside:
    """The files of an output, which `is_table` if it cannot be appended to."""
    real = Path(os.path.realpath(out))

    def named(ending: str) -> Path:
        return real.with_name(real.name + ending)

    journal = named(".journal.jsonl") if is_table else real
    return Beside(real, named(".manifest.json"), journal, named(".retrying"), named(".lock"))


@contextmanager
def locked(files: Beside) -> Iterator[None]:
    """Inside, no other run writes the same output. Raises GenError if one does. A killed run leaves no lock."""
    try:
        number = held(files.lock, waits=False)
    except BlockingIOError:
        raise GenError(f"Another run is writing {files.out}; wait for it, or name another output.") from None
    except OSError as problem:
        raise GenError(f"{files.out} cannot be written ({problem.strerror}); choose another output.") from problem
    try:
        yield
    finally:
        with suppress(OSError):  # a Windows does not delete what is open
            files.lock.unlink(missing_ok=True)
        os.close(number)


def replace_synced(aside: Path, path: Path) -> None:
    """Give a complete file its name, in one step that outlasts a power cut."""
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)
    with suppress(OSError):  # not every system lets folders be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
