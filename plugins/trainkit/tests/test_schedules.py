import math

import pytest
from torch.nn import Linear
from torch.optim import SGD
from transformers import get_scheduler

from gen_trainkit.schedules import rate_factor


def factors(schedule, total=10, warmup=0):
    return [rate_factor(step, total=total, warmup=warmup, schedule=schedule) for step in range(total)]


def test_linear_falls_from_one_to_the_last_step_above_zero():
    assert factors("linear", total=4) == [1, 0.75, 0.5, 0.25]


def test_cosine_is_half_in_the_middle():
    assert factors("cosine")[0] == 1
    assert factors("cosine")[5] == pytest.approx(0.5)


def test_constant_stays():
    assert set(factors("constant")) == {1}


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_warmup_rises_and_never_starts_at_zero(schedule):
    assert factors(schedule, warmup=3)[:4] == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_it_agrees_with_transformers_after_the_warmup(schedule):
    optimizer = SGD(Linear(1, 1).parameters(), lr=1.0)
    theirs = get_scheduler(schedule, optimizer, num_warmup_steps=2, num_training_steps=10)
    for step in range(10):
        if step >= 2:
            ours = rate_factor(step, total=10, warmup=2, schedule=schedule)
            assert math.isclose(ours, theirs.get_last_lr()[0], abs_tol=1e-12)
        optimizer.step()
        theirs.step()
