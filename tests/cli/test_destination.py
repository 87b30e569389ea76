"""Files stand under their names only when they are whole, and what was whole is kept."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gen_engine.cli.destination import check_out, counting, opened
from gen_engine.errors import GenError


@pytest.mark.parametrize("out", [None, Path("-")])
def test_without_a_file_texts_go_to_standard_output(capsys, out):
    with opened(out) as file:
        file.write("白")
    assert capsys.readouterr().out == "白"


def test_a_file_stands_under_its_name_only_when_whole(tmp_path):
    out = tmp_path / "poem.txt"
    out.write_text("old")
    with opened(out) as file:
        file.write("白")
        assert out.read_text() == "old"
    assert (out.read_text("utf-8"), list(tmp_path.iterdir())) == ("白", [out])


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    out = tmp_path / "poem.txt"
    out.write_text("old")
    with pytest.raises(ZeroDivisionError), opened(out) as file:
        file.write("half")
        raise ZeroDivisionError
    assert (out.read_text(), list(tmp_path.iterdir())) == ("old", [out])


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("written, left", [("白\n", "白\n"), ("白\n日", "白\n"), ("日" * 70000, None), ("", None)])
def test_an_interrupt_keeps_the_whole_lines(tmp_path, written, left, ending):
    with pytest.raises(ending), opened(tmp_path / "poem.txt") as file:
        file.write(written)
        raise ending
    assert [path.read_text("utf-8") for path in tmp_path.iterdir()] == ([left] if left else [])


def test_where_lines_count_by_themselves_a_failure_keeps_them_too(tmp_path, capsys):
    with pytest.raises(GenError), opened(tmp_path / "poem.txt", lines=True) as file:
        file.write("白\n日")
        raise GenError("After 8 seconds it was not decided.")
    assert [path.read_text("utf-8") for path in tmp_path.iterdir()] == ["白\n"]
    assert capsys.readouterr().err == f"note: {tmp_path / 'poem.txt'} keeps what was written before.\n"


def test_a_stopped_program_says_what_was_written_and_where(tmp_path):
    with pytest.raises(KeyboardInterrupt) as stop, opened(tmp_path / "poem.txt") as file, counting() as count:
        for text in ("白", "日"):
            with count.one():
                print(text, file=file)
        raise KeyboardInterrupt
    assert stop.value.__notes__ == ["2 texts were written", f"{tmp_path / 'poem.txt'} keeps what was written"]


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real.txt")
    with opened(tmp_path / "link") as file:
        file.write("白")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.txt").read_text("utf-8") == "白"


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with opened(pipe) as file:
        file.write("白")
    assert (os.read(reader, 9), pipe.is_fifo()) == ("白".encode(), True)
    os.close(reader)


def test_a_pipe_without_a_name_is_written_in_place():
    reader, writer = os.pipe()
    with opened(Path(f"/dev/fd/{writer}")) as file:  # as a shell passes >(command)
        file.write("白")
    os.close(writer)
    assert os.read(reader, 9) == "白".encode()
    os.close(reader)


@pytest.mark.parametrize("place", ["missing/poem.txt", ".", "a" * 300])
def test_an_unwritable_file_is_an_error_before_anything_is_done(tmp_path, place):
    with pytest.raises(GenError, match=r"cannot be written \(.*\); choose another --out"), opened(tmp_path / place):
        pytest.fail("never reached")


def test_the_name_while_it_is_written_is_never_too_long(tmp_path):
    out = tmp_path / ("诗" * 85)
    with opened(out) as file:
        file.write("白")
    assert out.read_text("utf-8") == "白"


def test_a_file_keeps_its_mode(tmp_path):
    out = tmp_path / "poem.txt"
    out.touch(0o600)
    with opened(out) as file:
        file.write("白")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_trying_whether_a_file_can_be_written_leaves_no_trace(tmp_path):
    (tmp_path / "poem.txt").write_text("old")
    check_out(tmp_path / "poem.txt")
    check_out(tmp_path / "new.txt")
    check_out(Path("-"))
    with pytest.raises(GenError, match="choose another --picture"):
        check_out(tmp_path / "missing" / "new.png", "--picture")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("lines", [True, False])
def test_a_full_disk_is_one_sentence(lines):
    with (
        pytest.raises(GenError, match=r"full cannot be written \(No space.*; make room"),
        opened(Path("/dev/full"), lines=lines) as file,
    ):
        print("白", file=file, flush=True)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from gen_engine.cli.destination import opened
from gen_engine.errors import GenError
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    with opened(Path(sys.argv[1]), lines=len(sys.argv) > 2) as file:
        for number in range(50):
            print(f"text {number:02}", file=file, flush=True)
except GenError as problem:
    print(problem)
"""


@pytest.mark.parametrize("more, left", [([], []), (["lines"], ["".join(f"text {n:02}\n" for n in range(12))])])
def test_a_disk_that_fills_leaves_whole_lines_or_nothing(tmp_path, more, left):
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "out.txt"), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "out.txt cannot be written (File too large); make room for it" in done.stdout
    assert [path.read_text() for path in tmp_path.iterdir()] == left


FILE = click.Path(path_type=Path)


@click.command()
@click.argument("poems", type=FILE, required=False)
@click.option("--file", metavar="FILE")
@click.option("--page", metavar="[FILE.html]")
@click.option("--corpus", type=FILE, multiple=True)
@click.option("--prompt")
@click.option("--out", type=FILE)
def writing(out, **_):
    with opened(out) as file:
        file.write("new")


def written(*words):
    return writing.main([str(word) for word in words], standalone_mode=False)


@pytest.mark.parametrize("reads", [[], ["--file"], ["--page"], ["--corpus"], ["--corpus", "other", "--corpus"]])
def test_a_file_already_read_or_written_otherwise_is_refused(tmp_path, monkeypatch, reads):
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("old")
    Path("link").symlink_to("in.txt")
    os.link("in.txt", "twin")
    for out in ("in.txt", "./in.txt", tmp_path / "in.txt", "link", "twin"):
        with pytest.raises(GenError, match=f"is what {(reads or ['POEMS'])[-1]}.* names, too; choose another --out"):
            written("--out", out, *reads, "in.txt")
    assert Path("in.txt").read_text() == "old"


def test_what_only_looks_like_the_file_is_not_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("old")
    written("--out", "in.txt", "--prompt", "in.txt")
    written("--out", "/dev/null", "--file", "/dev/null")
    assert Path("in.txt").read_text() == "new"
