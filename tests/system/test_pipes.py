"""Pipes are read from whoever has opened them, however late the first byte comes, and from nobody else."""

import os
import threading
import time

import pytest

from gen_engine.cli.options import read_text
from gen_engine.errors import GenError
from gen_engine.hooks.packages import install
from gen_engine.system import bounds
from gen_engine.system.bounds import open_file


@pytest.fixture
def pipe(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "WRITER", 0.1)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def later(path, *parts):
    """Opens a pipe at once, and writes each part after twice the time for which nobody is waited for."""

    def write():
        with path.open("wb", buffering=0) as file:
            for part in parts:
                time.sleep(0.2)
                file.write(part)

    threading.Thread(target=write, daemon=True).start()


@pytest.mark.parametrize(
    "parts", [["春眠不觉晓".encode()], [b"a", b"b\n", b"c"], ["春".encode()[:1], "春".encode()[1:]], []]
)
def test_what_comes_late_is_read_to_the_last_byte(pipe, parts):
    later(pipe, *parts)
    assert read_text(str(pipe)).encode() == b"".join(parts)


def test_a_pipe_that_nobody_opens_is_left_as_it_was(pipe):
    before, open_ones = set(threading.enumerate()), len(os.listdir("/dev/fd"))
    with pytest.raises(GenError, match="pipe is a pipe that nobody writes to"):
        open_file(pipe)
    assert set(threading.enumerate()) <= before
    assert len(os.listdir("/dev/fd")) <= open_ones
    later(pipe, b"x")
    assert read_text(str(pipe)) == "x"


def test_one_that_a_shell_has_closed_again_is_empty():
    reader, writer = os.pipe()
    os.close(writer)
    assert read_text(f"/dev/fd/{reader}") == ""
    os.close(reader)


def test_a_pipe_is_no_pyproject(tmp_path):
    os.mkfifo(tmp_path / "pyproject.toml")
    with pytest.raises(GenError, match="pipe or a device, no file"):
        install(str(tmp_path))
