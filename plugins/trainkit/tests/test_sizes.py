"""Batches that no memory holds are refused before the first step, and no others."""

import pytest
import torch
from guesser import Guesser, collate, score
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

from gen_engine.errors import GenError
from gen_trainkit import sizes
from gen_trainkit.loop import Recipe, Reporting, Task, train
from gen_trainkit.plan import describe_run
from gen_trainkit.sizes import check_batches

MODELS = {
    "bert": lambda: BertModel(BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=3, num_attention_heads=1)),
    "gpt2": lambda: GPT2Model(GPT2Config(vocab_size=8, n_embd=8, n_layer=3, n_head=1)),
}


def task_of(model, lengths):
    return Task(model, lengths, [], collate, score, export=lambda folder: None)


@pytest.fixture
def tiny_machine(monkeypatch):
    monkeypatch.setattr(sizes, "memory", lambda: 100_000)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("dtype", "texts"), [("fp32", 18), ("bf16", 30)])
def test_a_batch_larger_than_memory_is_refused(tiny_machine, kind, dtype, texts):
    task = task_of(MODELS[kind](), [10] * texts)
    with pytest.raises(GenError, match=f"A batch of {10 * texts} tokens takes .* Give a smaller --batch-tokens"):
        check_batches(task, Recipe(batch_tokens=10**12, dtype=dtype))


@pytest.mark.parametrize("recipe", [Recipe(batch_tokens=100), Recipe(batch_tokens=10**12, dtype="bf16")])
def test_a_batch_that_fits_is_not(tiny_machine, recipe):
    check_batches(task_of(MODELS["bert"](), [10] * 14), recipe)


def test_what_is_frozen_keeps_nothing_for_the_way_back(tiny_machine):
    model = MODELS["bert"]().requires_grad_(False)
    check_batches(task_of(model, [10] * 1000), Recipe(batch_tokens=10**12))


@pytest.mark.parametrize("dry", [True, False])
def test_training_and_dry_run_refuse_it_before_anything_is_written(monkeypatch, tmp_path, dry):
    monkeypatch.setattr(sizes, "memory", lambda: 0)
    monkeypatch.setattr(sizes, "_kept", lambda model: 1)
    task = task_of(Guesser(), [3] * 4)
    with pytest.raises(GenError, match="smaller --batch-tokens"):
        describe_run(task, Recipe()) if dry else train(task, Recipe(), tmp_path, reporting=Reporting(), resume=False)
    assert not list(tmp_path.iterdir())


def test_the_least_is_less_than_what_a_step_keeps():
    model, kept = MODELS["bert"](), []
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: kept.append(saved) or saved, lambda saved: saved):
        model(torch.zeros(4, 10, dtype=torch.long))
    numbers = {each.data_ptr(): each.numel() for each in kept if each.numel() >= 320}
    assert 40 * sizes._kept(model) <= sum(numbers.values())
