"""What is too much to be read, or never ends, is refused in a sentence before it is in memory."""

import os
import socket
import subprocess
import sys

import pytest

from gen_engine.cli.options import read_text
from gen_engine.errors import GenError
from gen_engine.models import sizes
from gen_engine.models.sizes import check_config, check_folder, check_new
from gen_engine.system import bounds
from gen_engine.system.bounds import bounded, read_settings, read_whole
from gen_engine.system.text_files import opened, text_flaw


@pytest.fixture
def short_lines(monkeypatch):
    monkeypatch.setattr(bounds, "LINE", 10)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_line_over_the_bound_is_told_with_its_number(tmp_path, short_lines, ending):
    (tmp_path / "a.txt").write_bytes(("春眠\n" + "春" * 11 + ending).encode())
    with (
        pytest.raises(GenError, match="Line 2 of .*a.txt is longer than 10 characters. Break"),
        opened(tmp_path / "a.txt") as lines,
    ):
        list(lines)


def test_a_line_of_the_bound_is_read(tmp_path, short_lines):
    (tmp_path / "a.txt").write_text("春" * 9 + "\n" + "眠" * 10, encoding="utf-8")
    with opened(tmp_path / "a.txt") as lines:
        assert list(lines) == ["春" * 9 + "\n", "眠" * 10]


def test_a_text_over_the_bound_is_its_cells_flaw():
    assert text_flaw("春" * bounds.TEXT) == ""
    assert text_flaw("春" * (bounds.TEXT + 1)) == "a text of 1,000,001 characters, over the 1,000,000 that are read"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_a_device_that_never_ends_is_refused(device):
    with pytest.raises(GenError):
        read_text(device)


def test_lines_are_taken_no_further_than_the_bound():
    taken = []
    endless = (taken.append(1) or "春" * 10 for _ in range(10**9))
    with pytest.raises(GenError, match="Standard input has over 100 characters.*; give less"):
        list(bounded(endless, 100, "Standard input", "give less"))
    assert len(taken) == 11


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "WRITER", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GenError, match="pipe that nobody writes to"):
        read_text(str(tmp_path / "pipe"))


def test_a_pipe_that_a_shell_hands_over_is_read():
    reader, writer = os.pipe()
    os.write(writer, "春眠不觉晓\n".encode())
    os.close(writer)
    assert read_text(f"/dev/fd/{reader}") == "春眠不觉晓\n"
    os.close(reader)


def test_settings_of_a_hundred_gigabytes_are_not_read(tmp_path):
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(10**11)
    with pytest.raises(GenError, match="config.json has over 16,000,000 bytes"):
        read_settings(tmp_path / "config.json")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/full"])
def test_a_device_is_no_file_of_settings(device):
    with pytest.raises(GenError, match="a pipe or a device"):
        read_settings(bounds.Path(device))


def test_what_grows_while_it_is_read_is_cut(tmp_path):
    with pytest.raises(GenError, match="over 3 bytes"):
        read_whole(bounds.Path("/proc/self/status"), 3)  # its size is told as 0


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors", "model-00001.safetensors"])
@pytest.mark.parametrize("make", [os.mkfifo, socket_at])
def test_pipes_and_sockets_in_a_model_folder_are_refused_unopened(tmp_path, monkeypatch, name, make):
    monkeypatch.chdir(tmp_path)
    make(name)
    with pytest.raises(GenError, match=f"{name} is a pipe, a socket or a device"):
        check_folder(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.txt", "merges.txt", "tokenizer_config.json"])
def test_files_of_a_tokenizer_have_a_bound(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(GenError, match=f"{name} has over"):
        check_folder(tmp_path)


@pytest.mark.parametrize("names", [["model.safetensors"], ["model-00001.safetensors", "model-00002.safetensors"]])
def test_weights_larger_than_memory_are_not_read(tmp_path, monkeypatch, names):
    for name in names:
        with (tmp_path / name).open("wb") as file:
            file.truncate(10**12)
    with pytest.raises(GenError, match="take [12],000 GB, and this machine has [0-9,]+; choose a smaller model"):
        check_folder(tmp_path)
    monkeypatch.setattr(sizes, "memory", lambda: None)
    check_folder(tmp_path)


def cost(words):
    """Exit code, standard error and highest memory in bytes of the command."""
    command = [sys.executable, "-P", "-m", "gen_engine", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as running:
        said = running.stderr.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    return running.returncode, said, used.ru_maxrss * 1024


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    """300 MB of verse in one line."""
    path = tmp_path_factory.mktemp("huge") / "poem.txt"
    with path.open("wb") as file:
        file.writelines("白日依山尽，黄河入海流。".encode() * 100_000 for _ in range(84))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("words", [
    "text --model novel --file", "novel --len 5 --file", "lint --model novel --file", "explain --model novel --file",
    "check", "eval poem --model poem", "lint --chain", "train gpt2 --from-scratch --out unmade",
    "train mlm --from-scratch --out unmade --config",
])  # fmt: skip
def test_a_file_of_300_megabytes_costs_next_to_nothing(huge, words):
    code, said, used = cost([*words.split(), huge])
    assert code == 2
    assert "Traceback" not in said
    assert "000,000" in said
    assert used < 10**9


ABSURD = {"n_embd": 10**9, "hidden_size": 10**9, "vocab_size": 10**12, "n_layer": 10**6, "num_hidden_layers": 10**8,
          "max_position_embeddings": 10**12, "num_labels": 10**9,
          "intermediate_size": 10**10, "num_attention_heads": 10**9}  # fmt: skip


@pytest.mark.parametrize("name", ABSURD)
@pytest.mark.parametrize("part", [None, "text_config", "encoder"])
def test_absurd_sizes_in_a_config_are_told(name, part):
    config = {name: ABSURD[name]}
    with pytest.raises(GenError, match=f"a.json says {name} 1[0,]+, and no model"):
        check_config({part: config} if part else config, "a.json")


@pytest.mark.parametrize("config", [{"hidden_size": 4096}, {"n_embd": 768, "vocab_size": 50257}])
def test_more_weights_than_the_files_can_hold_are_told(config):
    with pytest.raises(GenError, match="weights or more, and its files have 1,000,000 bytes"):
        check_config(config, "a.json", 1_000_000)
    check_config(config, "a.json", 10**9)


@pytest.mark.parametrize("shape", [{"layers": 10**8, "width": 256}, {"layers": 4, "width": 10**9},
                                   {"layers": 4, "width": 256, "inner": 10**12},
                                   {"layers": 1, "width": 64, "tokens": 10**12}])  # fmt: skip
def test_a_new_model_must_fit_the_machine(shape, monkeypatch):
    monkeypatch.setattr(sizes, "memory", lambda: 64 * 10**9)
    with pytest.raises(GenError, match="GB to train, and this machine has 64; give smaller sizes"):
        check_new(**shape)


def test_a_large_but_possible_model_is_not_refused(monkeypatch):
    monkeypatch.setattr(sizes, "memory", lambda: 64 * 10**9)
    check_new(layers=24, width=2048, tokens=60_000)
