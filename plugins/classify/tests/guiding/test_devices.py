"""Where classifiers compute: in int8 on the CPU, or by torch on the device that is asked for."""

import pytest
import torch

from gen_classify.guiding import discriminator as discriminators
from gen_classify.guiding.discriminator import open_discriminator
from gen_classify.guiding.guide import FEW, _spelled, guide
from gen_classify.predicting.classifier import load_classifier
from gen_classify.testing import write_tiny_classifier
from gen_engine.errors import GenError
from gen_engine.hooks.specs import parse_spec

TEXTS = ["春", "秋月", "春花秋月夜"]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
each_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("GEN_DEVICE", raising=False)
    return str(write_tiny_classifier(tmp_path / "bert", kind="bert", labels=("秋", "春"), seed=3))


@pytest.fixture
def pretended(monkeypatch):
    """A machine that seems to have a card; where models are put instead of there."""
    places = []
    monkeypatch.setattr(discriminators, "choose_device", lambda name: torch.device("cpu" if name == "cpu" else "cuda"))
    monkeypatch.setattr(discriminators, "place", lambda model, device: places.append(device.type))
    monkeypatch.setattr(discriminators, "int8_judge", lambda model: lambda rows: pytest.fail("nobody asks it"))
    monkeypatch.setattr(discriminators, "loss_of", lambda int8, exact: 0.0)
    yield places
    discriminators._open.cache_clear()


@pytest.mark.parametrize(("device", "last"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")])
def test_int8_stays_on_the_cpu_unless_a_card_is_named(folder, pretended, device, last):
    assert (open_discriminator(folder, device=device).judge is not None) == (last == "cpu")
    assert pretended[-1] == last


def test_the_environment_names_a_card_too(folder, pretended, monkeypatch):
    monkeypatch.setenv("GEN_DEVICE", "cuda:1")
    assert open_discriminator(folder).judge is None
    assert pretended[-1] == "cuda"


def test_without_int8_auto_goes_to_the_card(folder, pretended, monkeypatch):
    monkeypatch.setattr(discriminators, "int8_judge", lambda model: None)
    open_discriminator(folder)
    assert pretended == ["cpu", "cuda"]


@pytest.mark.parametrize(("device", "told"), [("gpu", "'gpu' is no device"), ("cuda:77", "There is no ")])
def test_a_device_that_is_not_there_is_refused(folder, device, told):
    with pytest.raises(GenError, match=told):
        guide(f"{folder}:春@2", device=device)


def test_the_device_is_part_of_how_it_is_written(folder):
    assert guide(f"{folder}:春@2", device="cpu").name.endswith(":春@2,device=cpu")
    assert guide(f"{folder}:春@2").name.endswith(":春@2")
    written = parse_spec(_spelled("folder", "春", 2.0, FEW, 0, "cuda:1"))
    assert (written.value, written.options["device"]) == (("folder:春@2",), ("cuda:1",))


@each_device
def test_probabilities_are_alike_on_every_device(folder, device):
    ours, theirs = (load_classifier(folder, device=each) for each in ("cpu", device))
    assert theirs.model.device.type == device
    found = theirs.probabilities(TEXTS)
    assert found.device.type == "cpu"
    torch.testing.assert_close(found, ours.probabilities(TEXTS), rtol=0, atol=1e-4)


@needs_cuda
def test_a_judge_on_a_card_is_near_the_cpus(folder):
    ours, theirs = (open_discriminator(folder, device=each) for each in ("cpu", "cuda"))
    torch.testing.assert_close(ours.log_probabilities(TEXTS), theirs.log_probabilities(TEXTS), rtol=0, atol=0.1)
