"""From names to models: shipped ones, folders, GGUF files; what each is refused for; where a model computes."""

import json
import shutil
from types import SimpleNamespace

import pytest
from small_models import saved_model

from gen_engine import sources
from gen_engine.errors import GenError
from gen_engine.models import gguf_files
from gen_engine.sources import note_of, open_model


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


@pytest.fixture
def gguf(tmp_path, monkeypatch):
    """A GGUF file alone in a folder, with an empty cache."""
    pytest.importorskip("gguf", reason="the package gguf is not installed")
    from gguf_model import write_gguf

    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "folder").mkdir()
    write_gguf(tmp_path / "folder" / "tiny.gguf")
    return tmp_path / "folder" / "tiny.gguf"


def test_a_gguf_file_writes_as_its_folder_does(gguf):
    first, second = open_model(gguf), open_model(gguf.parent)
    assert first.folder == second.folder
    assert first.folder.is_relative_to(gguf.parent.parent / "cache")
    model = first.model
    assert model.tokenizer.vocabulary.text_of(model.tokenizer.encode("the 白").tokens) == "the 白"
    assert (model.positions, model.tokenizer.vocabulary.names[model.tokenizer.vocabulary.end]) == (24, "<|end|>")


def test_its_note_is_none_and_nothing_is_unpacked_for_it(gguf, monkeypatch):
    monkeypatch.setattr(gguf_files, "_read", None)
    assert note_of(gguf) is note_of(gguf.parent) is None


def test_several_files_in_a_folder_are_named(gguf):
    shutil.copy(gguf, gguf.parent / "big.gguf")
    with pytest.raises(GenError, match=r"holds 2 GGUF files \(big.gguf, tiny.gguf\); name one of them"):
        open_model(gguf.parent)


@pytest.mark.parametrize("name", ["poem", "gpt2"])
def test_a_runner_of_its_own_knows_no_attention(tmp_path, name):
    folder = name if name == "poem" else saved_model("gpt2", tmp_path / "gpt2")
    with pytest.raises(GenError, match="is computed by a runner of its own, without attention to choose; leave it out"):
        open_model(folder, attention="sdpa")


def test_the_attention_reaches_the_model(tmp_path):
    found = open_model(saved_model("llama", tmp_path / "model"), attention="eager")
    assert found.model.model.config._attn_implementation == "eager"
