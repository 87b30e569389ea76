"""The dtype to compute in."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..errors import GenError
from .instructions import choose_instructions
from .kernels import Layer, kernel_of


def choose_dtype(
    wanted: str, layers: Iterable[Layer] = (), *, device: torch.device | None = None
) -> tuple[torch.dtype, str]:
    """The compute dtype, and why. "auto" asks what the processor supports and what keeps rows independent, never a
    clock. On an accelerator `device` it is bfloat16, or float32 where a CUDA device lacks that.

    Raises GenError for int8, which torch does not compute here. "auto" is float32 if bfloat16 would have to compute the
    rows of one of `layers` one by one, and float32 would not.
    """
    if wanted == "int8":
        raise GenError("This kind of model is not computed in int8; choose auto, float32 or bfloat16.")
    afar = device is not None and device.type != "cpu"
    instructions = None if afar else choose_instructions()  # on a CPU always: it limits what oneDNN may use
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted], "asked for"
    if instructions is None:
        if device is not None and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.float32, "this GPU has no bfloat16"
        return torch.bfloat16, "accelerators multiply it fast"
    if not instructions.bf16:
        return torch.float32, f"{instructions.name} multiplies bfloat16 no faster"
    slow = [layer for layer in layers if kernel_of(layer, torch.bfloat16).one_by_one]
    if slow and not any(kernel_of(layer, torch.float32).one_by_one for layer in slow):
        return torch.float32, "bfloat16 rounds rows otherwise among others and would compute each by itself"
    return torch.bfloat16, f"{instructions.name} multiplies it fast"
