import json
import os
import signal
from contextlib import contextmanager

import pytest
import torch
from guesser import LENGTHS, Guesser, collate, make_task, score
from safetensors.torch import load_file
from torch import nn

from gen_engine.errors import GenError
from gen_trainkit.loop import Batch, Recipe, Reporting, Task, export_last, train
from gen_trainkit.metrics import read_metrics
from gen_trainkit.storing import claimed

QUIET = Reporting(log_every=2, valid_every=3, save_every=2)


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """The pictures asked for; drawing them takes longer than the tiny runs here."""
    pictures = []
    monkeypatch.setattr("gen_trainkit.loop.draw_curve", lambda metrics, picture, **language: pictures.append(picture))
    return pictures


def run(folder, task=None, resume=False, reporting=QUIET, **settings):
    task = task or make_task()
    recipe = Recipe(**{"epochs": 2, "batch_tokens": 12, "rate": 1e-2, **settings})
    return train(task, recipe, folder, reporting=reporting, resume=resume), task.model.state_dict()


def stopping_task(at, part="train"):
    """A task whose process gets SIGTERM when the batch number `at` of `part` is asked for."""
    asked = []

    def collate_then_stop(split, indices, epoch):
        asked.append(split)
        if split == part and asked.count(part) == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return collate(split, indices)

    return make_task(collate=collate_then_stop)


SETTINGS = [
    {},
    {"optimizer": "muon"},
    {"ema": 0.9},
    {"accumulate": 2, "schedule": "cosine", "warmup": 2},
    {"dtype": "bf16"},
    {"steps": 7},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("at", [1, 4, 6])
def test_a_stopped_run_resumes_to_the_same_weights(tmp_path, settings, at):
    whole, expected = run(tmp_path / "whole", **settings)
    stopped, _ = run(tmp_path / "cut", stopping_task(at), **settings)
    resumed, weights = run(tmp_path / "cut", resume=True, **settings)
    assert (whole.signal, stopped.signal, resumed.signal) == (0, signal.SIGTERM, 0)
    assert resumed == whole
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.mark.parametrize("lost", ["step", "recipe", "fingerprint"])
def test_a_checkpoint_without_its_step_recipe_or_fingerprint_is_refused(tmp_path, lost):
    run(tmp_path)
    [manifest] = tmp_path.glob("checkpoints/*/manifest.json")
    values = json.loads(manifest.read_text(encoding="utf-8"))
    kept = {name: value for name, value in values.items() if name not in (lost, "sha256_of_values")}
    manifest.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(GenError, match="is damaged. Remove that folder"):
        run(tmp_path, resume=True)


def test_a_resumed_run_has_the_same_figures(tmp_path):
    run(tmp_path / "whole")
    run(tmp_path / "cut", stopping_task(3))
    run(tmp_path / "cut", resume=True)
    one, other = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut"))
    for row in one + other:
        row.pop("time", None)
    assert one == other


def test_it_learns_and_measures(tmp_path, drawn):
    outcome, _ = run(tmp_path, epochs=20, rate=5e-2)
    last = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert outcome.figures["valid_loss"] == last["valid_loss"] < 0.1
    assert last["valid_accuracy"] == 1
    assert drawn == [tmp_path / "curve.png"]


@pytest.fixture
def notes(monkeypatch):
    """What the bar of a run says, step by step."""
    said = []

    @contextmanager
    def watch_run(total, start):
        yield lambda step, tokens, note: said.append((step, note))

    monkeypatch.setattr("gen_trainkit.loop.watch_run", watch_run)
    return said


@pytest.mark.parametrize("settings", [{}, {"epochs": 3}, {"steps": 5}, {"steps": 1}], ids=str)
def test_the_last_note_follows_validation_and_tells_the_best_loss(tmp_path, notes, settings):
    outcome, _ = run(tmp_path, **settings)
    assert notes[-1] == (outcome.total, notes[-1][1])
    assert notes[-1][1].endswith(f"best valid_loss {outcome.best:.4f}")
    assert outcome.best == min(
        row["valid_loss"] for row in read_metrics(tmp_path / "metrics.jsonl")[1:] if "valid_loss" in row
    )
    assert notes[-2][1].endswith("validating")


@pytest.mark.parametrize(("steps", "logged"), [(1, [1]), (2, [1, 2]), (5, [1, 3, 5]), (7, [1, 3, 5, 6, 7])])
def test_a_short_run_logs_both_ends_and_every_validated_step(tmp_path, steps, logged):
    run(tmp_path, steps=steps, reporting=Reporting(log_every=50, valid_every=3))
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows if "loss" in row] == logged
    assert [row["step"] for row in rows if "valid_loss" in row] == [0, *logged[logged[0] != steps :]]


def test_without_texts_set_aside_nothing_is_measured_before_training(tmp_path):
    run(tmp_path, make_task(valid_lengths=[]), steps=2)
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2]


def test_a_run_resumed_before_step_one_measures_its_start_once(tmp_path):
    assert run(tmp_path, stopping_task(1, "valid"))[0].step == 0
    run(tmp_path, resume=True)
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")][:2] == [0, 1]


def test_labels_of_padding_count_for_nothing(tmp_path):
    def collate_with_noise(split, indices, epoch):
        batch = collate(split, indices)
        batch.inputs["ids"][batch.labels == -100] = 5
        return batch

    _, expected = run(tmp_path / "a")
    _, weights = run(tmp_path / "b", make_task(collate=collate_with_noise))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def dry_weights(folder, **settings):
    """The weights after one step without dropout."""
    model = Guesser()
    model.drop.p = 0.0
    task = Task(model, LENGTHS, [], collate, score, lambda folder: None)
    train(task, Recipe(rate=1e-2, steps=1, **settings), folder, reporting=QUIET, resume=False)
    return list(model.parameters())


@pytest.mark.parametrize("settings", [{"batch_tokens": 12, "accumulate": 99}, {"batch_tokens": 999, "parallel": 2}])
def test_batches_in_parts_weigh_as_one(tmp_path, settings):
    whole = dry_weights(tmp_path / "whole", batch_tokens=999)
    for one, other in zip(whole, dry_weights(tmp_path / "parts", **settings), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("settings", [{"accumulate": 99}, {"batch_tokens": 999}, {"accumulate": 99, "parallel": 2}])
def test_the_gradient_is_that_of_the_mean_over_all_targets(tmp_path, monkeypatch, settings):
    seen = []
    keep = lambda parameters, clip: seen.extend(p.grad.clone() for p in parameters) or torch.ones(())  # noqa: E731
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", keep)
    dry_weights(tmp_path, **{"batch_tokens": 12, **settings})
    model = Guesser().eval()
    batch = collate("train", range(len(LENGTHS)))
    (score(model, batch)[0] / sum(LENGTHS)).backward()
    for gradient, parameter in zip(seen, model.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def test_parts_side_by_side_give_the_same_bits_each_time(tmp_path):
    runs = [dry_weights(tmp_path / name, batch_tokens=40, accumulate=3, parallel=3) for name in "ab"]
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


def test_dropout_on_threads_side_by_side_is_refused(tmp_path):
    with pytest.raises(GenError, match="Give --parallel 1"):
        run(tmp_path, parallel=2)


def test_the_best_model_is_kept_when_later_ones_are_worse(tmp_path):
    def collate_misleadingly(split, indices, epoch):
        batch = collate(split, indices)
        return Batch(batch.inputs, (batch.labels + 1).remainder(6)) if split == "train" else batch

    outcome, weights = run(tmp_path, make_task(collate=collate_misleadingly))
    losses = [row["valid_loss"] for row in read_metrics(tmp_path / "metrics.jsonl") if "valid_loss" in row]
    assert outcome.best == min(losses) < losses[-1]
    assert not torch.equal(load_file(tmp_path / "best" / "model.safetensors")["inner.weight"], weights["inner.weight"])


def test_the_mean_is_what_is_measured_and_exported(tmp_path):
    task = make_task()
    run(tmp_path / "run", task, ema=0.99)
    export_last(task, Recipe(ema=0.99), tmp_path / "run" / "last")
    mean = load_file(tmp_path / "run" / "last" / "model.safetensors")["inner.weight"]
    assert not torch.equal(mean, task.model.inner.weight)
    assert torch.allclose(mean, Guesser().inner.weight, atol=0.02)


def test_a_run_in_the_way_is_not_overwritten(tmp_path):
    run(tmp_path)
    with pytest.raises(GenError, match="Give --resume, or another --out"):
        run(tmp_path)


def test_other_settings_are_refused_and_named(tmp_path):
    run(tmp_path, seed=1)
    with pytest.raises(GenError, match=r"other settings: batch_tokens .was 12., seed .was 1."):
        run(tmp_path, resume=True, seed=2, batch_tokens=8)


def test_a_finished_run_can_be_made_longer(tmp_path):
    assert run(tmp_path, steps=4)[0].step == 4
    assert run(tmp_path, steps=6, resume=True)[0].step == 6


def test_a_nan_loss_stops_training_and_names_the_last_checkpoint(tmp_path):
    asked = []

    def score_wildly(model, batch):
        asked.append(batch)
        loss, correct = score(model, batch)
        return loss * (float("nan") if model.training and len(asked) > 4 else 1), correct

    with pytest.raises(GenError, match=r"The loss is no finite number at step 5; .*go on from .*step-00000004 with"):
        run(tmp_path, make_task(score=score_wildly, valid_lengths=[]))
    assert run(tmp_path, make_task(valid_lengths=[]), resume=True, rate=1e-3)[0].step == 10


def test_an_overflowing_gradient_stops_the_run_before_weights_are_spoilt(tmp_path):
    def score_steeply(model, batch):
        loss, correct = score(model, batch)
        return loss + (model.inner.bias - model.inner.bias.detach()).sqrt().sum(), correct

    task = make_task(score=score_steeply)
    with pytest.raises(GenError, match="gradient is no finite number at step 1; .*start again with a lower --rate"):
        run(tmp_path, task)
    assert all(bool(parameter.isfinite().all()) for parameter in task.model.parameters())


def test_every_row_tells_the_examples_seen(tmp_path):
    run(tmp_path)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert rows[-1]["examples"] == 2 * len(LENGTHS)
    assert [row["examples"] for row in rows] == sorted(row["examples"] for row in rows)


def test_tensorboard_gets_the_rows_if_it_is_asked_for(tmp_path):
    run(tmp_path / "without")
    run(tmp_path / "with", reporting=Reporting(log_every=2, tensorboard=True))
    assert not (tmp_path / "without" / "tensorboard").exists()
    assert list((tmp_path / "with" / "tensorboard").glob("events.out.tfevents.*"))


def test_a_refused_run_never_calls_begun(tmp_path):
    run(tmp_path)
    with pytest.raises(GenError):
        train(make_task(), Recipe(), tmp_path, reporting=QUIET, resume=False, begun=lambda: pytest.fail("it began"))


def test_two_trainings_never_write_into_one_folder(tmp_path):
    with claimed(tmp_path), pytest.raises(GenError, match=r"Another training writes into .* give another --out"):
        run(tmp_path)
    assert not (tmp_path / "checkpoints").exists()
    run(tmp_path)
