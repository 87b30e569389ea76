"""Ctrl-C and its like, from the first import to the last line written."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

LISTENING = """
import os, signal, sys, time
from gen_engine.system import interrupts
def stop(name="SIGINT"):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(0.01)
interrupts.listen()
"""
SIGNALS = pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])


def run(code):
    command = [sys.executable, "-c", LISTENING + textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


@SIGNALS
def test_before_anything_is_begun_the_program_ends_at_once(name):
    done = run(f"stop({name!r})")
    assert (done.returncode, done.stderr) == (128 + getattr(signal, name), "gen: Stopped.\n")


@SIGNALS
def test_later_what_runs_may_tidy_up(name):
    done = run(f"""
        interrupts.begin()
        try:
            stop({name!r})
        except KeyboardInterrupt as stopped:
            print(stopped.number, interrupts.asked())
    """)
    assert done.stdout.split() == [str(int(getattr(signal, name)))] * 2


@SIGNALS
def test_a_second_interrupt_ends_at_once_after_the_last_actions(name):
    done = run(f"""
        interrupts.begin()
        with interrupts.at_last(lambda: os.write(1, b"kept")), interrupts.at_last(lambda: os.write(1, b" all")):
            try:
                stop()
            finally:
                stop({name!r})
    """)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (128 + getattr(signal, name), "kept all", 1)


def test_what_is_shielded_is_done_whole():
    done = run("""
        interrupts.begin()
        try:
            with interrupts.shielded(), interrupts.shielded():
                stop()
                print("whole")
            print("never")
        except KeyboardInterrupt:
            print("stopped")
    """)
    assert done.stdout.split() == ["whole", "stopped"]


def test_a_shield_holds_no_second_signal():
    done = run("""
        interrupts.begin()
        with interrupts.shielded():
            stop()
            stop()
            print("never")
    """)
    assert (done.returncode, done.stdout) == (130, "")


@SIGNALS
def test_when_all_is_done_nothing_changes_how_it_ended(name):
    done = run(f"""
        interrupts.begin()
        interrupts.end(3)
        stop({name!r})
    """)
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_the_caller_ignores_stays_ignored(name):
    code = f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)\n{LISTENING}\nstop({name!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("handler", ["SIG_IGN", "SIG_DFL"])
def test_where_ctrl_c_is_ignored_no_code_can_pretend_it(handler):
    code = f"signal.signal(signal.SIGINT, signal.{handler}); print(interrupts.is_real(KeyboardInterrupt()))"
    assert run(code).stdout == ("False\n" if handler == "SIG_IGN" else "True\n")


def gen(*words, **env):
    command = [sys.executable, "-m", "gen_engine", *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, check=False, timeout=60)


STOPS = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"


@pytest.mark.parametrize("module", ["typing", "click", "pluggy", "gen_poem", "numpy", "torch", "safetensors"])
def test_ctrl_c_while_anything_is_imported_is_one_line(tmp_path, module):
    (tmp_path / f"{module}.py").write_text(STOPS)
    words = ("poem", "--dtype", "float32", "--out", str(tmp_path / "poem.txt"))  # int8 imports no torch
    done = gen(*words, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr.strip(), done.stdout) == (130, "gen: Stopped.", "")
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".py"]


@pytest.mark.parametrize("swallow", ["ImportError('numpy is missing')", "OSError(5, 'no')", "KeyError('x')"])
def test_a_library_that_rewraps_ctrl_c_fools_nobody(tmp_path, swallow):
    lines = textwrap.indent(STOPS, "    ")
    (tmp_path / "torch.py").write_text(f"try:\n{lines}except KeyboardInterrupt:\n    raise {swallow}\n")
    done = gen("poem", "--dtype", "float32", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr.strip()) == (130, "gen: Stopped.")


@pytest.mark.parametrize("place", [
    "class Dying:\n    def __del__(self): stop()\nDying()",
    "import gc\nonce = [stop]\ngc.callbacks.append(lambda *_: once and once.pop()())\ngc.collect()",
    "import weakref\nclass Gone: pass\ngone = Gone()\nkept = weakref.ref(gone, lambda _: stop())\ndel gone",
    "it = iter(stop, 1)\nclass Left:\n    def __del__(self): next(it)\nleft = Left()\ndel left",
])  # fmt: skip
def test_a_signal_that_python_drops_is_asked_for_again(place):
    more = (
        "\ntry:\n    time.sleep(5)\nexcept KeyboardInterrupt as stopped:\n    print(stopped.number, interrupts.asked())"
    )
    done = run("interrupts.begin()\n" + place + more)
    assert (done.stdout, done.stderr) == ("2 2\n", "")


@SIGNALS
def test_only_after_ctrl_c_a_program_may_go_on(name):
    done = run(f"""
        interrupts.begin()
        for _ in range(2):
            try:
                stop({name!r})
            except KeyboardInterrupt as stopped:
                print(interrupts.go_on(stopped), interrupts.asked())
    """)
    number = getattr(signal, name)
    assert done.stdout == ("True 0\n" * 2 if name == "SIGINT" else f"False {number}\n")
    assert done.returncode == (0 if name == "SIGINT" else 128 + number)
