"""What each of two gloo processes runs for `test_distributed.py`; it leaves found-RANK.json in the folder given."""

import json
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import gen_trainkit.loop
import gen_trainkit.runs
from gen_engine.errors import GenError
from gen_trainkit.distributed import join_group
from gen_trainkit.loop import Batch, Recipe, Reporting, Task, train

LENGTHS = [2, 3, 4] * 6
RANK = int(os.environ["RANK"])
FOLDER = Path(sys.argv[1])
gen_trainkit.loop.draw_curve = lambda metrics, picture, **language: ""


def collate(split, indices, epoch):
    longest = max(LENGTHS[i] for i in indices)
    ids = torch.tensor([[(i + at) % 6 for at in range(longest)] for i in indices])
    labels = (ids + 1) % 6
    for row, i in enumerate(indices):
        labels[row, LENGTHS[i] :] = -100
    return Batch({"ids": ids}, labels)


def score(model, batch):
    logits = model(batch.inputs["ids"])
    loss = cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum")
    return loss, (logits.argmax(-1) == batch.labels).sum()


def make_task(dropout=0.0, **changes):
    torch.manual_seed(5 + RANK)  # other weights in every process, of which those of the first are to be taken
    model = nn.Sequential(nn.Embedding(6, 8), nn.Dropout(dropout), nn.Linear(8, 8), nn.Linear(8, 6))
    parts = {"train_lengths": LENGTHS, "valid_lengths": LENGTHS[:9], "collate": collate, "score": score}
    return Task(model=model, export=lambda folder: (folder / "model").touch(), **{**parts, **changes})


def run(name, task, *, resume=False, **settings):
    reporting = Reporting(log_every=1, valid_every=2, save_every=2)
    recipe = Recipe(**{"epochs": 2, "batch_tokens": 12, "rate": 1e-2, **settings})
    return train(task, recipe, FOLDER / name, reporting=reporting, resume=resume)


def weights(task):
    return torch.cat([parameter.detach().flatten() for parameter in task.model.parameters()])


class Alone:
    """Inside, this process thinks that there is no other."""

    def __enter__(self):
        self.rank = os.environ.pop("RANK")

    def __exit__(self, *_):
        os.environ["RANK"] = self.rank


def compare(name, **settings):
    """How far the weights of two processes are from those of one with twice the batches a step."""
    run(name, task := make_task(), **settings)
    lone = make_task()
    with torch.no_grad():  # the weights of the first process
        join_group().equalise(list(lone.model.parameters()))
    with Alone():
        run(f"{name}-{RANK}", lone, **{**settings, "accumulate": 2 * settings.get("accumulate", 1)})
    return (weights(task) - weights(lone)).abs().max().item(), weights(task).tolist()


def stopping_collate(split, indices, epoch, asked=[]):  # noqa: B006
    asked.append(split)
    if RANK == 1 and split == "train" and asked.count("train") == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    return collate(split, indices, epoch)


noise, asked, writing = [], [], []


def collate_with_noise(split, indices, epoch):
    noise.append(torch.rand(1).item())
    return collate(split, indices, epoch)


def own_figures(model):
    asked.append(True)
    return {"own": 7.0}


def noting(write):
    return lambda *arguments: (writing.append(True), write(*arguments))


found = {"differences": {}}
SETTINGS = {
    "adamw": {"accumulate": 2},
    "muon with means": {"optimizer": "muon", "ema": 0.9},
    "odd batches": {"batch_tokens": 16, "epochs": 3},
    "parallel": {"parallel": 2},
}
for name, settings in SETTINGS.items():
    found["differences"][name], found["weights"] = compare(name, **settings)

gen_trainkit.loop.append_metrics = noting(gen_trainkit.loop.append_metrics)
gen_trainkit.runs.write_checkpoint = noting(gen_trainkit.runs.write_checkpoint)
outcome = run("whole", whole := make_task(0.3, figures=own_figures))
found["outcomes"] = {"figures": dict(outcome.figures), "best": outcome.best, "step": outcome.step}
found["asked for figures"] = bool(asked)
stopped = run("cut", make_task(0.3, collate=stopping_collate))
found["stopped"] = {"signal": stopped.signal, "step": stopped.step}
run("cut", cut := make_task(0.3), resume=True)
found["resumed"] = torch.equal(weights(whole), weights(cut))
run("noisy", make_task(collate=collate_with_noise), steps=1)
found["first noise"] = noise[0]

found["wrote"] = bool(writing)
run("half", make_task(), steps=4, schedule="constant")
run("full", full := make_task(), steps=6, schedule="constant")
if RANK == 0:
    with Alone():
        run("half", lone := make_task(), steps=6, schedule="constant", accumulate=2, resume=True)
    found["alone"] = (weights(lone) - weights(full)).abs().max().item()

if RANK:
    (FOLDER / f"found-{RANK}.json").write_text(json.dumps(found))
    os._exit(0)
try:
    join_group().highest(1)
except GenError as error:
    found["alone in the group"] = str(error)
(FOLDER / f"found-{RANK}.json").write_text(json.dumps(found))
os._exit(0)
