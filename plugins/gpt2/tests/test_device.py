"""Where a GPT-2 computes: int8 on the CPU wherever no accelerator is named, else as any model of transformers."""

import gpt2_folders
import pytest
import torch

import gen_gpt2
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.models.adapter import TransformersLM


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return gpt2_folders.write_gpt2(tmp_path_factory.mktemp("gpt2") / "plain")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("GEN_DEVICE", raising=False)


def load(folder, monkeypatch=None, there="cpu", **options):
    """The model, where a device of kind `there` is chosen."""
    if monkeypatch is not None:
        monkeypatch.setattr(gen_gpt2, "choose_device", lambda wanted: torch.device(there))
    return gen_gpt2.load_gpt2(folder, name="tiny", **options)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_int8_stays_on_the_cpu_where_no_accelerator_is_named(folder, device):
    assert load(folder, dtype="int8", device=device).dtype == "int8"


def test_int8_on_an_accelerator_is_refused(folder):
    with pytest.raises(GenError, match="int8 is computed on the CPU alone, not on cuda; choose one of the two"):
        load(folder, dtype="int8", device="cuda")


def test_a_named_accelerator_has_the_weights_in_bfloat16(folder, monkeypatch):
    found = load(folder, monkeypatch, "meta", device="cuda", fast=True)
    assert isinstance(found, TransformersLM)
    assert {(each.device.type, each.dtype) for each in found.model.parameters()} == {("meta", torch.bfloat16)}
    logits = found.feed(found.open(2), [-1], [0], [[2, 5]])
    assert (logits.device.type, logits.shape) == ("meta", (1, 211))


def test_what_int8_costs_too_much_goes_where_auto_leads(folder, monkeypatch):
    assert isinstance(load(folder, monkeypatch, "meta", dtype="bfloat16", fast=True), TransformersLM)
    assert not isinstance(load(folder, monkeypatch, "cpu", dtype="bfloat16"), TransformersLM)


def test_texts_tell_the_device(folder):
    [done] = Engine(load(folder)).generate("一", processors=["length=3"], seed=1)
    assert (done.device, done.portable) == ("cpu", True)
    model = load(folder, dtype="float32")
    [afar] = Engine(OnCard(model)).generate("一", processors=["length=3"], seed=1)
    assert (afar.device, afar.portable) == ("cuda", False)


class OnCard:
    """A model that says it is on a card."""

    device = torch.device("cuda", 1)
    portable = True

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)
