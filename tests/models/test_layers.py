"""Activations round a number alike wherever it stands, and plain weights are freed only where nothing reads them."""

import pytest
import torch
from torch import nn
from transformers.activations import ACT2FN

from gen_engine.models.layers import _in_vectors, free_copied

WIDTHS = [7, 48, 80]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "tanh", "sigmoid"])
def test_an_activation_rounds_a_number_alike_wherever_it_stands(kind, dtype):
    compute = ACT2FN[kind].forward
    for width in WIDTHS:
        rows = torch.randn(61, width, generator=torch.Generator().manual_seed(width)).to(dtype) * 3
        whole = _in_vectors(compute, rows)
        assert all(torch.equal(_in_vectors(compute, rows[i:]), whole[i:]) for i in range(61))


@pytest.mark.parametrize("works", [True, False])
def test_weights_that_are_read_elsewhere_stay(works):
    layer = nn.Linear(3, 2)
    assert free_copied([layer], lambda: works) == works
    assert layer.weight.numel() == (0 if works else 6)
