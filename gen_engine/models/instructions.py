"""Which instructions of the processor oneDNN may use to multiply matrices for torch, and why AMX is left out.

AMX rounds a row differently among other rows, whatever it is padded to. The next lower set gives each row the same bits
as a processor without AMX. So AMX is left out of generation, unless the user has set a limit. Training makes no such
promise and keeps AMX. The limit is set when a model is loaded to generate.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables in which oneDNN looks for a limit, in this order, once: when it is first used."""

BELOW_AMX = "AVX512_CORE_FP16"
"""The largest set below AMX."""

SETS = {
    "AVX512_CORE_AMX": ("AVX-512 with AMX", ("amx_tile",)),
    "AVX512_CORE_FP16": ("AVX-512 with bf16 and fp16", ("avx512_fp16",)),
    "AVX512_CORE_BF16": ("AVX-512 with bf16", ("avx512_bf16",)),
    "AVX512_CORE_VNNI": ("AVX-512 with VNNI", ("avx512_vnni",)),
    "AVX512_CORE": ("AVX-512", ("avx512_f",)),
    "AVX2_VNNI_2": ("AVX2 with VNNI and conversions of bf16", ("avx_vnni_int8", "avx_ne_convert")),
    "AVX2_VNNI": ("AVX2 with VNNI", ("avx_vnni",)),
    "AVX2": ("AVX2", ("avx2",)),
    "AVX": ("AVX", ("avx",)),
    "SSE41": ("SSE4.1", ("sse4_1",)),
}
"""oneDNN's sets, the largest first: the limit's name, the usual name, and what the processor must have."""

OTHER_NAMES = {
    "AVX10_1_512": "AVX512_CORE_FP16",
    "AVX10_2": "AVX512_CORE_FP16",
    "AVX10_2_512": "AVX512_CORE_FP16",
    "AVX10_1_512_AMX": "AVX512_CORE_AMX",
    "AVX10_1_512_AMX_FP16": "AVX512_CORE_AMX",
    "AVX512_CORE_AMX_FP16": "AVX512_CORE_AMX",
    "AVX10_2_AMX_2": "AVX512_CORE_AMX",
    "AVX10_2_512_AMX_2": "AVX512_CORE_AMX",
}
"""Limits that mean the same for this purpose."""


ALL = "all that the processor has"


@dataclass(frozen=True)
class Instructions:
    """A set of instructions: its usual name, whether it multiplies bfloat16, and why no larger one is used."""

    name: str
    bf16: bool
    reason: str


def choose_instructions() -> Instructions:
    """Limit what oneDNN may use from now on, and return it. AMX is left out, unless the user has set one of the
    variables.

    This works only before the first product of the process. After that, the layers find out by themselves what keeps
    rows independent.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return Instructions(platform.machine(), False, ALL)
    has = _features()
    mine = [each for each, (_, flags) in SETS.items() if all(has.get(flag) for flag in flags)] or ["SSE41"]
    variable = next((name for name in VARIABLES if os.environ.get(name)), None)
    if variable is None and mine[0] == "AVX512_CORE_AMX":
        variable = VARIABLES[0]
        os.environ[variable] = BELOW_AMX
    limit = os.environ[variable].upper() if variable else ""
    limit = OTHER_NAMES.get(limit, limit)
    below = list(SETS)[list(SETS).index(limit) if limit in SETS else 0 :]  # oneDNN ignores an unknown limit
    used = next((each for each in mine if each in below), "SSE41")
    if used == mine[0]:
        return _described(used, ALL)
    if mine[0] == "AVX512_CORE_AMX" and limit == BELOW_AMX:
        return _described(used, "not AMX, which rounds a row otherwise among others")
    return _described(used, f"{variable}={limit} allows no more")


def _features() -> Mapping[str, Any]:
    """What the processor has. A torch that cannot list everything is asked for what it knows."""
    if hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu.get_capabilities()
    asked = {"amx_tile": "amx_tile", "avx512_bf16": "avx512_bf16", "avx512_vnni": "vnni", "avx512_f": "avx512"}
    asked |= {"avx2": "avx2"}
    return {flag: getattr(torch.cpu, f"_is_{name}_supported", bool)() for flag, name in asked.items()}


def _described(used: str, reason: str) -> Instructions:
    return Instructions(SETS[used][0], list(SETS).index(used) <= list(SETS).index("AVX512_CORE_BF16"), reason)
