"""Which device is chosen, and what is said where it is missing or full."""

from types import SimpleNamespace

import pytest
import torch

from gen_engine.errors import GenError
from gen_engine.models.device import (
    accelerators,
    check_device_name,
    choose_device,
    is_accelerator,
    named_device,
    out_of_memory,
)

HAS_CUDA = torch.cuda.is_available()


@pytest.fixture(autouse=True)
def no_device_of_the_environment(monkeypatch):
    monkeypatch.delenv("GEN_DEVICE", raising=False)


def pretend(monkeypatch, cuda=0, mps=False):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(0, False, "cpu"), (0, True, "mps"), (2, False, "cuda:0"), (1, True, "cuda:0")]
)
def test_auto_takes_the_fastest_kind_there_is(monkeypatch, cuda, mps, chosen):
    pretend(monkeypatch, cuda, mps)
    assert str(choose_device()) == chosen


def test_auto_takes_the_device_of_the_environment(monkeypatch):
    pretend(monkeypatch, cuda=2)
    monkeypatch.setenv("GEN_DEVICE", "cuda:1")
    assert str(choose_device()) == "cuda:1"
    assert str(choose_device("cpu")) == "cpu"


@pytest.mark.parametrize("empty", ["", "auto"])
def test_an_environment_that_names_none_changes_nothing(monkeypatch, empty):
    pretend(monkeypatch)
    monkeypatch.setenv("GEN_DEVICE", empty)
    assert str(choose_device()) == "cpu"


def test_a_wrong_name_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("GEN_DEVICE", "gpu")
    with pytest.raises(GenError, match="'gpu' is no device; choose auto, cpu, cuda, cuda:N or mps"):
        choose_device()


@pytest.mark.parametrize(
    ("cuda", "mps", "wanted", "told"),
    [
        (0, False, "cuda", "There is no CUDA device here.*; choose cpu"),
        (0, True, "cuda:1", "There is no CUDA device here.*; choose mps or cpu"),
        (0, False, "mps", "There is no MPS device here; choose cpu"),
        (1, False, "mps", "There is no MPS device here; choose cuda or cpu"),
        (1, False, "cuda:3", "There is no cuda:3 here: this machine has 1; choose cuda:0 or cpu"),
    ],
)
def test_a_missing_device_is_told_with_those_there(monkeypatch, cuda, mps, wanted, told):
    pretend(monkeypatch, cuda, mps)
    with pytest.raises(GenError, match=told):
        choose_device(wanted)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "cuda:1:2", "meta", "cuda:1234"])
def test_other_names_are_no_devices(name):
    with pytest.raises(GenError, match="is no device; choose auto"):
        check_device_name(name)


def test_a_name_may_be_written_in_capitals():
    assert check_device_name(" CUDA:1 ") == "cuda:1"


@pytest.mark.skipif(not HAS_CUDA, reason="there is no CUDA device here")
def test_a_tensor_lies_on_the_chosen_device():
    device = choose_device("cuda")
    assert torch.zeros(1, device=device).device == device


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_a_full_memory_is_one_sentence_with_the_remedy(problem):
    words = "The device has not enough memory for a batch; give a smaller one."
    with pytest.raises(GenError) as told, out_of_memory("a batch", "give a smaller one"):
        raise problem
    assert str(told.value) == words
    assert told.value.__cause__ is problem


def test_other_errors_pass_through_unchanged():
    with pytest.raises(RuntimeError, match="shapes differ"), out_of_memory("a batch", "give a smaller one"):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize(("wanted", "there", "asked"), [("auto", "", False), ("cpu", "cuda", False), ("mps", "", True),
                                                         ("auto", "cuda:1", True), ("auto", "cpu", False)])  # fmt: skip
def test_an_accelerator_is_asked_for_by_name(monkeypatch, wanted, there, asked):
    monkeypatch.setenv("GEN_DEVICE", there)
    assert is_accelerator(wanted) is asked
    assert named_device(wanted) == (wanted if wanted != "auto" else there or "auto")


def test_accelerators_are_told_with_their_memory(monkeypatch):
    pretend(monkeypatch, cuda=1, mps=True)
    facts = SimpleNamespace(name="Card", total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: facts)
    assert accelerators() == ["cuda:0 (Card, 80 GiB)", "mps"]
