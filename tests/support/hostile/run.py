"""Runs one hostile command line in a folder of its own, and says what of the promises it broke."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .case import Case

SECONDS = float(os.environ.get("GEN_HOSTILE_SECONDS", "20"))
"""How long a command may take; a busy machine may be given more."""

MEMORY = 2 * 2**30
LONGEST = 1_000
"""Characters of the sentence that says what is wrong."""


@dataclass(frozen=True)
class Ended:
    """How a command ended; `made` are the files that it left."""

    code: int
    seconds: float
    memory: int
    stdout: str
    stderr: str
    made: frozenset[str]


def ended(case: Case, place: Path, models: Mapping[str, Path]) -> Ended:
    """The case, run in the empty folder `place`."""
    place.mkdir()
    for name, made in case.files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_bytes(made) if isinstance(made, bytes) else made(path)
    before = _files(place)
    words = [os.fsencode(str(models[word])) if word in models else os.fsencode(word) for word in case.words]
    with TemporaryDirectory() as beside, contextlib.ExitStack() as stack:
        said = Path(beside) / "stderr"
        wrote = Path(beside) / "stdout"
        err = stack.enter_context(said.open("wb"))
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gen_engine", *words],
            cwd=place,
            env=_environment(case, beside, place),
            stdin=_input(case, beside, stack),
            stdout=_output(case, wrote, stack),
            stderr=err,
            start_new_session=True,
            preexec_fn=lambda: _close(case),
        )
        code, memory = _wait(process, case, started)
        seconds = time.monotonic() - started
        out = wrote.read_text("utf-8", "replace") if wrote.exists() else ""
        return Ended(code, seconds, memory, out, said.read_text("utf-8", "replace"), _files(place) - before)


def _close(case: Case) -> None:
    """In the child: what the shell would have closed (>&-, <&-); and Ctrl-C counts, even for what runs in the
    background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if case.out == "closed":
        os.close(1)
    if case.into is None:
        os.close(0)


def _environment(case: Case, beside: str, place: Path) -> dict[str, str]:
    own = {
        "PATH": os.environ["PATH"],
        "HOME": beside,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": beside,
    }
    for name, value in case.env.items():
        if value is None:
            own.pop(name, None)
        else:
            own[name] = value.replace("@here", str(place))
    return own


def _input(case: Case, beside: str, stack: contextlib.ExitStack) -> object:
    if case.into is None:
        return subprocess.DEVNULL
    if isinstance(case.into, str):
        return stack.enter_context(open(case.into, "rb"))
    path = Path(beside) / "stdin"
    path.write_bytes(case.into)
    return stack.enter_context(path.open("rb"))


def _output(case: Case, wrote: Path, stack: contextlib.ExitStack) -> object:
    if case.out == "head":
        reader = subprocess.Popen(["head", "-c", "10"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        stack.callback(reader.wait)
        assert reader.stdin is not None
        return stack.enter_context(reader.stdin)
    path = case.out if case.out.startswith("/") else wrote
    return stack.enter_context(open(path, "wb"))


def _wait(process: subprocess.Popen[bytes], case: Case, started: float) -> tuple[int, int]:
    """The exit code and the most memory, in bytes; a command that takes too much of time or memory is killed."""
    most, stopped = 0, case.stop is None
    while process.poll() is None:
        most = max(most, _memory(process.pid))
        passed = time.monotonic() - started
        if not stopped and passed >= (case.stop or 0):
            os.killpg(process.pid, signal.SIGINT)
            stopped = True
        if most > MEMORY or passed > SECONDS:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            break
        time.sleep(0.02)
    return process.returncode, most


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _files(place: Path) -> frozenset[str]:
    return frozenset(os.fsencode(path.relative_to(place)).decode("utf-8", "replace") for path in place.rglob("*"))


# ------------------------------------------------------------------------------------------------ what must be kept


def broken(case: Case, end: Ended) -> Iterator[str]:
    """The promises that were broken, in words."""
    if end.memory > MEMORY:
        yield f"it took {end.memory / 2**30:.1f} GB"
    elif end.seconds > SECONDS:
        yield f"it was at work after {SECONDS:g} seconds"
    elif end.code not in case.codes:
        yield f"it ended with {end.code}"
    if "Traceback (most" in end.stdout + end.stderr or "went wrong inside" in end.stderr:
        yield "it showed a stack trace, or said that something went wrong inside"
    if case.says and not re.search(case.says, end.stderr + end.stdout):
        yield f"it did not say {case.says}"
    left = {name for name in end.made if not name.startswith(case.makes)} if case.makes else set(end.made)
    if left or any(name.endswith((".tmp", ".part")) for name in end.made):
        yield f"it left {', '.join(sorted(left or end.made)[:5])}"
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t\r" for char in end.stderr):
        yield "it said control characters"
    if any(char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f" for char in end.stderr):
        yield "it said bidirectional control characters"
    if end.code == 2 and not (end.seconds > SECONDS or end.memory > MEMORY):
        yield from _sentence(end.stderr)


def _sentence(said: str) -> Iterator[str]:
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    if not last.startswith("gen: "):
        yield "its last line is no sentence of gen's"
    elif not re.search(r"[.)?!。]$", last) or not re.search(r"[;,(?]|then |as in|\. [A-Z]", last):
        yield "its sentence has no remedy"
    if len(last) > LONGEST:
        yield f"its sentence has {len(last)} characters"
