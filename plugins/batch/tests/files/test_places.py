"""Files are named by path or URL; one file under two names is one file."""

import fcntl
import os

import fsspec
import pytest
from told_runs import answer, write_requests
from told_work import job

from gen_batch.files.beside import beside, locked
from gen_batch.files.places import are_same, place_of, reading
from gen_batch.starting import answer as answered
from gen_engine.errors import GenError

SOME = [{"id": f"a{n}", "prompt": "白"} for n in range(7)]


def test_links_and_urls_of_a_file_are_the_file(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    os.link(tmp_path / "a", tmp_path / "c")
    names = [tmp_path / "a", tmp_path / "b", tmp_path / "c", f"file://{tmp_path}/a"]
    assert all(are_same(place_of(str(names[0])), place_of(str(each))) for each in names)
    assert not are_same(place_of(str(tmp_path / "a")), place_of("memory://a"))
    assert not are_same(place_of("-"), place_of("-"))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_url_is_read_and_written(tmp_path, ending):
    here = write_requests(tmp_path / f"in.{ending}", SOME)
    files = fsspec.filesystem("memory")
    files.pipe(f"/in.{ending}", here.read_bytes())
    answered(job(f"memory://in.{ending}", f"memory://out.{ending}"))
    answer(here, tmp_path / f"out.{ending}")
    assert files.cat(f"/out.{ending}") == (tmp_path / f"out.{ending}").read_bytes()


def test_a_killed_run_from_a_url_goes_on(tmp_path):
    fsspec.filesystem("memory").pipe("/in.jsonl", write_requests(tmp_path / "in.jsonl", SOME).read_bytes())
    out = tmp_path / "out.jsonl"
    answer("memory://in.jsonl", out)
    out.write_bytes(out.read_bytes()[:100])
    assert answer("memory://in.jsonl", out).lines == len(SOME)
    assert out.read_bytes().count(b"\n") == len(SOME)


@pytest.mark.parametrize("name", ["nothing://x.jsonl", "memory://missing.jsonl"])
def test_an_impossible_url_is_told(name):
    with pytest.raises(GenError, match="cannot be read"), reading(place_of(name)):
        pass


def test_a_lock_that_was_just_deleted_is_none(tmp_path, monkeypatch):
    files, lock, deleted = beside(tmp_path / "out.jsonl", is_table=False), fcntl.flock, []

    def late(number, how):
        if not deleted:  # whoever held it is done between our opening and our locking
            deleted.append(files.lock.unlink())
        lock(number, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(files):
        assert files.lock.exists()


def test_locks_leave_no_file_open(tmp_path):
    files, before = beside(tmp_path / "out.jsonl", is_table=False), len(os.listdir("/dev/fd"))
    with locked(files), pytest.raises(GenError, match="Another run"), locked(files):
        pass
    assert len(os.listdir("/dev/fd")) == before


def test_a_lock_is_gone_with_whoever_held_it(tmp_path):
    files = beside(tmp_path / "out.jsonl", is_table=False)
    files.lock.touch()  # as a killed run leaves it
    with locked(files), pytest.raises(GenError, match="Another run"), locked(files):
        pass
    assert not files.lock.exists()


def test_closed_standard_input_is_told(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(GenError, match="Standard input is closed; name a file"), reading(place_of("-")):
        pass
