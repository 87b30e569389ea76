"""The device to compute on: its names, what there is, and what to do when its memory is full.

Importing this imports no torch, since the command line reads the names, too.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import GenError, quoted

if TYPE_CHECKING:
    import torch

VARIABLE = "GEN_DEVICE"
"""The environment variable with the device of all commands."""

CHOICES = "auto, cpu, cuda, cuda:N or mps"
"""The names of devices, in prose."""

DEVICES_HELP = f"Where to compute: {CHOICES}; auto is a GPU where there is one."

FULL = ("MPS backend out of memory", "DefaultCPUAllocator: can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What torch says of a full memory where it has no exception of its own for it."""


def check_device_name(wanted: str) -> str:
    """The name itself, in lower case; GenError unless it is the name of a device, which need not be there."""
    name = wanted.strip().lower()
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", name):
        raise GenError(f"{quoted(wanted)} is no device; choose {CHOICES}.")
    return name


def named_device(wanted: str = "auto") -> str:
    """The device that is asked for: "auto" is the one that GEN_DEVICE names, else stays "auto". It need not be there.

    Raises GenError for unknown names.
    """
    name = check_device_name(wanted)
    return check_device_name(os.environ.get(VARIABLE) or "auto") if name == "auto" else name


def is_accelerator(wanted: str) -> bool:
    """Whether a device other than the CPU is asked for by name, or by GEN_DEVICE."""
    return named_device(wanted) not in ("auto", "cpu")


def choose_device(wanted: str = "auto") -> torch.device:
    """The device of that name. "auto" is the one that GEN_DEVICE names, else a CUDA device, else MPS, else the CPU.

    "cuda" without a number is torch's current device. Raises GenError for unknown names, and for devices that are not
    there.
    """
    import torch

    name = named_device(wanted)
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if has_cuda else "mps" if has_mps else "cpu"
    kind, _, number = name.partition(":")
    if kind == "mps" and not has_mps:
        raise GenError(f"There is no MPS device here; choose {'cuda or cpu' if has_cuda else 'cpu'}.")
    if kind != "cuda":
        return torch.device(kind)
    if not has_cuda:
        built = "" if torch.version.cuda else ", and this torch was built without CUDA"
        raise GenError(f"There is no CUDA device here{built}; choose {'mps or cpu' if has_mps else 'cpu'}.")
    there = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if number and int(number) >= len(there):
        raise GenError(f"There is no {name} here: this machine has {len(there)}; choose {', '.join(there)} or cpu.")
    return torch.device("cuda", int(number) if number else torch.cuda.current_device())


def accelerators() -> list[str]:
    """The accelerators that are there, each with its name and memory: `cuda:0 (NVIDIA ..., 80 GiB)`."""
    import torch

    found = []
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        found.append(f"cuda:{index} ({facts.name}, {facts.total_memory / 2**30:.0f} GiB)")
    return [*found, *(["mps"] if torch.backends.mps.is_available() else [])]


@contextmanager
def out_of_memory(what: str, remedy: str | Callable[[], str]) -> Iterator[None]:
    """Inside, a full memory raises GenError: one sentence that there is not enough for `what`, and the `remedy`.

    A function is asked for the remedy when memory is full.
    """
    try:
        yield
    except RuntimeError as error:
        told = full_memory(error, what, remedy)
        if told is None:
            raise
        raise told from error


def full_memory(problem: BaseException, what: str, remedy: str | Callable[[], str]) -> GenError | None:
    """That sentence, if an error says that a device's memory is full; else None. Imports no torch."""
    kind = getattr(sys.modules.get("torch"), "OutOfMemoryError", None)  # one of RuntimeError's
    if not isinstance(problem, RuntimeError):
        return None
    if not (kind is not None and isinstance(problem, kind)) and not any(words in str(problem) for words in FULL):
        return None
    remedied = remedy if isinstance(remedy, str) else remedy()
    return GenError(f"The device has not enough memory for {what}; {remedied}.")
