"""Activations round a number alike wherever it stands, and plain weights are freed only where nothing reads them."""

import pytest
import torch
import zoo
from torch import nn
from transformers.activations import ACT2FN

from gen_engine.compiled.floats import computes_floats
from gen_engine.compiled.library import NUMPY, VARIABLE
from gen_engine.models.layers import _in_vectors, free_copied, put_kernels_into
from gen_engine.models.loading import load
from gen_engine.models.threads import one_thread_if_little

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


class Nets(nn.Module):
    """Two linear layers, one of which reads the embeddings' weights."""

    def __init__(self, dtype):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.inner, self.head = nn.Embedding(35, 20), nn.Linear(20, 20), nn.Linear(20, 35, bias=False)
        self.head.weight = self.table.weight
        self.to(dtype).to(torch.float32 if dtype == torch.bfloat16 else dtype).requires_grad_(False)

    def get_input_embeddings(self):
        return self.table


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kernel", ["", NUMPY])
def test_layers_compute_the_same_by_the_library_and_without(fast, dtype, kernel, monkeypatch):
    monkeypatch.setenv(VARIABLE, kernel)
    nets, x = Nets(dtype), torch.randn(2, 9, 20)
    parts = (nets.inner, nets.head)
    exact = [layer.double()(x.double()).float() for layer in parts]
    nets.float()
    copied = put_kernels_into(nets, fast=fast)
    assert all(torch.allclose(layer(x), found, atol=1e-5) for layer, found in zip(parts, exact, strict=True))
    assert copied == ([nets.inner] if computes_floats() or not fast else [])
    assert torch.equal(nets.inner(x[:, 3:4]), nets.inner(x)[:, 3:4]) or fast


@pytest.mark.skipif(not computes_floats(), reason="no kernel of this processor has fused products")
def test_weights_of_layers_that_the_library_packed_are_freed():
    model = load(zoo.made("llama"), name="llama", dtype="float32", fast=True)
    assert model.abilities.frees
    layer = model.model.model.layers[0].mlp.up_proj
    assert layer.weight.numel() == 0


def test_little_work_is_done_by_one_thread_of_torch():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for new, threads in ((1, 1), (10**6, 3)):
            with one_thread_if_little(new, new, 576):
                assert torch.get_num_threads() == threads
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["gpt-neox", "gpt2", "mamba"])
def test_the_threads_of_torch_change_no_bits(name, monkeypatch):
    before, found = torch.get_num_threads(), []
    try:
        torch.set_num_threads(2)
        model = load(zoo.made(name), name=name, dtype="float32")
        for much in (0, 1 << 40):
            monkeypatch.setattr("gen_engine.models.threads.MUCH", much)
            found.append(model.feed(model.open(2), [-1, -1], [0, 0], [[3, 5, 6], [4]]))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)
