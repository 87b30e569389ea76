"""Runs of batches in a folder of their own: files of requests, and what is left of a killed run."""

import contextlib
import csv
import io
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from told_work import job

from gen_batch import keeping, manifest
from gen_batch.files import reading

ENDINGS = ("jsonl", "csv", "parquet")


def write_requests(path, asked):
    """A file of requests, in the form of its ending."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in asked), encoding="utf-8")
    elif path.suffix == ".csv":
        names = list(dict.fromkeys(name for each in asked for name in each))
        out = io.StringIO()
        table = csv.DictWriter(out, names)
        table.writeheader()
        table.writerows(asked)
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
    else:
        import pyarrow
        from pyarrow import parquet

        names = list(dict.fromkeys(name for each in asked for name in each))
        typed = [{**each, "id": str(each["id"])} if each.get("id") is not None else each for each in asked]
        parquet.write_table(pyarrow.table({name: [each.get(name) for each in typed] for name in names}), path)
    return path


def answer(source, out, **more):
    """Answer a file by a told worker."""
    return keeping.answer_kept(job(source, out, **more), Path(out), lambda _: None)


@dataclass
class Undisturbed:
    """A run to its end: the folder, the bytes of its output, and each manifest that it wrote in turn."""

    folder: Path
    source: Path
    out: Path
    whole: bytes
    manifests: list = field(default_factory=list)

    @property
    def manifest(self):
        """Where its manifest is."""
        return Path(f"{self.out}.manifest.json")

    @property
    def journal(self):
        """Where its lines are while it runs."""
        return Path(f"{self.out}.journal.jsonl") if self.out.suffix == ".parquet" else self.out

    def killed(self, end, checkpoint):
        """Leave what a run leaves that is killed after so many bytes, where this manifest was the last."""
        self.journal.write_bytes(self.journal_bytes[:end])
        self.manifest.write_bytes(self.manifests[checkpoint % len(self.manifests)])
        if self.journal != self.out:
            self.out.unlink()

    journal_bytes: bytes = b""


@contextlib.contextmanager
def undisturbed(asked, ending="jsonl", *, block=3, **more):
    """A run whose input is hashed `block` requests at a time."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        folder = Path(name)
        source, out = write_requests(folder / "in.jsonl", asked), folder / f"out.{ending}"
        written, write, table = [], manifest.write, keeping._write_table
        run = Undisturbed(folder, source, out, b"", written)

        def writing(found, path):
            write(found, path)
            written.append(path.read_bytes())

        def making(files):
            run.journal_bytes = files.journal.read_bytes()
            table(files)

        patched.setattr(reading, "BLOCK", block)
        patched.setattr("os.fsync", lambda number: None)  # nothing here cuts the power
        patched.setattr(manifest, "write", writing)
        patched.setattr(keeping, "_write_table", making)
        answer(source, out, **more)
        run.whole = out.read_bytes()
        run.journal_bytes = run.journal_bytes or run.whole
        yield run
