"""Contestants take turns, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from typing import IO, Any

ENVIRONMENT = dict(os.environ)
"""As it was before any model was loaded here: loading limits what oneDNN uses."""

LEAST = 0.15
"""Seconds that a turn lasts at least; shorter works are done several times in one."""

REST = 0.02
"""Seconds between turns, in which the threads of whoever was last go to sleep."""

SLOW = 10.0
"""Seconds of a round, beyond which there are `FEW` rounds at most."""

FEW = 5


class LeftOutError(Exception):
    """A contestant cannot go on; the message says why."""


@dataclass(eq=False)
class Process:
    """A contestant's process: asked one thing at a time."""

    name: str
    process: subprocess.Popen[str] = field(init=False)
    complaints: IO[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.beside.worker", self.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, env=ENVIRONMENT, encoding="utf-8",
        )  # fmt: skip

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Its answer. Raises LeftOutError if it has failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **values}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise LeftOutError(self._last_words()) from None
        line = self.process.stdout.readline()
        if not line:
            raise LeftOutError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.complaints.close()

    def _last_words(self) -> str:
        self.process.wait()
        self.complaints.seek(0)
        said = self.complaints.read().decode("utf-8", "replace").strip().splitlines()
        return said[-1] if said else f"it ended with exit code {self.process.returncode}"


def times_a_turn(once: float) -> int:
    """How many times a work that takes `once` seconds is done in a turn."""
    return max(1, min(ceil(LEAST / max(once, 1e-6)), 100))


def rounds_for(once: Iterable[float], rounds: int) -> int:
    """How many rounds there are, if these are the seconds of each contestant: few, where all together are slow."""
    return min(rounds, FEW) if sum(once) > SLOW else rounds


def take_turns(
    turns: Mapping[str, Callable[[], float]], rounds: int, *, rest: float = REST, until: float = inf
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """What each turn returned, a list of `rounds` for each contestant; and who was left out, and why.

    In each round everyone has one turn. Each round begins with another, so that nobody always follows the same. After
    the first round, none begins after `until` (on the clock `time.monotonic`).
    """
    found: dict[str, list[float]] = {name: [] for name in turns}
    left_out: dict[str, str] = {}
    for first in range(rounds):
        if first and time.monotonic() > until:
            break
        order = [*turns][first % len(turns) :] + [*turns][: first % len(turns)]
        for name in order:
            if name in left_out:
                continue
            time.sleep(rest)
            try:
                found[name].append(turns[name]())
            except LeftOutError as problem:
                left_out[name] = str(problem)
                del found[name]
    return found, left_out
