"""The hash of a model is that of its files, and is worked out once for each state of them."""

import os
from hashlib import sha256

import pytest

from gen_engine.models import hashes
from gen_engine.models.hashes import weights_hash


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "config.json").write_bytes(b"{}")
    (made / "README.md").write_bytes(b"words")
    return made


def test_names_and_bytes_of_what_a_model_is_are_hashed(folder):
    wanted = sha256(b"config.json" + b"{}" + b"model.safetensors" + b"weights").hexdigest()[:16]
    assert weights_hash(folder) == wanted
    assert weights_hash() == ""


@pytest.mark.parametrize("name, is_other", [("model.safetensors", True), ("config.json", True), ("README.md", False)])
def test_another_weight_or_setting_is_another_hash(folder, name, is_other):
    before = weights_hash(folder)
    (folder / name).write_bytes(b"other")
    assert (weights_hash(folder) != before) is is_other


def test_weights_are_read_once_until_they_change(folder, monkeypatch):
    before = weights_hash(folder)
    monkeypatch.setattr(hashes, "_digest", lambda folders: pytest.fail("read again"))
    assert weights_hash(folder) == before
    os.utime(folder / "config.json", ns=(1, 1))
    with pytest.raises(pytest.fail.Exception):
        weights_hash(folder)


def test_an_adapter_is_hashed_with_its_base(folder, tmp_path):
    other = tmp_path / "base"
    other.mkdir()
    (other / "config.json").write_bytes(b"1")
    assert weights_hash(folder, other) not in (weights_hash(folder), weights_hash(other))
