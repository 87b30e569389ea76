import pytest
import torch
from guesser import LENGTHS, make_task

from gen_trainkit.loop import Batch, Recipe
from gen_trainkit.plan import describe_run
from gen_trainkit.stepping import count_tokens


@pytest.fixture(params=["adamw", "muon"])
def described(request):
    task, recipe = make_task(), Recipe(epochs=3, batch_tokens=12, accumulate=2, optimizer=request.param, ema=0.9)
    weights = {name: value.clone() for name, value in task.model.state_dict().items()}
    chance = torch.get_rng_state()
    return task, describe_run(task, recipe), weights, chance


def test_sizes_are_told(described):
    _, plan, *_ = described
    assert plan["parameters"] == plan["trainable parameters"] == 6 * 8 + 8 * 6 + 6
    assert (plan["training texts"], plan["validation texts"]) == (18, 6)
    assert plan["steps"] == 3 * plan["steps an epoch"] == 9
    assert plan["padded tokens an epoch"] >= sum(LENGTHS)


def test_nothing_is_changed(described):
    task, _, weights, chance = described
    assert all(torch.equal(weights[name], value) for name, value in task.model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(parameter.grad is None for parameter in task.model.parameters())


def test_memory_and_time_are_told(described):
    _, plan, *_ = described
    assert {"weights", "gradients", "optimizer moments", "weight means"} <= plan["memory"].keys()
    assert {"a step, measured", "padded tokens a second, measured", "in all"} <= plan["time"].keys()


def test_what_is_frozen_counts_for_weights_alone():
    task = make_task()
    task.model.embed.weight.requires_grad_(False)
    plan = describe_run(task, Recipe(batch_tokens=12))
    assert plan["trainable parameters"] == plan["parameters"] - 48


def test_without_texts_set_aside_there_is_a_plan_too():
    assert describe_run(make_task(valid_lengths=[]), Recipe(batch_tokens=12))["validation texts"] == 0


def test_tokens_are_those_read_though_labels_are_one_a_text():
    inputs = {"input_ids": torch.zeros(3, 5, dtype=torch.long), "other": torch.zeros(3)}
    assert count_tokens(Batch(inputs, torch.zeros(3, dtype=torch.long))) == 15
