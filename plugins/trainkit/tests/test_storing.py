import errno
import os

import pytest
import torch
from safetensors import SafetensorError

from gen_engine.errors import GenError
from gen_trainkit.checkpoints import Checkpoint, newest_checkpoint, read_checkpoint, write_checkpoint
from gen_trainkit.storing import stored, whole_file, whole_folder

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [FULL, OSError(errno.EFBIG, ""), SafetensorError("I/O error (os error 28)")], ids=str)
def test_a_full_disk_is_one_sentence_with_the_remedy(tmp_path, error):
    with (
        pytest.raises(GenError, match="no room to write .*; the last checkpoint is whole. Make room"),
        stored(tmp_path),
    ):
        raise error


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied"), SafetensorError("odd")], ids=str)
def test_a_place_that_cannot_be_written_is_named(tmp_path, error):
    with (
        pytest.raises(GenError, match="cannot be written .*. Make it writable, or give another"),
        stored(tmp_path / "model"),
    ):
        raise error


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(GenError), whole_file(path) as aside:
        aside.write_text("ne")
        raise FULL
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file", "old")]


def test_a_folder_is_whole_or_as_it_was(tmp_path):
    for content, error in (("old", None), ("new", FULL)):
        try:
            with whole_folder(tmp_path / "folder") as aside:
                (aside / "file").write_text(content)
                if error:
                    raise error
        except GenError:
            assert error
    assert [(path.name, (path / "file").read_text()) for path in tmp_path.iterdir()] == [("folder", "old")]


def test_a_checkpoint_that_found_no_room_leaves_the_older_one(tmp_path, monkeypatch):
    older = write_checkpoint(tmp_path, Checkpoint({"a": torch.ones(1)}, {"step": 1}))
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(FULL))
    with pytest.raises(GenError, match="Make room"):
        write_checkpoint(tmp_path, Checkpoint({"a": torch.zeros(1)}, {"step": 2}))
    assert newest_checkpoint(tmp_path) == older
    assert [path.name for path in tmp_path.iterdir()] == [older.name]
    assert read_checkpoint(older).values == {"step": 1}
