"""From a cold start to a finished poem, beside the bare import of torch; and to the help page."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from .measure import Figure, interleaved_medians

GEN = Path(sys.executable).parent / "gen"


def measure(model: str, rounds: int) -> Iterator[Figure]:
    """Seconds of wall time of whole processes."""
    poem = [str(GEN), "poem", "--model", model, "--prompt", "白", "--rows", "4", "--cols", "5", "--seed", "1"]
    commands = [poem, [str(GEN), "--help"], [sys.executable, "-c", "import torch"]]
    written, helped, imported = interleaved_medians([partial(_run, command) for command in commands], rounds)
    yield Figure("gen poem beside import torch", "s", written, imported, times_peer=1.7)
    yield Figure("gen --help", "s", helped, at_most=0.3)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
