"""A run on its device. Where there is no GPU, torch's meta device shows that everything goes to one place."""

import copy
from dataclasses import replace

import pytest
import torch
from guesser import Guesser, collate, make_task
from prepared import WORDS, prepare_trainer
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel, masking_utils

from gen_engine.errors import GenError
from gen_trainkit import devices
from gen_trainkit.devices import (
    computing,
    copy_on_cpu,
    device_of,
    on_device,
    own_device,
    place,
    recompute_layers,
    settled,
)
from gen_trainkit.measuring import measure
from gen_trainkit.stepping import compute_gradients, trainable
from gen_trainkit.tasks import Batch, Recipe

META, CPU = torch.device("meta"), torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
each_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
each_trainer = pytest.mark.parametrize("name", WORDS)


@pytest.fixture
def no_waiting(monkeypatch):
    """transformers without its own looks at masks and ids, for which it waits once in each pass."""
    monkeypatch.setattr(masking_utils, "_ignore_bidirectional_mask_sdpa", lambda *_, **__: False)
    monkeypatch.setattr(masking_utils, "_ignore_causal_mask_sdpa", lambda *_, **__: False)
    monkeypatch.setattr(masking_utils, "find_packed_sequence_indices", lambda *_: None)
    monkeypatch.setattr(PreTrainedModel, "warn_if_padding_and_no_attention_mask", lambda *_: None)


@each_trainer
def test_a_step_lies_on_one_device_and_never_waits(name, tmp_path, no_waiting):
    task = prepare_trainer(name, tmp_path).task
    place(task.model, META)
    seen = compute_gradients(task, Recipe(), [range(4), range(4, 9)], epoch=0)
    assert seen.told.device == META
    assert {parameter.grad.device for parameter in trainable(task.model)} == {META}
    assert seen.targets > 0


@pytest.mark.parametrize("name", ["gpt2", "mlm", "bert-lstm to the left", "classifier"])
def test_every_tensor_of_a_batch_is_moved(name, tmp_path):
    task = prepare_trainer(name, tmp_path).task
    batch = task.collate("train", range(4), 0)
    moved = on_device(batch, META)
    assert {tensor.device for tensor in (*moved.inputs.values(), moved.labels)} == {META}
    assert (moved.chosen is None) == (batch.chosen is None) == (name in ("gpt2", "classifier"))
    assert moved.chosen is None or moved.chosen.device == META
    assert on_device(batch, CPU) is batch


def test_chosen_places_are_those_of_labels_that_count(tmp_path):
    for name in ("mlm", "bert-fc to the left"):
        batch = prepare_trainer(name, tmp_path).task.collate("train", range(6), 0)
        assert batch.chosen.tolist() == [at for at, label in enumerate(batch.labels.flatten()) if label != -100] != []


def gradients(task, recipe):
    torch.manual_seed(3)
    told = compute_gradients(task, recipe, [range(8)], epoch=0).told.tolist()
    return told, [parameter.grad for parameter in trainable(task.model)]


@each_device
@each_trainer
def test_layers_computed_again_give_the_same_gradients(name, device, tmp_path):
    dropout = {"gpt2": ["--dropout=0.2"], "mlm": ["--dropout=0.2"]}.get(name, ["--encoder-dropout=0.2"])
    task = prepare_trainer(name, tmp_path, *dropout).task
    place(task.model, torch.device(device))
    twin = replace(task, model=copy.deepcopy(task.model))
    recompute_layers(twin.model, True)
    (loss, kept), (again, computed) = (gradients(each, Recipe(dtype="fp32")) for each in (task, twin))
    assert loss == again
    for one, other in zip(kept, computed, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0 if device == "cpu" else 1e-6)


@pytest.mark.parametrize("name", ["gpt2", "mlm", "bert-lstm", "classifier"])
def test_layers_are_computed_again_only_where_asked(name, tmp_path):
    task, calls = prepare_trainer(name, tmp_path).task, []
    inner = [module for key, module in task.model.named_modules() if key.endswith(("mlp.c_fc", "intermediate.dense"))]
    for module in inner:
        module.register_forward_hook(lambda *_: calls.append(1))
    for wanted, times in ((True, 2), (False, 1)):
        calls.clear()
        recompute_layers(task.model, wanted)
        compute_gradients(task, Recipe(), [range(4)], epoch=0)
        assert len(calls) == times * len(inner) == times * 2


def test_a_model_without_such_layers_is_refused():
    recompute_layers(Guesser(), False)
    with pytest.raises(GenError, match="no layers to compute again. Leave --gradient-checkpointing out"):
        recompute_layers(Guesser(), True)


@pytest.mark.parametrize(("kind", "able", "wanted", "dtype"), [
    ("cpu", True, "auto", "fp32"), ("cpu", True, "bf16", "bf16"), ("mps", True, "auto", "fp32"),
    ("cuda", True, "auto", "bf16"), ("cuda", False, "auto", "fp32"), ("cuda", True, "fp32", "fp32"),
])  # fmt: skip
def test_auto_is_bf16_on_cards_that_compute_it(monkeypatch, kind, able, wanted, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: able)
    assert settled(Recipe(dtype=wanted), torch.device(kind)).dtype == dtype


def test_bf16_on_a_card_without_it_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(devices, "name_device", lambda device: "cuda:0 (an old card)")
    with pytest.raises(GenError, match=r"cuda:0 \(an old card\) computes no bf16; give --dtype fp32"):
        settled(Recipe(dtype="bf16"), torch.device("cuda"))


@pytest.mark.parametrize(("dtype", "product"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_products_are_computed_in_the_numbers_of_the_recipe(dtype, product):
    with computing(Recipe(dtype=dtype), CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == product
    with computing(Recipe(dtype="fp32"), META):
        assert (torch.ones(2, 2, device="meta") @ torch.ones(2, 2, device="meta")).dtype == torch.float32


@pytest.fixture
def four_cards(monkeypatch):
    """Torchrun's third process on a machine that seems to have so many."""
    monkeypatch.setattr(devices, "choose_device", lambda wanted: torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for name, value in {"RANK": "6", "WORLD_SIZE": "8", "LOCAL_RANK": "2"}.items():
        monkeypatch.setenv(name, value)


def test_each_process_of_a_machine_has_its_own_card(four_cards, monkeypatch):
    assert own_device("auto") == own_device("cuda") == torch.device("cuda:2")
    monkeypatch.delenv("RANK")
    assert own_device("cuda") == torch.device("cuda:0")


def test_processes_that_would_share_a_card_are_refused(four_cards, monkeypatch):
    with pytest.raises(GenError, match="cuda:1 is one device for 8 processes; give --device cuda"):
        own_device("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "4")
    with pytest.raises(
        GenError, match="Process 5 of this machine has no CUDA device of its own, for there are 4; start 4"
    ):
        own_device("cuda")
    monkeypatch.setattr(devices, "choose_device", lambda wanted: torch.device("mps"))
    with pytest.raises(GenError, match="cannot share mps; give --device cpu"):
        own_device("mps")


def tiny_gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=8, n_embd=8, n_layer=2, n_head=2, n_positions=8))


def test_a_placed_model_lies_there_and_keeps_its_ties():
    model = tiny_gpt2()
    model.set_attn_implementation("eager")
    place(model, CPU)
    assert model.config._attn_implementation == "eager"
    place(model, META)
    assert {parameter.device for parameter in model.parameters()} == {device_of(model)} == {META}
    assert model.lm_head.weight is model.transformer.wte.weight
    assert model.config._attn_implementation == "sdpa"


@each_device
def test_a_copy_on_the_cpu_is_equal_and_independent(device):
    model = tiny_gpt2().to(device)
    twin = copy_on_cpu(model)
    assert device_of(twin) == CPU
    assert twin.lm_head.weight is twin.transformer.wte.weight
    assert all(torch.equal(a.cpu(), b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))
    with torch.no_grad():
        twin.lm_head.weight.zero_()
    assert model.lm_head.weight.any()


@needs_cuda
@each_trainer
def test_a_gpu_computes_what_the_cpu_does(name, tmp_path):
    task = prepare_trainer(name, tmp_path).task
    twin = replace(task, model=copy.deepcopy(task.model))
    place(twin.model, torch.device("cuda:0"))
    ours, theirs = (compute_gradients(each, Recipe(dtype="fp32"), [range(8)], epoch=0) for each in (task, twin))
    torch.testing.assert_close(ours.told, theirs.told.cpu(), rtol=1e-4, atol=1e-4)
    for one, other in zip(trainable(task.model), trainable(twin.model), strict=True):
        torch.testing.assert_close(one.grad, other.grad.cpu(), rtol=1e-3, atol=1e-5)


@each_device
def test_own_figures_are_measured_on_the_device_in_its_numbers(device):
    seen = []

    def figures(model):
        seen.append(((torch.ones(2, 2, device=device) @ torch.ones(2, 2, device=device)).dtype, device_of(model).type))
        return {"own": 1.0}

    task = make_task(figures=figures)
    place(task.model, torch.device(device))
    assert measure(task, Recipe(dtype="bf16", batch_tokens=12))["own"] == 1.0
    assert seen == [(torch.bfloat16, device)]


def test_a_batch_without_chosen_places_stays_without():
    batch = collate("train", [0, 1])
    assert on_device(Batch(batch.inputs, batch.labels), META).chosen is None
    assert device_of(nn.Dropout()) == CPU
