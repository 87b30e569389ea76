"""Which dtype to compute in."""

from __future__ import annotations

import torch


def choose_dtype(wanted: str) -> tuple[torch.dtype, str]:
    """The dtype to compute in, and why; "auto" asks what the processor has, never a clock."""
    if wanted == "float32":
        return torch.float32, "asked for"
    if wanted == "bfloat16":
        return torch.bfloat16, "asked for"
    for probe, name in (("_is_amx_tile_supported", "AMX"), ("_is_avx512_bf16_supported", "AVX-512 bf16")):
        if getattr(torch.cpu, probe, lambda: False)():
            return torch.bfloat16, f"the processor has {name}"
    return torch.float32, "the processor multiplies bfloat16 no faster"
