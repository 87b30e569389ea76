"""Random calls of a model's `feed`, and what its own forward pass gives to each row by itself."""

import random

import torch


def calls(tokens, *, steps, most, longest, seed):
    """Calls `(parents, keep, tokens, rows)`: rows continue, are cut back, branch, end and begin."""
    given, rows = random.Random(seed), []
    for _ in range(steps):
        made = [each for i, row in enumerate(rows) for each in _heirs(i, row, tokens, given)]
        while len(made) < most:
            made.append((-1, 0, some(tokens, given, given.randint(1, 20)), []))
        made = [each for each in made[: 2 * most] if each[1] + len(each[2]) <= longest]
        rows = [old[:keep] + new for _, keep, new, old in made]
        yield [each[0] for each in made], [each[1] for each in made], [each[2] for each in made], rows


def _heirs(place, row, tokens, given):
    for _ in range(given.choice([0, 1, 1, 1, 1, 2])):
        keep = len(row) if given.random() < 0.85 else given.randint(1, len(row))
        yield place, keep, some(tokens, given, given.choice([1, 1, 1, 2, 3])), row


def some(tokens, given, count):
    return [given.choice(tokens) for _ in range(count)]


@torch.inference_mode()
def expected(model, rows):
    """The logits [rows, vocab] of a transformers model after each row, read alone and whole."""
    return torch.stack([model(input_ids=torch.tensor([row])).logits[0, -1].float() for row in rows])
