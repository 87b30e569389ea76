"""Whether a model is causal: shown by short inputs whose later tokens differ, not believed by its name."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .architectures import quiet
from .probing import plain_tokens, probing

LENGTH = 6
"""How many tokens are read."""

CUTS = (1, 3)
"""From where on the tokens differ: after the first one, which shows a prefix that is read both ways, and halfway."""

CLEAR = 0.05
"""Earlier logits that change by more than this share of what later ones change by do not do so by rounding."""

ROUNDED = {torch.float32: 1e-4, torch.float64: 1e-8}
"""The share that may be rounding where gradients cannot tell; ROUNDED_HALF for numbers of 16 bits and fewer."""

ROUNDED_HALF = 1e-2


def is_causal(model: Any) -> bool:
    """Whether the logits after a token are the same whatever tokens come later. `model` is in `eval` mode.

    Three inputs of 6 tokens are read, one by one. If earlier logits change so little that it may be rounding, as among
    experts that compute other tokens too, the gradient tells: that of an earlier logit by a later token must be zero.
    """
    tokens = plain_tokens(model)
    first, second = (_spread(tokens, start) for start in (0, len(tokens) // 2))
    logits = _read(model, first)
    shares = [_share(logits, _read(model, first[:cut] + second[cut:]), cut) for cut in CUTS]
    worst = max(shares)
    if worst == 0:
        return True
    if worst > CLEAR:
        return False
    slopes = [_slope(model, first, cut) for cut in CUTS]
    if None in slopes:
        return worst <= ROUNDED.get(logits.dtype, ROUNDED_HALF)
    return not any(slopes)


def _spread(tokens: list[int], start: int) -> list[int]:
    """LENGTH of the tokens; for another start (less than all of them further on) each one differs."""
    return [tokens[(7 * i + start) % len(tokens)] for i in range(LENGTH)]


def _read(model: Any, tokens: list[int]) -> Tensor:
    """The logits [tokens, vocab]."""
    with probing():
        logits: Tensor = model(input_ids=torch.tensor([tokens], device=model.device), use_cache=False).logits[0]
    return logits


def _share(one: Tensor, other: Tensor, cut: int) -> float:
    """How much logits before `cut` change, as a share of the change from there on."""
    change = (one.float() - other.float()).abs()
    earlier, later = float(change[:cut].max()), float(change[cut:].max())
    return earlier / max(later, earlier) if earlier else 0.0


def _slope(model: Any, tokens: list[int], cut: int) -> float | None:
    """The greatest gradient of logits before `cut` by what is read from there on; None if the model has none."""
    read: list[Tensor] = []

    def watch(module: Any, given: Any, vectors: Tensor) -> Tensor:
        read.append(vectors.detach().requires_grad_())
        return read[-1]

    hook = model.get_input_embeddings().register_forward_hook(watch)
    try:
        with torch.enable_grad(), quiet():
            logits = model(input_ids=torch.tensor([tokens], device=model.device), use_cache=False).logits
            (slope,) = torch.autograd.grad(logits[0, :cut].float().square().sum(), read[-1])
    except (RuntimeError, NotImplementedError):  # numbers without gradients, such as packed weights
        return None
    finally:
        hook.remove()
    return float(slope.reshape(len(tokens), -1)[cut:].abs().max())  # some models put the batch last
