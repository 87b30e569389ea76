"""Packed models: made once, made again when their folder changes, and few."""

import numpy as np
import pytest

from gen_engine.compiled import storing
from gen_engine.compiled.linear import quantise_linear
from gen_engine.compiled.storing import linear_arrays, packed_once


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path / "model"


def packed(folder, made, kind="tiny"):
    layer = quantise_linear(np.arange(60, dtype=np.float32).reshape(20, 3), np.ones(20, np.float32))

    def make():
        made.append(kind)
        return linear_arrays("one", layer) | {"table": np.ones((4, 3), np.float32)}

    return layer, packed_once(folder, kind, make)


def test_a_model_is_packed_once_and_read_as_it_was(folder):
    made = []
    for _ in range(2):
        layer, found = packed(folder, made)
        read = found.linear("one", 20, 3)
        assert all(np.array_equal(getattr(layer, name), getattr(read, name)) for name in layer.arrays)
        assert found.table("table", 3).shape == (4, 3)
    assert made == ["tiny"]


def test_a_changed_folder_is_packed_again(folder):
    made = []
    packed(folder, made)
    (folder / "config.json").write_text("{ }")
    packed(folder, made)
    packed(folder, made, "other")
    assert made == ["tiny", "tiny", "other"]


def test_a_damaged_file_is_packed_again(folder, cache):
    made = []
    packed(folder, made)
    (file,) = cache.iterdir()
    data = bytearray(file.read_bytes())
    data[-40] ^= 1
    file.write_bytes(data)
    packed(folder, made)
    assert made == ["tiny", "tiny"]


def test_the_least_recently_used_are_removed(folder, cache, monkeypatch):
    monkeypatch.setattr(storing, "MOST", 3)
    made = []
    for kind in ("a", "b", "c", "a", "d"):
        packed(folder, made, kind)
    assert len(list(cache.iterdir())) == 3
    packed(folder, made, "a")
    assert made == ["a", "b", "c", "d"]


def test_a_cache_that_cannot_be_written_costs_only_time(folder, monkeypatch):
    monkeypatch.setenv("GEN_CACHE", "/dev/null/nowhere")
    made = []
    packed(folder, made)
    packed(folder, made)
    assert made == ["tiny", "tiny"]


def test_a_link_to_nothing_is_no_file_of_the_folder(folder):
    (folder / "model.safetensors").symlink_to(folder / "gone")
    packed(folder, made := [])
    assert made == ["tiny"]
