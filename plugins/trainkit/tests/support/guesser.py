"""A tiny model that guesses the next number, and the task to train it."""

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

from gen_trainkit.loop import Batch, Task

LENGTHS = [2, 3, 4] * 6


class Guesser(nn.Module):
    """Guesses a number from a number, with dropout so that the random state matters."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.embed, self.inner, self.drop = nn.Embedding(6, 8), nn.Linear(8, 6), nn.Dropout(0.2)

    def forward(self, ids):
        return self.inner(self.drop(self.embed(ids)))


def collate(split, indices, epoch=0):
    longest = max(LENGTHS[i] for i in indices)
    ids = torch.tensor([[(i + at) % 6 for at in range(longest)] for i in indices])
    labels = (ids + 1) % 6
    for row, i in enumerate(indices):
        labels[row, LENGTHS[i] :] = -100
    return Batch({"ids": ids}, labels)


def score(model, batch):
    logits = model(**batch.inputs)
    loss = cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum")
    return loss, (logits.argmax(-1) == batch.labels).sum()


def make_task(**changes):
    model = Guesser()
    parts = {"train_lengths": LENGTHS, "valid_lengths": LENGTHS[:6], "collate": collate, "score": score} | changes
    return Task(model=model, export=lambda folder: save_file(model.state_dict(), folder / "model.safetensors"), **parts)
