"""Runs as they are on a device that one does not wait for, full memory, and checkpoints of another device."""

import json

import pytest
import torch
from guesser import collate, make_task, score

from gen_engine.errors import GenError
from gen_trainkit import distributed, loop, runs
from gen_trainkit.checkpoints import random_state, set_random_state
from gen_trainkit.devices import place
from gen_trainkit.loop import Recipe, Reporting, train
from gen_trainkit.metrics import open_events, read_metrics

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
QUIET = Reporting(log_every=4, save_every=6)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(loop, "draw_curve", lambda *_, **__: "")


@pytest.fixture
def waited_for(monkeypatch):
    """The CPU as if it had to be waited for; the steps at which it was."""
    steps = []
    for module in (loop, runs):
        monkeypatch.setattr(module, "is_waited_for", lambda device: True)
    read = loop.read_sums
    monkeypatch.setattr(loop, "read_sums", lambda run: (steps.append(run.step), read(run)))
    return steps


def run(folder, task=None, resume=False, reporting=QUIET, **settings):
    task = task or make_task()
    recipe = Recipe(**{"epochs": 2, "batch_tokens": 12, "rate": 1e-2, **settings})
    return train(task, recipe, folder, reporting=reporting, resume=resume), task.model.state_dict()


def figures(folder):
    return [
        {name: value for name, value in row.items() if name != "time"} for row in read_metrics(folder / "metrics.jsonl")
    ]


def test_a_device_is_waited_for_where_something_is_logged(tmp_path, waited_for):
    outcome, _ = run(tmp_path, make_task(valid_lengths=[]), reporting=Reporting(log_every=4, save_every=0))
    assert outcome.total == 10
    assert waited_for == [1, 4, 5, 8, 10]


def test_late_looks_change_no_weight_and_no_figure(tmp_path, monkeypatch, waited_for):
    _, late = run(tmp_path / "late")
    monkeypatch.undo()
    _, soon = run(tmp_path / "soon")
    assert figures(tmp_path / "late") == figures(tmp_path / "soon")
    assert all(torch.equal(late[name], soon[name]) for name in soon)


def test_an_overflow_found_late_ends_the_run_unsaved(tmp_path, waited_for):
    asked = []

    def score_wildly(model, batch):
        asked.append(batch)
        loss, correct = score(model, batch)
        return loss * (float("inf") if model.training and len(asked) == 7 else 1), correct

    reporting = Reporting(log_every=100, save_every=4)
    with pytest.raises(GenError, match=r"The loss is no finite number by step 8; .*go on from .*step-00000005 with"):
        run(tmp_path, make_task(score=score_wildly, valid_lengths=[]), reporting=reporting)
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == ["step-00000005"]


def test_rows_and_checkpoints_tell_the_kind_of_device(tmp_path):
    run(tmp_path)
    [manifest] = tmp_path.glob("checkpoints/*/manifest.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))["device"] == "cpu"
    assert {row["device"] for row in figures(tmp_path) if "loss" in row} == {"cpu"}
    open_events(tmp_path / "events", 0)({"step": 1, "loss": 1.0, "device": "cpu"})


def remade_on(folder, device):
    """The newest checkpoint, as if made on another device, or by a version that did not tell it."""
    [manifest] = folder.glob("checkpoints/*/manifest.json")
    values = {**json.loads(manifest.read_text(encoding="utf-8")), "device": device}
    kept = {name: value for name, value in values.items() if name != "sha256_of_values" and value is not None}
    manifest.write_text(json.dumps(kept), encoding="utf-8")


def test_a_run_of_another_kind_of_device_is_refused(tmp_path):
    run(tmp_path, steps=4)
    remade_on(tmp_path, "cuda")
    with pytest.raises(GenError, match="was made on cuda, and on cpu .* Give --device cuda, or another --out"):
        run(tmp_path, steps=6, resume=True)
    remade_on(tmp_path, None)
    assert run(tmp_path, steps=6, resume=True)[0].step == 6


def test_layers_may_be_computed_again_from_some_step_on(tmp_path):
    run(tmp_path, steps=4)
    with pytest.raises(GenError, match="no layers to compute again"):  # it gets as far as that
        run(tmp_path, steps=6, resume=True, gradient_checkpointing=True)


def full_task(at):
    """A task for whose training step number `at` there is no memory."""
    asked = []

    def collate_until_full(split, indices, epoch):
        asked.append(split)
        if asked.count("train") == at:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return collate(split, indices)

    return make_task(collate=collate_until_full)


def test_full_memory_tells_what_to_do_and_what_there_is(tmp_path):
    with pytest.raises(GenError, match=r"step of this training; give a smaller --batch-tokens .*, or --gradient-che"):
        run(tmp_path / "first", full_task(2))
    with pytest.raises(GenError, match=r"go on from .*step-00000006 with --resume --gradient-checkpointing, or "):
        run(tmp_path / "later", full_task(8))
    whole, expected = run(tmp_path / "whole")
    resumed, weights = run(tmp_path / "later", resume=True)
    assert resumed == whole
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_full_memory_with_lighter_layers_asks_for_smaller_batches(tmp_path):
    recipe = Recipe(gradient_checkpointing=True)
    assert loop._how_to_fit(recipe, tmp_path) == "give a smaller --batch-tokens and more --accumulate"
    (tmp_path / "step-00000003").mkdir()
    assert loop._how_to_fit(recipe, tmp_path).endswith(f"{tmp_path / 'step-00000003'} is whole")


def test_the_random_state_of_a_card_is_kept_too(monkeypatch):
    drawn = torch.arange(16, dtype=torch.uint8)
    told = []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: drawn)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: told.append((state.tolist(), str(device))))
    state = random_state(torch.device("cuda", 1))
    noise = torch.rand(3)
    set_random_state(state, torch.device("cuda", 1))
    assert torch.equal(torch.rand(3), noise)
    assert told == [(drawn.tolist(), "cuda:1")]


def test_on_a_cpu_the_random_state_is_its_own():
    assert torch.equal(random_state(torch.device("cpu")), torch.get_rng_state())


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "cpu:gloo,cuda:nccl")])
def test_cards_exchange_over_nccl_and_the_rest_over_gloo(monkeypatch, device, backend):
    asked = []
    monkeypatch.setattr(distributed, "process_count", lambda: 2)
    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: False)
    monkeypatch.setattr(distributed.dist, "init_process_group", lambda kind, timeout: asked.append(kind))
    monkeypatch.setattr(distributed.atexit, "register", lambda leave: None)
    distributed.join_group(torch.device(device))
    assert asked == [backend]


def test_full_memory_is_not_taken_for_a_lost_process():
    def fill():
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        distributed._together(fill)


@needs_cuda
@pytest.mark.parametrize("settings", [{}, {"ema": 0.9}, {"optimizer": "muon"}, {"dtype": "fp32"}], ids=str)
def test_what_is_stopped_on_a_card_ends_the_same(tmp_path, settings):
    def on_a_card(task):
        place(task.model, torch.device("cuda:0"))
        return task

    _, expected = run(tmp_path / "whole", on_a_card(make_task()), **settings)
    with pytest.raises(GenError, match="go on from"):
        run(tmp_path / "cut", on_a_card(full_task(8)), **settings)
    _, weights = run(tmp_path / "cut", on_a_card(make_task()), resume=True, **settings)
    for name in expected:
        torch.testing.assert_close(weights[name], expected[name])
