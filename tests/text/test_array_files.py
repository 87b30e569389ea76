"""Arrays kept in the cache folder: whole or made anew, and never in the way."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gen_engine.testing.large import large_vocabulary
from gen_engine.text.array_files import cache_folder, kept
from gen_engine.text.vocabulary import LARGE

ARRAYS = {"a": np.arange(1000, dtype=np.int32), "b": np.array([], dtype=np.uint8), "c": np.arange(9, dtype=np.uint16)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ask(key="key"):
    """The arrays by a key, and how often they were made."""
    made = []
    found = kept("some", key, lambda: made.append(1) or ARRAYS)
    assert all(
        np.array_equal(found[name], array) and found[name].dtype == array.dtype for name, array in ARRAYS.items()
    )
    return len(made)


def test_arrays_are_made_once_for_each_key(folder):
    assert [ask(), ask(), ask("other"), ask()] == [1, 0, 1, 0]
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("place", [0, 20, 30, 200, 2000, -1])
def test_a_damaged_file_is_made_anew(folder, place):
    ask()
    [path] = folder.iterdir()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert [ask(), ask()] == [1, 0]


@pytest.mark.parametrize("size", [0, 5, 26, 100, 1000, -1])
def test_a_truncated_file_is_made_anew(folder, size):
    ask()
    [path] = folder.iterdir()
    path.write_bytes(path.read_bytes()[:size])
    assert [ask(), ask()] == [1, 0]


@pytest.mark.parametrize(
    "data", [b"", b"gen-engine arrays\n", b"gen-engine arrays\n" + (2).to_bytes(8, "little") + b"[]", b"x" * 5000]
)
def test_a_foreign_file_is_replaced(folder, data):
    folder.mkdir()
    (folder / "some-1-key.arrays").write_bytes(data)
    assert [ask(), ask()] == [1, 0]


def test_a_file_of_another_key_is_not_believed(folder):
    ask("other")
    [path] = folder.iterdir()
    path.rename(folder / "some-1-key.arrays")
    assert [ask(), ask()] == [1, 0]


@pytest.mark.parametrize("name", ["file", "file/within", "\0"])
def test_where_nothing_can_be_written_all_goes_on(tmp_path, monkeypatch, name):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("gen_engine.text.array_files.cache_folder", lambda: tmp_path / name)
    assert [ask(), ask()] == [1, 1]


def test_the_cache_folder_is_the_users_unless_it_is_named(monkeypatch):
    monkeypatch.delenv("GEN_CACHE", raising=False)
    assert cache_folder().name == "gen-engine"
    monkeypatch.setenv("GEN_CACHE", "elsewhere")
    assert str(cache_folder()) == "elsewhere"


def test_two_processes_at_once_leave_one_whole_file(folder):
    code = (
        "from gen_engine.testing.large import large_vocabulary as made\n"
        f"for _ in range(3): print(made({LARGE}).arrays.nodes.sum())"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ) for _ in range(2)]
    told = {line for each in both for line in each.communicate()[0].split()}
    assert told == {str(large_vocabulary(LARGE).arrays.nodes.sum()).encode()}
    assert [path.suffix for path in folder.iterdir()] == [".arrays"]


def test_only_what_large_vocabularies_print_is_kept(folder):
    arrays = [large_vocabulary(size).arrays for size in (LARGE - 1, LARGE, LARGE)]
    assert len(list(folder.iterdir())) == 1
    assert all(np.array_equal(array, getattr(arrays[1], name)) for name, array in arrays[2].as_mapping().items())
