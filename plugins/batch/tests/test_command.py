"""`gen batch` as a program: its exit codes, what it refuses, pipes, and real kills."""

import json
import os
import signal
import subprocess
import sys

import pytest
from told_runs import write_requests

GEN = [sys.executable, "-m", "gen_engine", "batch"]
GOOD = [{"id": f"a{n}", "command": "text", "prompt": "白日", "max_new": 3} for n in range(6)]
BAD = {"id": "bad", "command": "poem", "with": ["ban=，"]}


def gen(*words, **more):
    """Run `gen batch` on the model poem."""
    command = [*GEN, *map(str, words), "--model", "poem", "--seed", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A file of requests, and the lines that an undisturbed run writes."""
    folder = tmp_path_factory.mktemp("batch")
    source = write_requests(folder / "in.jsonl", [*GOOD, BAD])
    done = gen(source, folder / "out.jsonl")
    assert done.returncode == 1, done.stderr
    return source, (folder / "out.jsonl").read_text(encoding="utf-8"), done.stderr


def test_an_error_is_a_line_with_its_conflict(answered):
    _, lines, told = answered
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [*(each["id"] for each in GOOD), "bad"]
    assert json.loads(lines.splitlines()[-1])["error"]["members"] == ["form=4x5", "ban=，"]
    assert "7 lines; 7 answered" in told
    assert "Errors: 1 " in told


def test_pipes_give_the_same_lines(answered):
    source, lines, _ = answered
    done = gen("-", "-", input=source.read_text(encoding="utf-8"))
    assert (done.returncode, done.stdout) == (1, lines)
    assert "no manifest is kept" in done.stderr


def test_a_killed_program_goes_on(answered, tmp_path):
    source, lines, _ = answered
    out = tmp_path / "out.jsonl"
    with subprocess.Popen([*GEN, source, out, "--model", "poem", "--seed", "1", "--rows", "1"]) as running:
        while not out.exists() or b"\n" not in out.read_bytes():
            assert running.poll() is None
        running.send_signal(signal.SIGKILL)
    assert lines.startswith(out.read_text(encoding="utf-8").rpartition("\n")[0])
    assert gen(source, out).returncode == 1
    assert out.read_text(encoding="utf-8") == lines


def test_a_stopped_program_says_how_to_go_on(tmp_path):
    source, out = write_requests(tmp_path / "in.jsonl", GOOD * 500), tmp_path / "out.jsonl"
    command = [*GEN, source, out, "--model", "poem"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        while not out.exists() or b"\n" not in out.read_bytes():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        told = running.stderr.read()
    assert (running.returncode, "the same command goes on" in told) == (130, True)
    assert out.read_bytes().endswith(b"\n")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl", "out.jsonl.manifest.json"]


def test_a_stop_does_not_wait_for_standard_input():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*GEN, "-", "-"], **pipes) as running:
        running.stdin.write(b"{}\n")
        running.stdin.flush()
        assert b"It names no command" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130


REFUSED = {
    "IN is OUT": (["in.jsonl", "in.jsonl"], "both IN and OUT"),
    "no kind": (["in.jsonl", "out.txt"], "end it in .jsonl, .csv or .parquet"),
    "packed": (["in.jsonl", "out.jsonl.gz"], "could not be mended after a kill"),
    "an address": (["in.jsonl", "out.jsonl", "--address", "auto"], "--address is for --engine ray"),
    "a fresh retry": (["in.jsonl", "out.jsonl", "--fresh", "--retry-errors"], "give one of them"),
    "a retried pipe": (["-", "-", "--retry-errors"], "--retry-errors needs files"),
    "no model": (["in.jsonl", "out.jsonl", "--model", "./none"], "There is no folder"),
    "no input": (["none.jsonl", "out.jsonl"], "There is no file none.jsonl"),
    "no input for a pipe": (["none.jsonl", "-"], "There is no file none.jsonl"),
    "no table for a pipe": (["none.csv", "-"], "There is no file none.csv"),
    "no input anew": (["none.jsonl", "old.jsonl", "--fresh"], "There is no file none.jsonl"),
    "no model anew": (["in.jsonl", "old.jsonl", "--fresh", "--model", "./none"], "There is no folder"),
}


@pytest.mark.parametrize(("words", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(tmp_path, monkeypatch, capsys, words, told):
    from gen_engine.cli.main import main

    monkeypatch.chdir(tmp_path)
    write_requests(tmp_path / "in.jsonl", GOOD)
    (tmp_path / "old.jsonl").write_text("mine\n")
    assert main(["batch", *words, "--model", "poem"] if "--model" not in words else ["batch", *words]) == 2
    printed = capsys.readouterr()
    assert (told in " ".join(printed.err.split()), printed.err[:5], printed.out) == (True, "gen: ", "")
    assert {each.name: each.read_text().count("\n") for each in tmp_path.iterdir()} == {"in.jsonl": 6, "old.jsonl": 1}
