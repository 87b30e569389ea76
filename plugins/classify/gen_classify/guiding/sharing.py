"""Prefix sharing in a GPT-2 classifier: texts that differ in their last token only share the work on their prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import DynamicCache

Prefix = tuple[int, ...]
Item = TypeVar("Item")


def can_share(model: Any) -> bool:
    """Whether `last_logits` works for this classifier: its tokens see only those before them."""
    return bool(model.config.model_type == "gpt2" and hasattr(model, "score") and hasattr(model, "transformer"))


@torch.inference_mode()
def last_logits(model: Any, rows: Sequence[Sequence[int]], *, width: Callable[[int], int], block: int) -> Tensor:
    """The head's logits [rows, outputs] at the last token of each row of two or more tokens.

    Each prefix is read in a block with `block - 1` others, padded to `width(its length)` tokens. The last tokens are
    read in such blocks too, after their prefixes. So a row alone decides what is computed for it, and in which shapes.
    """
    found: dict[int, Tensor] = {}
    by_width: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        by_width.setdefault(width(len(row) - 1), []).append(index)
    for size, indices in sorted(by_width.items()):
        prefixes = list(dict.fromkeys(tuple(rows[index][:-1]) for index in indices))
        memory = _read(model, prefixes, size, block)
        places = {prefix: place for place, prefix in enumerate(prefixes)}
        for some in _blocks(indices, block):
            whose = [places[tuple(rows[index][:-1])] for index in some]
            told = _last(model, memory, whose, [len(rows[index]) - 1 for index in some], [rows[i][-1] for i in some])
            found |= dict(zip(some[::-1], told.flip(0), strict=True))  # of repeats in a block, the first counts
    return torch.stack([found[index] for index in range(len(rows))])


def _read(model: Any, prefixes: Sequence[Prefix], size: int, block: int) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of each layer, [prefixes, heads, size, width]."""
    read: list[list[tuple[Tensor, Tensor]]] = []
    for some in _blocks(prefixes, block):
        ids = torch.tensor([[*prefix, *[0] * (size - len(prefix))] for prefix in some], device=model.device)
        seen = torch.tensor([[1] * len(prefix) + [0] * (size - len(prefix)) for prefix in some], device=model.device)
        past = model.transformer(input_ids=ids, attention_mask=seen, use_cache=True).past_key_values
        read.append([(layer.keys, layer.values) for layer in past.layers])
    layers = zip(*read, strict=True)
    return [(torch.cat([keys for keys, _ in layer]), torch.cat([values for _, values in layer])) for layer in layers]


def _last(
    model: Any,
    memory: Sequence[tuple[Tensor, Tensor]],
    whose: Sequence[int],
    lengths: Sequence[int],
    tokens: Sequence[int],
) -> Tensor:
    """The head's logits [block, outputs] at one token after each of the prefixes `whose`."""
    size = memory[0][0].shape[2]
    past = DynamicCache()
    for number, (keys, values) in enumerate(memory):
        past.update(keys[list(whose)], values[list(whose)], number)
    seen = torch.tensor([[1] * length + [0] * (size - length) + [1] for length in lengths], device=model.device)
    hidden = model.transformer(
        input_ids=torch.tensor(tokens, device=model.device)[:, None],
        attention_mask=seen,
        position_ids=torch.tensor(lengths, device=model.device)[:, None],
        past_key_values=past,
        use_cache=True,
    ).last_hidden_state
    logits: Tensor = model.score(hidden[:, -1]).float().cpu()
    return logits


def _blocks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """The items in blocks of `size`; the last block is filled up with its first item."""
    for start in range(0, len(items), size):
        some = list(items[start : start + size])
        yield some + some[:1] * (size - len(some))
