"""The compiled library: which kernels this processor has, which are used, and the structures that it reads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import GenError, quoted
from .arithmetic import Array
from .linear import Int8Linear

VARIABLE = "GEN_KERNEL"
"""The environment variable that forces a kernel by name."""

NUMPY = "numpy"
"""The name of the arithmetic without a compiled library."""

Pointer = ctypes.c_void_p


class LinearPart(ctypes.Structure):
    """`Linear` of `source/types.h`."""

    _fields_ = [
        ("outputs", ctypes.c_int32),
        ("inputs", ctypes.c_int32),
        *((name, Pointer) for name in ("tiles", "scales", "biases", "corrections")),
    ]


class NormPart(ctypes.Structure):
    """`Norm` of `source/types.h`."""

    _fields_ = [("gains", Pointer), ("shifts", Pointer)]


class BlockPart(ctypes.Structure):
    """`Block` of `source/types.h`."""

    _fields_ = [
        *((name, NormPart) for name in ("norm_1", "norm_2")),
        *((name, LinearPart) for name in ("attend", "project", "expand", "contract")),
    ]


class TransformerPart(ctypes.Structure):
    """`Transformer` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("layers", "heads", "size", "inner", "vocabulary", "positions")),
        *((name, ctypes.c_int32) for name in ("norm_first", "left_only", "activation")),
        ("epsilon", ctypes.c_float),
        *((name, Pointer) for name in ("scales", "tokens", "places")),
        *((name, NormPart) for name in ("embedded", "last")),
        ("blocks", ctypes.POINTER(BlockPart)),
        ("head", LinearPart),
    ]


class CallPart(ctypes.Structure):
    """`Call` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("tokens", "wanted", "rows", "most_pages")),
        *((name, Pointer) for name in ("ids", "places", "row", "at", "lengths", "pages", "chosen", "out")),
    ]


class OperationPart(ctypes.Structure):
    """`Operation` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("kind", "count")),
        ("value", ctypes.c_float),
        ("mass", ctypes.c_double),
        *((name, Pointer) for name in ("starts", "ids", "amounts")),
    ]


class DrawingPart(ctypes.Structure):
    """`Drawing` of `source/types.h`."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("rows", "size", "operations", "most_kept")),
        *((name, Pointer) for name in ("logits", "masks", "minus_starts", "minus", "plus_starts", "plus")),
        *((name, Pointer) for name in ("operation", "places", "tokens", "largest", "sums", "counts", "kept", "shaped")),
        ("failed", Pointer),
        ("parts", ctypes.c_int32),
    ]


def address(array: Array | None) -> int | None:
    """Where an array's numbers begin; None for no array."""
    return None if array is None else array.ctypes.data


def linear_part(layer: Int8Linear | None) -> LinearPart:
    """A layer for the library; no layer has no outputs."""
    if layer is None:
        return LinearPart()
    arrays = (layer.tiles, layer.scales, layer.biases, layer.corrections)
    return LinearPart(layer.outputs, layer.inputs, *map(address, arrays))


@dataclass(frozen=True, eq=False)
class Library:
    """The loaded library, and the `kernel` that is used: its name and its place in the library's list."""

    functions: Any
    kernel: str
    place: int


def library_file() -> Path | None:
    """The file of the compiled library; None if it was not built.

    Its name is that of no version of Python. Libraries that were built before 0.4.0 name theirs.
    """
    files = (Path(__file__).with_name(f"_step{suffix}") for suffix in reversed(EXTENSION_SUFFIXES))
    return next((path for path in files if path.exists()), None)


@cache  # one library
def _loaded() -> tuple[Any, tuple[str, ...]]:
    """The library's functions and its kernels, the best first ("" where this processor lacks one); (None, ()) if it
    was not built."""
    path = library_file()
    if path is None:
        return None, ()
    try:
        functions = ctypes.CDLL(str(path))
    except OSError:  # built for another machine
        return None, ()
    functions.gen_kernel.restype = ctypes.c_char_p
    functions.gen_open.restype = Pointer
    functions.gen_close.argtypes = [Pointer]
    functions.gen_step.argtypes = [Pointer, Pointer, ctypes.c_int, ctypes.c_int]
    functions.gen_draw.argtypes = [Pointer, ctypes.c_int, ctypes.c_int]
    functions.gen_pack_floats.argtypes = [Pointer, Pointer, Pointer, ctypes.c_int, ctypes.c_int]
    functions.gen_floats.argtypes = [Pointer, ctypes.c_int, Pointer, Pointer, ctypes.c_int, ctypes.c_int]
    functions.gen_floats.restype = functions.gen_pack_floats.restype = None
    names: list[str] = []
    while (name := functions.gen_kernel(len(names))) is not None:
        names.append(name.decode())
    return functions, tuple(names)


def kernels() -> tuple[str, ...]:
    """The kernels that this processor has, the best first; numpy is always the last."""
    return (*(name for name in _loaded()[1] if name), NUMPY)


def library() -> Library | None:
    """The library with the kernel to use: the best, or the one that `GEN_KERNEL` names. None for numpy.

    Raises GenError if `GEN_KERNEL` names none that this processor has.
    """
    return _chosen(os.environ.get(VARIABLE, ""))


@cache  # at most one for each kernel, since other names raise
def _chosen(wanted: str) -> Library | None:
    functions, names = _loaded()
    known = kernels()
    name = wanted or known[0]
    if name not in known:
        built = "" if functions is not None else " (the compiled step was not built here)"
        raise GenError(f"{VARIABLE}={quoted(wanted)} is no kernel of this processor{built}; take {', '.join(known)}.")
    return None if name == NUMPY else Library(functions, name, names.index(name))


def cores() -> int:
    """How many threads may be used: `OMP_NUM_THREADS` (the first of a list), or the cores of this process."""
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if given.isascii() and given.isdigit() and given.strip("0"):
        return min(int(given.lstrip("0")[:4]), 256)
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        found = os.cpu_count() or 1
    return max(1, min(found, _quota(found)))


@cache  # at most one for each number of cores
def _quota(most: int) -> int:
    """How many cores the time that a container is given comes to; `most` where there is no limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return most if quota == "max" else -(-int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return most


MACS = 1 << 20
"""A thread more is worth it for so many products."""

MOST_THREADS = 16
"""More threads wait for each other longer than they help."""


def threads_for(products: int) -> int:
    """How many threads a call with so many products takes."""
    return max(1, min(cores(), MOST_THREADS, products // MACS))


def as_int32(values: Sequence[int]) -> Array:
    """A contiguous int32 array."""
    return np.array(values, dtype=np.int32)


def told() -> str:
    """Which kernel is used, and why, in one sentence."""
    chosen, known = library(), ", ".join(kernels())
    if os.environ.get(VARIABLE):
        return f"{kernels_named(chosen)}, which {VARIABLE} asks for; this processor has {known}"
    if library_file() is None:
        return f"{NUMPY}: no C++ compiler was found when gen-engine was installed; the texts are the same, but slower"
    if _loaded()[0] is None:
        return f"{NUMPY}: the compiled step was built for another machine; install gen-engine again on this one"
    return f"{kernels_named(chosen)}, the fastest of {known}"


def kernels_named(chosen: Library | None) -> str:
    """The name of a library's kernel; that of numpy for none."""
    return NUMPY if chosen is None else chosen.kernel


if __name__ == "__main__" and library_file() is None:
    print(f"The compiled step was not built. {told()}.")
