"""Terminals of any width: a real one for another process, or what the screen is told within this one."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from gen_engine.system import screen

CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def as_terminal(monkeypatch, columns=80, **env):
    """Let whatever is printed from here on be laid out, and without NO_COLOR=1 coloured, as for a terminal."""
    for name, value in {"COLUMNS": str(columns), "TERM": "xterm", **env}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(screen, "_is_terminal", lambda file: True)


def run_in_terminal(command, columns=80, **given):
    """Run a command whose standard output is a terminal; a completed process, with what the terminal was sent."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {name: value for name, value in (given.pop("env", None) or os.environ).items() if name != "COLUMNS"}
    with subprocess.Popen(command, stdout=side, stderr=subprocess.PIPE, text=True, env=env, **given) as process:
        os.close(side)
        told = b"".join(iter(lambda: _read(main), b""))
        errors = process.stderr.read()
    os.close(main)
    return subprocess.CompletedProcess(command, process.returncode, told.decode().replace("\r\n", "\n"), errors)


def _read(file):
    try:
        return os.read(file, 65536)
    except OSError:  # on Linux the end of a terminal is an error
        return b""


def bare(text):
    """A text without codes."""
    return CODE.sub("", text)
