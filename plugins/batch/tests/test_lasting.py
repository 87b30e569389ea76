"""What is written outlasts a power cut: it is forced onto the disk, and before it gets its name."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from told_runs import ENDINGS, answer, write_requests

from gen_batch import manifest
from gen_batch.files import journal
from gen_batch.files.beside import replace_synced
from gen_batch.files.journal import appending, mend
from gen_batch.files.rows import JSON_LINES
from gen_engine.errors import GenError

SOME = [{"id": n, "prompt": "白", **({"fail": "no"} if n == 1 else {})} for n in range(4)]
ROW = b'{"id": 1}\n'


@pytest.fixture
def synced(monkeypatch):
    """What was forced onto the disk, in turn: each file or folder by its inode, and the bytes that it had then."""
    found = []
    monkeypatch.setattr("os.fsync", lambda number: found.append((os.fstat(number).st_ino, os.fstat(number).st_size)))
    return found


def on_disk(path):
    """What must have been forced onto the disk for all of a file to be there."""
    return path.stat().st_ino, path.stat().st_size


def clock(monkeypatch, *times):
    """The journal's clock shows these times, then the last one."""
    rest = iter(times)
    monkeypatch.setattr(journal, "time", SimpleNamespace(monotonic=lambda: next(rest, times[-1])))


def test_records_are_forced_onto_the_disk_by_number(tmp_path, monkeypatch, synced):
    clock(monkeypatch, 0.0)
    monkeypatch.setattr(journal, "GROUP", 2)
    with appending(tmp_path / "out", JSON_LINES) as out:
        for _ in range(5):
            out.put(ROW)
        assert [size for _, size in synced] == [2 * len(ROW), 4 * len(ROW)]
    assert [size for _, size in synced][2:] == [5 * len(ROW)]


def test_records_are_forced_onto_the_disk_by_time(tmp_path, monkeypatch, synced):
    clock(monkeypatch, 0.4, 0.8, 1.2)
    with appending(tmp_path / "out", JSON_LINES) as out:
        out.synced = 0.0
        sizes = [out.put(ROW) or len(synced) for _ in range(3)]
    assert sizes == [0, 0, 1]


def test_a_failing_run_forces_its_records_onto_the_disk(tmp_path, synced):
    with pytest.raises(GenError), appending(tmp_path / "out", JSON_LINES) as out:
        out.put(ROW)
        raise GenError("no cluster")
    assert synced[-1] == on_disk(tmp_path / "out")


def test_a_cut_record_is_forced_off_the_disk(tmp_path, synced):
    (tmp_path / "out").write_bytes(ROW + ROW[:4])
    assert mend(tmp_path / "out", JSON_LINES).records == 1
    assert synced == [on_disk(tmp_path / "out")]


def test_a_file_gets_its_name_on_the_disk(tmp_path, monkeypatch, synced):
    (tmp_path / "aside").write_bytes(ROW)
    wanted, replace = on_disk(tmp_path / "aside"), Path.replace
    monkeypatch.setattr(Path, "replace", lambda *paths: synced.append("named") or replace(*paths))
    replace_synced(tmp_path / "aside", tmp_path / "out")
    assert [synced[0], synced[1], synced[2][0]] == [wanted, "named", tmp_path.stat().st_ino]


@pytest.fixture
def named(monkeypatch, synced):
    """Of each file that got its name, by its ending: whether it was on the disk each time."""
    found, replace = {}, Path.replace

    def replacing(aside, path):
        found.setdefault(path.name.removeprefix("out."), []).append(on_disk(aside) in synced)
        synced.clear()  # the next file may be given the same inode
        return replace(aside, path)

    monkeypatch.setattr(Path, "replace", replacing)
    return found


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_not_on_the_disk_gets_no_name(tmp_path, named, ending):
    source, out = tmp_path / "in.jsonl", tmp_path / f"out.{ending}"
    for asked in (SOME[:2], SOME):
        answer(write_requests(source, asked), out, retries=asked == SOME)
    assert all(map(all, named.values()))
    journals = {"parquet.journal.jsonl"} if ending == "parquet" else set()
    assert {*named} == {ending, f"{ending}.manifest.json", *journals}


def test_a_manifest_that_does_not_fit_is_told(tmp_path, monkeypatch):
    def full(aside, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "replace_synced", full)
    with pytest.raises(GenError, match="make room, and run the same command again"):
        answer(write_requests(tmp_path / "in.jsonl", SOME), tmp_path / "out.jsonl")
