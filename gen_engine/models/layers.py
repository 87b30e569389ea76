"""Linear layers and activations of a transformers model, computed so that a row does not depend on its neighbours
(`kernels.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ..compiled.floats import FloatLinear, pack_floats
from .kernels import Layer, Linear, kernel_of, make_linear

FEW = 3
"""Measured with float32 layers of 576 x 1536 on two cores with AVX-512: plain weights take 0.65 of the time of packed
ones at one row, 0.7 at two, 1.5 at eight, 2 at 32.
"""

BLOCK = 8192
"""Layers with more outputs, as heads over large vocabularies are, are computed in blocks of so many.

How a kernel rounds is found out by trying, which would take seconds for a whole head.
"""


def put_kernels_into(model: Any, *, fast: bool) -> list[Any]:
    """Compute all linear layers of a model on a CPU by our kernels, and activations by vectors. Returns the layers
    whose own weights were copied.

    The compiled library computes float32. Without it, and in bfloat16, `fast` computes all rows together, even where
    they then depend on each other. Up to `FEW` rows are computed by the layers themselves then, which read plain
    weights faster; so there are two copies of the weights.
    """
    from transformers.pytorch_utils import Conv1D

    embeddings = model.get_input_embeddings().weight
    copied = []
    for module in model.modules():
        if _is_activation(module) and not fast:
            module.forward = partial(_in_vectors, module.forward)
        if type(module) not in (nn.Linear, Conv1D) or module.weight.dtype not in (torch.float32, torch.bfloat16):
            continue
        weight = module.weight.detach()
        weight = weight.t().contiguous() if type(module) is Conv1D else weight
        bias = None if module.bias is None else module.bias.detach()
        if weight.dtype == torch.float32 and (floats := _packed(weight, bias)) is not None:
            module.forward = partial(_in_one_order, floats, torch.get_num_threads())
            if module.weight is not embeddings:
                copied.append(module)
            continue
        parts = torch.split(weight, BLOCK)
        biases = [None] * len(parts) if bias is None else torch.split(bias, BLOCK)
        kinds = {kernel_of(Layer(len(part), part.shape[1], "none", bias is not None), part.dtype) for part in parts}
        linears = [make_linear(*each, fast=fast) for each in zip(parts, biases, strict=True)]
        _compute_by(module, linears, few=FEW if fast else 0)
        if not fast and module.weight is not embeddings and all(kind.packed for kind in kinds):
            copied.append(module)
    return copied


def _packed(weight: Tensor, bias: Tensor | None) -> FloatLinear | None:
    return pack_floats(weight.numpy(), None if bias is None else bias.numpy(), torch.get_num_threads())


def _in_one_order(layer: FloatLinear, threads: int, x: Tensor) -> Tensor:
    """The layer's outputs [..., out] for float32 x [..., in]."""
    x = x.contiguous()
    made = x.new_empty(*x.shape[:-1], layer.outputs)
    layer.multiply(x.numel() // layer.inputs, x.data_ptr(), made.data_ptr(), threads)
    return made


VECTORS = 64
"""No vector register holds more numbers, two at a time, of 16 bits."""

SERIAL = 32768
"""Up to so many numbers torch computes by one thread (`at::internal::GRAIN_SIZE`)."""


def _is_activation(module: Any) -> bool:
    """Whether a module is one of transformers' or torch's own activation functions, which take numbers one by one."""
    from transformers.activations import ACT2CLS

    kinds = {each[0] if isinstance(each, tuple) else each for each in ACT2CLS.values()}
    return type(module) in kinds and not any(True for _ in module.parameters())


def _in_vectors(compute: Linear, x: Tensor) -> Tensor:
    """`compute` for each number of x, always by vectors: the rest of a tensor, or of a thread's part, that fills no
    vector is computed by other instructions, which round otherwise.
    """
    flat = x.reshape(-1)
    padded = F.pad(flat, (0, -len(flat) % VECTORS)) if len(flat) % VECTORS else flat
    if len(padded) <= SERIAL:
        made = compute(padded)
    else:
        made = torch.cat([compute(part) for part in torch.split(padded, SERIAL)])
    return made[: len(flat)].view(x.shape)


def free_copied(modules: Sequence[Any], still_works: Callable[[], bool]) -> bool:
    """Free the modules' own weights, which packed ones stand for, unless the model reads them elsewhere. Returns
    whether any were freed.
    """
    held = [module.weight.data for module in modules]
    for module in modules:
        module.weight.data = module.weight.data.new_empty(0)
    if not still_works():
        for module, weight in zip(modules, held, strict=True):
            module.weight.data = weight
        return False
    return bool(modules)


def _compute_by(module: Any, parts: Sequence[Linear], *, few: int) -> None:
    """Let a module compute by linear functions of x [rows, in], one for each block of outputs; by itself up to `few`
    rows.
    """
    plain = module.forward

    def forward(x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) <= few:
            found: Tensor = plain(x)
            return found
        made = parts[0](rows) if len(parts) == 1 else torch.cat([part(rows) for part in parts], -1)
        return made.view(*x.shape[:-1], -1)

    module.forward = forward
