"""A GGUF file becomes a plain folder, which is kept in the cache as long as the file stays as it is."""

import os
import shutil

import pytest
import torch
from gguf_model import CHAT, write_gguf
from transformers import AutoModelForCausalLM, AutoTokenizer

from gen_engine.errors import GenError
from gen_engine.models import gguf_files
from gen_engine.models.gguf_files import convert_gguf, gguf_in, kept_folder

pytest.importorskip("gguf", reason="the package gguf is not installed")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A GGUF file, and the model that it holds."""
    file = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return file, write_gguf(file)


@pytest.fixture
def file(written, tmp_path, monkeypatch):
    """That file alone in a folder, with an empty cache."""
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "folder").mkdir()
    return shutil.copy2(written[0], tmp_path / "folder" / "tiny.gguf")


@pytest.fixture
def unread(monkeypatch):
    """What is unpacked from now on."""
    read, files = gguf_files._read, []
    monkeypatch.setattr(gguf_files, "_read", lambda file: files.append(file) or read(file))
    return files


def test_a_file_becomes_a_folder_with_the_same_model(written, tmp_path):
    convert_gguf(written[0], tmp_path / "out")
    made = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    tokens = torch.tensor([[5, 6, 7, 8]])
    torch.testing.assert_close(made(tokens).logits, written[1](tokens).logits, atol=1e-3, rtol=0)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert (tokenizer.decode(tokenizer("the 白日").input_ids), tokenizer.chat_template) == ("the 白日", CHAT)
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".jinja", *[".json"] * 4, ".safetensors"]


def test_a_file_is_unpacked_once_and_silently(file, unread, capfd):
    folder = kept_folder(file)
    assert capfd.readouterr() == ("", "")
    assert kept_folder(file) == folder
    assert unread == [file]


@pytest.mark.parametrize(
    "change", [lambda file: os.utime(file, (1, 1)), lambda file: file.write_bytes(file.read_bytes() + bytes(9))]
)
def test_a_changed_file_is_unpacked_again(file, unread, change):
    first = kept_folder(file)
    change(file)
    assert kept_folder(file) != first
    assert len(unread) == 2


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "sizes.json"])
def test_a_damaged_folder_is_made_again(file, unread, name):
    part = kept_folder(file) / name
    size = part.stat().st_size
    part.write_bytes(b"x")
    assert kept_folder(file) == part.parent
    assert part.stat().st_size == size
    assert len(unread) == 2


def test_what_cannot_be_kept_lasts_as_long_as_the_process(file, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file, where a folder should be")
    folder = kept_folder(file)
    assert (folder / "model.safetensors").is_file()
    assert not folder.is_relative_to(tmp_path / "cache")


def test_without_any_room_one_sentence_says_so(file, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("")
    monkeypatch.setattr(gguf_files.tempfile, "mkdtemp", lambda **_: (tmp_path / "none").iterdir().__next__())
    with pytest.raises(GenError, match=r"no room to unpack .*; make room, or set GEN_CACHE"):
        kept_folder(file)


def test_few_folders_are_kept(file, tmp_path, monkeypatch):
    monkeypatch.setattr(gguf_files, "MOST", 2)
    for second in range(1, 4):
        os.utime(file, (second, second))
        os.utime(kept_folder(file), (second, second))
    assert len(list((tmp_path / "cache").glob("gguf-*"))) == 2
    os.utime(file, (1, 1))
    assert kept_folder(file).is_dir()


def test_a_folder_with_one_file_is_that_file(file):
    assert gguf_in(file.parent) == gguf_in(file) == file
    (file.parent / "model.safetensors").touch()
    assert gguf_in(file.parent) is None


def test_one_of_several_files_is_to_be_named(file):
    shutil.copy(file, file.parent / "other.gguf")
    with pytest.raises(GenError, match=r"holds 2 GGUF files \(other.gguf, tiny.gguf\); name one"):
        gguf_in(file.parent)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"PK", "is no GGUF file"), (b"GGUF", "cannot be read"), (b"GGUF\3" + bytes(99), "cannot be read")],
)
def test_a_damaged_file_is_told(tmp_path, data, reason):
    (tmp_path / "a.gguf").write_bytes(data)
    with pytest.raises(GenError, match=reason):
        convert_gguf(tmp_path / "a.gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_cut_short_is_told(file, tmp_path):
    file.write_bytes(file.read_bytes()[:-3000])
    with pytest.raises(GenError, match="cannot be read"):
        convert_gguf(file, tmp_path / "out")


def test_a_package_that_is_missing_is_named_with_the_command(file, tmp_path, monkeypatch):
    monkeypatch.setattr(gguf_files, "NEEDED", ("gguf", "nosuchpackage"))
    with pytest.raises(GenError, match=r"takes nosuchpackage; install it: pip install 'gen-engine\[gguf\]'"):
        convert_gguf(file, tmp_path / "out")
