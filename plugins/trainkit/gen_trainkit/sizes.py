"""Refuse batches that this machine cannot hold, by calculation."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gen_engine.errors import GenError
from gen_engine.models.sizes import memory
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.devices import device_memory, device_of, settled
from gen_trainkit.tasks import Recipe, Task

KEPT = 7
"""How many numbers a layer keeps per token for the backward pass, at least, in multiples of its width: the inputs of
its linear layers."""


def check_batches(task: Task, recipe: Recipe) -> None:
    """Raise GenError if the largest batch takes more memory than there is, however economical the kernels are.

    Of a model whose layers are computed again nothing is said: what it keeps depends on more than its sizes.
    """
    batches = plan_epoch(task.train_lengths, recipe.batch_tokens, seed=recipe.seed, epoch=0)
    tokens = max((len(batch) * max(task.train_lengths[index] for index in batch) for batch in batches), default=0)
    device = device_of(task.model)
    kept = 0 if recipe.gradient_checkpointing else _kept(task.model)
    least = tokens * kept * (2 if settled(recipe, device).dtype == "bf16" else 4)
    room = memory() if device.type == "cpu" else device_memory(device)
    if room is not None and least > room:
        raise GenError(
            f"A batch of {tokens:,} tokens takes {least / 1e9:,.0f} GB at least in this model, and {_owner(device)} has"
            f" {room / 1e9:,.0f}. Give a smaller --batch-tokens."
        )


def _owner(device: torch.device) -> str:
    return "this machine" if device.type == "cpu" else str(device)


def _kept(model: nn.Module) -> int:
    """How many numbers a model keeps per token for the backward pass, at least; 0 where parts of it are frozen."""
    holder: Any = getattr(model, "encoder", model)
    config = getattr(holder, "config", None)
    if config is None or not all(parameter.requires_grad for parameter in holder.parameters()):
        return 0
    return KEPT * int(getattr(config, "num_hidden_layers", 0)) * int(getattr(config, "hidden_size", 0))
