"""Standard streams that are closed, full, or read by nobody: one sentence or none, and the right exit code."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

GEN = f"{sys.executable} -m gen_engine"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
LISTS = ["--help", "models", "processors --json", "completion bash", "eval --help"]
TEXTS = [
    "poem --form 五绝",
    "poem --form 五绝 --num 3",
    "poem --form 五绝 --num 2 --json --explain",
    "novel --prompt 他 --len 40 --json",
    "explain --model poem --prompt 白 --max-new 5",
    "couplet --num 2",
]
COMMANDS = [*LISTS, *(pytest.param(text, marks=pytest.mark.slow) for text in TEXTS)]
SLOWLY = re.compile(r"\(\d+ s.*\)$")
"""What a slow machine says while it works."""
every_command = pytest.mark.parametrize("words", COMMANDS)


def shell(command):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=100)
    said = [line for line in done.stderr.splitlines(keepends=True) if not SLOWLY.search(line)]
    return done.returncode, done.stdout, "".join(said)


@every_command
def test_a_reader_that_goes_is_no_fault(words):
    code, _, said = shell(f"set -o pipefail; {GEN} {words} | sleep 0")
    assert (code, said) == (141, "")


@every_command
def test_a_reader_of_remarks_that_goes_stops_nothing(words):
    code, printed, _ = shell(f"{{ {GEN} {words} 2>&1 1>&3 | sleep 0; exit ${{PIPESTATUS[0]}}; }} 3>&1")
    assert code == 0
    assert printed


@FULL
@every_command
def test_a_full_disk_is_one_sentence(words):
    code, _, said = shell(f"{GEN} {words} > /dev/full")
    assert (code, said.count("\n")) == (2, 1)
    assert "Standard output cannot be written (No space left on device)" in said


@every_command
def test_a_closed_standard_output_is_one_sentence(words):
    code, _, said = shell(f"{GEN} {words} >&-")
    assert (code, said.count("\n")) == (2, 1)
    assert "Standard output cannot be written (Bad file descriptor); send it somewhere else." in said


@cache
def undisturbed(words):
    """What a command does where no stream is closed, asked once."""
    return shell(f"{GEN} {words}")


@every_command
@pytest.mark.parametrize("closed", ["2>&-", "<&-", "2>&- <&-", "2>/dev/full"])
def test_other_closed_streams_change_nothing(words, closed):
    seed = " --seed 1" * ("--form" in words or "--prompt" in words or "couplet" in words)
    assert shell(f"{GEN} {words}{seed} {closed}")[:2] == undisturbed(f"{words}{seed}")[:2]


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    code = (
        "import os, sys; from gen_engine.system.streams import guard; guard(); print(os.open(sys.argv[1], os.O_CREAT))"
    )
    place = tmp_path / "file"
    done = shell(f"{sys.executable} -c '{code}' {place} 2>&- <&-")
    assert int(done[1]) > 2


def test_a_closed_output_is_noticed_before_a_model_is_loaded(tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('loaded')")
    code, _, said = shell(f"PYTHONPATH={tmp_path} {GEN} poem >&-")
    assert (code, "loaded" in said) == (2, False)


def test_a_wrong_command_is_still_told_where_nothing_is_printed():
    assert shell(f"{GEN} no-such-command >&-")[0] == 2
    assert "No such command" in shell(f"{GEN} no-such-command > /dev/null")[2]


@pytest.mark.parametrize("text", ["half a line", "白", "白" * 70_000])
def test_a_remark_is_written_at_once(text):
    guarded = "import os, sys; from gen_engine.system.streams import guard; guard(); "
    code = guarded + "sys.stderr.write(sys.stdin.read()); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == text
