"""Arrays kept in the cache folder: whole or made anew, and never in the way."""

import json
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

from gen_engine.testing.large import large_vocabulary
from gen_engine.text.array_files import MAGIC, VERSION, cache_folder, kept
from gen_engine.text.vocabulary import LARGE

ARRAYS = {"a": np.arange(1000, dtype=np.int32), "b": np.array([], dtype=np.uint8), "c": np.arange(9, dtype=np.uint16)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ask(key="key"):
    """The arrays by a key, and how often they were made."""
    made = []
    found = kept("some", key, lambda: made.append(1) or ARRAYS, names=ARRAYS)
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


def small(folder):
    """A small file of arrays, how to read it, and its bytes."""
    arrays = {name: array[:3] for name, array in ARRAYS.items()}
    made = []

    def read():
        made.clear()
        found = kept("small", "key", lambda: made.append(1) or arrays, names=arrays)
        assert all(np.array_equal(found[name], array) for name, array in arrays.items())
        return len(made)

    assert (read(), read()) == (1, 0)
    [path] = folder.iterdir()
    return path, read, path.read_bytes()


def test_a_file_with_any_flipped_byte_is_made_anew(folder):
    path, read, whole = small(folder)
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        assert (read(), path.read_bytes() == whole) == (1, True), place


def test_a_file_cut_or_extended_anywhere_is_made_anew(folder):
    path, read, whole = small(folder)
    for data in [*(whole[:size] for size in range(len(whole))), whole + b"\0", whole + bytes(64), whole * 2]:
        path.write_bytes(data)
        assert (read(), path.read_bytes() == whole) == (1, True), len(data)


def changed(whole, change):
    """A file that says something else of its arrays, with the checksum that belongs to it."""
    start = len(MAGIC) + 12
    end = start + int.from_bytes(whole[start - 8 : start], "little")
    head = json.loads(whole[start:end])
    head["arrays"] = change(head["arrays"])
    told = json.dumps(head).encode()
    rest = len(told).to_bytes(8, "little") + told
    rest += bytes(-(len(MAGIC) + 4 + len(rest)) % 64) + whole[end + -end % 64 :]
    return MAGIC + zlib.crc32(rest).to_bytes(4, "little") + rest


HEADS = [
    ["<i4", 0, 10**30], ["<i4", 10**30, 1], ["<i4", 0.5, 1], ["<i4", 0, -1], ["<i4", -64, 1], ["O", 0, 1], [[], 0, 1],
    ["<i4", 0], None, {}, ["<f8", 0, 1], ["<i4", True, None], ["<i4", 3, 10**6],
]  # fmt: skip


@pytest.mark.parametrize("where", HEADS)
def test_a_file_with_impossible_contents_is_made_anew(folder, where):
    path, read, whole = small(folder)
    path.write_bytes(changed(whole, lambda arrays: arrays))
    assert read() == 0
    path.write_bytes(changed(whole, lambda arrays: {**arrays, "a": where}))
    assert (read(), path.read_bytes() == whole) == (1, True)


@pytest.mark.parametrize("change", [lambda _: {}, lambda _: [1], lambda arrays: {"a": arrays["a"]}])
def test_a_file_that_lacks_arrays_is_made_anew_and_replaced(folder, change):
    path, read, whole = small(folder)
    path.write_bytes(changed(whole, change))
    assert (read(), path.read_bytes() == whole) == (1, True)


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
    (folder / f"some-{VERSION}-key.arrays").write_bytes(data)
    assert [ask(), ask()] == [1, 0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_place_of_a_file_is_replaced(folder):
    folder.mkdir()
    os.mkfifo(folder / f"some-{VERSION}-key.arrays")
    assert [ask(), ask()] == [1, 0]


def test_a_file_of_another_key_is_not_believed(folder):
    ask("other")
    [path] = folder.iterdir()
    path.rename(folder / f"some-{VERSION}-key.arrays")
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
