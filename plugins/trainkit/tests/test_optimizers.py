import pytest
import torch
from torch import nn

from gen_engine.errors import GenError
from gen_trainkit.optimizers import build_optimizers, peak_rates, set_rates, split_parameters


def model():
    parts = nn.ModuleDict({"embed": nn.Embedding(7, 4), "inner": nn.Linear(4, 4), "head": nn.Linear(4, 7, bias=False)})
    parts["head"].weight = parts["embed"].weight
    return parts


def build(name, parts):
    return build_optimizers(parts, name, rate=1e-3, matrix_rate=2e-3, weight_decay=0.1)


def test_embeddings_tied_or_not_and_vectors_are_no_matrices():
    parts = model()
    matrices, others = split_parameters(parts)
    assert [id(p) for p in matrices] == [id(parts["inner"].weight)]
    assert {id(p) for p in others} == {id(parts["embed"].weight), id(parts["inner"].bias)}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_parameter_is_moved_once_and_only_matrices_decay(name):
    parts = model()
    groups = [group for optimizer in build(name, parts) for group in optimizer.param_groups]
    moved = [id(p) for group in groups for p in group["params"]]
    assert sorted(moved) == sorted(id(p) for p in parts.parameters())
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_rates_are_peaks_times_the_factor():
    optimizers = build("muon", model())
    set_rates(optimizers, peak_rates(optimizers), 0.5)
    assert peak_rates(optimizers) == [1e-3, 5e-4]


def test_a_torch_without_muon_is_told_so(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(GenError, match="Install torch 2.9 or later, or give --optimizer adamw"):
        build("muon", model())


def test_where_the_head_alone_learns_muon_has_nothing_to_move():
    parts = nn.ModuleDict({"inner": nn.Linear(4, 4).requires_grad_(False), "head": nn.Linear(4, 7)})
    settings = {"rate": 1e-3, "matrix_rate": 2e-3, "weight_decay": 0.1, "head_rate": 1e-2}
    [optimizer] = build_optimizers(parts, "muon", **settings, is_head=lambda name: name.startswith("head."))
    moved = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(moved) == sorted(id(p) for p in parts["head"].parameters())
