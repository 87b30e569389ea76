"""Cross entropy over a large vocabulary, without holding all logits at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

IGNORED = -100
"""The label that the loss ignores, as in torch and transformers."""

ROWS_AT_ONCE = 512
"""So many rows of logits fit a CPU's cache; a GPU takes more, lest it waits for the next to be asked for."""

ROWS_ON_A_GPU = 4096


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Loss and both gradients in one pass over chunks of rows; the logits of a chunk stay in cache and are dropped."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        given, rows_at_once = hidden.dtype, ROWS_AT_ONCE
        if hidden.device.type != "cpu":
            hidden, rows_at_once = hidden.to(_dtype_of_products(hidden)), ROWS_ON_A_GPU
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        matrix = weight.to(hidden.dtype)
        loss = torch.zeros((), device=hidden.device)
        correct = torch.zeros((), dtype=torch.long, device=hidden.device)
        for start in range(0, len(hidden), rows_at_once):
            rows = slice(start, start + rows_at_once)
            known = labels[rows] != IGNORED
            target = labels[rows].clamp(min=0).unsqueeze(1)
            logits = (hidden[rows] @ matrix.T).float()  # [rows, vocab]
            correct += ((logits.argmax(1) == target[:, 0]) & known).sum()
            norm = logits.logsumexp(1, keepdim=True)
            loss += ((norm - logits.gather(1, target))[:, 0] * known).sum()
            grad = logits.sub_(norm).exp_()
            grad.scatter_add_(1, target, torch.full_like(norm, -1.0))
            grad.mul_(known.unsqueeze(1))
            small = grad.to(hidden.dtype)
            grad_hidden[rows] = small @ matrix
            grad_weight += small.T @ hidden[rows]
        ctx.save_for_backward(grad_hidden.to(given), grad_weight.to(weight.dtype))
        ctx.mark_non_differentiable(correct)
        return loss, correct

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        scale = grads[0]
        return grad_hidden * scale.to(grad_hidden.dtype), grad_weight * scale, None


def _dtype_of_products(hidden: Tensor) -> torch.dtype:
    """What autocast multiplies in on an accelerator, where it would convert the weights anew for each chunk."""
    kind = hidden.device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return hidden.dtype
    return torch.get_autocast_dtype(kind)


def chunked_cross_entropy(hidden: Tensor, weight: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """(summed loss in nats, number of right guesses) of `labels` [rows] under `hidden` [rows, width] @ `weight`.T.

    Rows labelled IGNORED are left out. Only the loss has a gradient, with respect to `hidden` and `weight` [vocab,
    width].
    """
    loss, correct = _ChunkedCrossEntropy.apply(hidden, weight, labels)
    return loss, correct
