"""Models to start from by their names, and a hub that is out of reach."""

import shutil
import time
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from gen_engine.cli.main import main
from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry
from gen_engine.models import hub
from gen_trainkit.bases import model_source
from gen_trainkit.publishing import load_pretrained, load_tokenizer
from gen_trainkit.saved_datasets import load_splits

SHIPPED = {
    "poem": ("gpt2", "--base"),
    "novel": ("gpt2", "--base"),
    "bert-fc-novel": ("bert-fc", "--base"),
    "bert-lstm-novel": ("bert-lstm", "--base"),
}


@pytest.fixture
def no_hub(monkeypatch):
    """A machine without network, on which the hub must not be asked."""
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "hub_answers", lambda: False)


def test_every_name_of_gen_models_is_its_folder():
    for name, offer in registry().models.items():
        assert model_source(name) == str(offer.value.folder)
        assert (Path(model_source(name)) / "config.json").is_file()
        assert model_source(offer.full_name) == model_source(name)
    assert model_source("owner/model") == "owner/model"


@pytest.mark.usefixtures("no_hub")
def test_a_shipped_model_is_loaded_by_its_name():
    model, tokenizer = load_pretrained(AutoModelForCausalLM, "poem", kinds=("gpt2",))
    assert model.config.vocab_size == len(tokenizer)
    assert len(load_tokenizer("poem")) == len(tokenizer)


@pytest.mark.slow
@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("name", SHIPPED)
def test_every_trainer_starts_from_the_shipped_models_of_its_kind(tmp_path, name):
    (tmp_path / "a.txt").write_text("好山好水\n好风好月\n" * 20, encoding="utf-8")
    trainer, option = SHIPPED[name]
    words = [trainer, str(tmp_path / "a.txt"), option, name, "--steps=1", "--dry-run", "--out", str(tmp_path / "out")]
    assert main(["train", *words]) == 0


def test_the_table_of_shipped_models_is_whole():
    assert set(SHIPPED) == set(registry().models)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    "load",
    [
        lambda: load_pretrained(AutoModelForCausalLM, "no/such"),
        lambda: load_pretrained(AutoModelForCausalLM, "nosuch"),
        lambda: load_tokenizer("no/such"),
        lambda: load_splits(Path("no/such")),
    ],
)
def test_a_hub_out_of_reach_is_not_waited_for(load, capfd):
    began = time.monotonic()
    with pytest.raises(GenError, match="neither a .* nor a .*hub .*within reach"):
        load()
    assert time.monotonic() - began < 10
    assert "Retrying" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("no_hub")
def test_a_folder_is_read_without_a_hub(tmp_path):
    shutil.copytree(model_source("poem"), tmp_path / "mine")
    assert load_pretrained(AutoModelForCausalLM, str(tmp_path / "mine"))[0].config.model_type == "gpt2"
