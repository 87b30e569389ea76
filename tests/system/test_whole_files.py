"""Small files: whole or as they were, and edited by one process at a time."""

import os
import subprocess
import sys
import threading

import pytest

from gen_engine.errors import GenError
from gen_engine.system.whole_files import edited_alone, write_whole

COUNT = """
import sys
from pathlib import Path
from gen_engine.system.whole_files import edited_alone, write_whole
path = Path(sys.argv[1])
for _ in range(100):
    with edited_alone(path, "wait"):
        write_whole(path, str(int(path.read_text()) + 1), "wait")
"""


def test_no_edit_of_several_processes_is_lost(tmp_path):
    (tmp_path / "count").write_text("0")
    counting = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path / "count")]) for _ in range(3)]
    assert [each.wait() for each in counting] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "300"
    assert os.listdir(tmp_path) == ["count"]


def edit(path, done):
    with edited_alone(path, "wait"):
        done.append(path)


def test_an_editor_waits_for_another(tmp_path):
    done = []
    other = threading.Thread(target=edit, args=(tmp_path / "list", done))
    with edited_alone(tmp_path / "list", "wait"):
        other.start()
        other.join(0.1)
        assert not done
    other.join()
    assert done


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new\r\n", "wait")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new\r\n"


def test_what_cannot_be_written_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GenError, match=r"list cannot be written \(.*\); make room\."):
        write_whole(tmp_path / "file" / "list", "", "make room")
    with (
        pytest.raises(GenError, match=r"list cannot be written \(.*\); make room\."),
        edited_alone(tmp_path / "file" / "list", "make room"),
    ):
        pass
    assert os.listdir(tmp_path) == ["file"]
