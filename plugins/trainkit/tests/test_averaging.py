import torch
from torch import nn

from gen_trainkit.averaging import averaged_weights, start_average, update_average


def constant(value):
    model = nn.Linear(2, 1)
    for parameter in model.parameters():
        nn.init.constant_(parameter, value)
    return model


def test_the_mean_moves_by_one_minus_the_decay():
    average = start_average(constant(0.0))
    update_average(average, constant(1.0), 0.75)
    assert average[0].tolist() == [[0.25, 0.25]]


def test_the_mean_is_swapped_in_and_out_again():
    model = constant(1.0)
    with averaged_weights(model, [torch.zeros_like(p) for p in model.parameters()]):
        assert model.weight.tolist() == [[0.0, 0.0]]
    assert model.weight.tolist() == [[1.0, 1.0]]


def test_no_mean_changes_nothing():
    model = constant(1.0)
    with averaged_weights(model, []):
        assert model.weight.tolist() == [[1.0, 1.0]]
