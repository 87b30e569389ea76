"""Linear layers of a transformers model, computed so that a row does not depend on its neighbours (`kernels.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .kernels import Layer, Linear, kernel_of, make_linear

BLOCK = 8192
"""Layers with more outputs, as heads over large vocabularies are, are computed in blocks of so many.

How a kernel rounds is found out by trying, which would take seconds for a whole head.
"""


def put_kernels_into(model: Any, *, fast: bool) -> list[Any]:
    """Compute all linear layers of a model on a CPU by our kernels. Returns those whose own weights were copied.

    With `fast` all rows are computed together, even where they then depend on each other.
    """
    from transformers.pytorch_utils import Conv1D

    embeddings = model.get_input_embeddings().weight
    copied = []
    for module in model.modules():
        if type(module) not in (nn.Linear, Conv1D) or module.weight.dtype not in (torch.float32, torch.bfloat16):
            continue
        weight = module.weight.detach()
        weight = weight.t().contiguous() if type(module) is Conv1D else weight
        bias = None if module.bias is None else module.bias.detach()
        parts = torch.split(weight, BLOCK)
        biases = [None] * len(parts) if bias is None else torch.split(bias, BLOCK)
        kinds = {kernel_of(Layer(len(part), part.shape[1], "none", bias is not None), part.dtype) for part in parts}
        _compute_by(module, [make_linear(*each, fast=fast) for each in zip(parts, biases, strict=True)])
        if module.weight is not embeddings and all(kind.packed for kind in kinds):
            copied.append(module)
    return copied


def free_copied(modules: Sequence[Any], still_works: Callable[[], bool]) -> None:
    """Free the modules' own weights, which packed ones stand for, unless the model reads them elsewhere."""
    held = [module.weight.data for module in modules]
    for module in modules:
        module.weight.data = module.weight.data.new_empty(0)
    if not still_works():
        for module, weight in zip(modules, held, strict=True):
            module.weight.data = weight


def _compute_by(module: Any, parts: Sequence[Linear]) -> None:
    """Let a module compute by linear functions of x [rows, in], one for each block of outputs."""

    def forward(x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        made = parts[0](rows) if len(parts) == 1 else torch.cat([part(rows) for part in parts], -1)
        return made.view(*x.shape[:-1], -1)

    module.forward = forward
