"""Batches of texts of similar length, the same for the same seed and epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence


def plan_epoch(lengths: Sequence[int], batch_tokens: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Indices of every text once, in batches of at most `batch_tokens` padded tokens, in shuffled order.

    A text longer than `batch_tokens` gets a batch of its own. The number of batches is the same in every epoch, because
    texts are cut into batches in order of length, which no shuffle changes. So a step number alone tells the place in
    the data.
    """
    shuffle = random.Random(f"{seed}/{epoch}").shuffle
    order = list(range(len(lengths)))
    shuffle(order)
    order.sort(key=lengths.__getitem__)  # stable: texts of equal length stay shuffled
    batches = cut_batches(order, lengths, batch_tokens)
    shuffle(batches)
    return batches


def cut_batches(order: Sequence[int], lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Consecutive runs of `order`, given from short to long, whose padded size stays within `batch_tokens`."""
    batches: list[list[int]] = []
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * lengths[index] > batch_tokens:
            batches.append(batch)
            batch = []
        batch.append(index)
    return [*batches, batch] if batch else batches
