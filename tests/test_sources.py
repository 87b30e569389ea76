"""Where a model computes: loaders that take a device get it, others refuse an accelerator."""

import json
from types import SimpleNamespace

import pytest

from gen_engine import sources
from gen_engine.errors import GenError


def with_device(folder, *, name, dtype="auto", fast=False, device="auto"):
    return f"{name} on {device}"


def without_device(folder, *, name, dtype="auto", fast=False):
    return f"{name} on the CPU"


@pytest.fixture(params=[with_device, without_device])
def loader(request, monkeypatch, tmp_path):
    """A loader of the type of the model in `tmp_path`."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    offer = SimpleNamespace(name="own", function=request.param)
    known = SimpleNamespace(models={}, loaders={"own": offer}, find=lambda kind, name: offer)
    monkeypatch.setattr(sources, "registry", lambda: known)
    monkeypatch.delenv("GEN_DEVICE", raising=False)
    return request.param


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_every_loader_computes_where_nothing_else_is_asked_for(loader, tmp_path, device):
    found = sources.open_model(tmp_path, device=device).model
    assert found.endswith(" on the CPU" if loader is without_device else f" on {device}")


@pytest.mark.parametrize("by_variable", [True, False])
def test_an_accelerator_is_passed_on_or_refused(loader, tmp_path, monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv("GEN_DEVICE", "cuda:1")
    asked = {} if by_variable else {"device": "cuda:1"}
    if loader is with_device:
        assert sources.open_model(tmp_path, **asked).model.endswith("on auto" if by_variable else "on cuda:1")
        return
    with pytest.raises(GenError, match=r"type own are computed on the CPU only; .* instead of cuda:1 \(--device"):
        sources.open_model(tmp_path, **asked)


def test_what_is_no_device_is_refused_before_all_else():
    with pytest.raises(GenError, match="'gpu' is no device; choose auto"):
        sources.open_model("there is no such model", device="gpu")
