"""Optimisers and their parameter groups: AdamW alone, or Muon for hidden matrices beside AdamW for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn

from gen_engine.errors import GenError

OptimizerName = Literal["adamw", "muon"]


def build_optimizers(
    model: nn.Module,
    name: OptimizerName,
    *,
    rate: float,
    matrix_rate: float,
    weight_decay: float,
    head_rate: float | None = None,
    is_head: Callable[[str], bool] | None = None,
) -> list[torch.optim.Optimizer]:
    """The optimisers that together move every trainable parameter of `model` once.

    `matrix_rate` is the learning rate of Muon (Jordan et al. 2024), rescaled to AdamW's step size (Liu et al. 2025,
    arXiv:2502.16982). Embeddings, norms and biases always go to AdamW, without weight decay. Parameters of which
    `is_head(name)` is true learn by AdamW at `head_rate`.
    """
    head = {id(p) for key, p in model.named_parameters() if head_rate is not None and is_head and is_head(key)}
    matrices, others = split_parameters(model)
    heads = [_plain_group(matrices, weight_decay, head_rate, head), _plain_group(others, 0.0, head_rate, head)]
    heads = [group for group in heads if group["params"]]
    matrices, others = [[p for p in part if id(p) not in head] for part in (matrices, others)]
    if name == "muon":
        if not hasattr(torch.optim, "Muon"):
            raise GenError(
                f"torch {torch.__version__} has no Muon. Install torch 2.9 or later, or give --optimizer adamw."
            )
        rest = [{"params": others, "weight_decay": 0.0}, *heads]
        adamw = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), fused=True)
        if not matrices:  # only the head is trained
            return [adamw]
        settings: dict[str, Any] = {"weight_decay": weight_decay, "adjust_lr_fn": "match_rms_adamw"}
        return [torch.optim.Muon(matrices, lr=matrix_rate, **settings), adamw]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}, *heads]
    return [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)]


def _plain_group(
    part: Sequence[nn.Parameter], weight_decay: float, rate: float | None, head: set[int]
) -> dict[str, Any]:
    return {"params": [p for p in part if id(p) in head], "weight_decay": weight_decay, "lr": rate}


def split_parameters(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(weight matrices of layers, everything else): embeddings, tied or not, and vectors are "everything else"."""
    looked_up = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [p for p in trainable if p.ndim == 2 and id(p) not in looked_up]
    others = [p for p in trainable if p.ndim != 2 or id(p) in looked_up]
    return matrices, others


def peak_rates(optimizers: Sequence[torch.optim.Optimizer]) -> list[float]:
    """The learning rate of every group of every optimiser, in order, before any schedule changes it."""
    return [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]


def set_rates(optimizers: Sequence[torch.optim.Optimizer], peaks: Sequence[float], factor: float) -> None:
    """Set every group's learning rate to its peak times `factor`."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group, peak in zip(groups, peaks, strict=True):
        group["lr"] = peak * factor
