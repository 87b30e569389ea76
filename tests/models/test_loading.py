"""Any causal language model of transformers is loaded from its folder; what is none is refused, whatever its name."""

import json

import pytest
import torch
from small_models import WORDS
from small_models import saved_model as saved

from gen_engine.errors import GenError
from gen_engine.models import loading
from gen_engine.models.loading import load


def renamed(folder, architecture):
    """The same folder, whose config.json names another class."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"architectures": [architecture]}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["BertLMHeadModel", "BertForMaskedLM", "MyEncoder"])
def test_an_encoder_that_is_causal_is_taken_whatever_its_name(tmp_path, name):
    model = load(renamed(saved("bert", tmp_path / "model"), name), name="tiny", dtype="float32")
    assert (model.positions, model.tokenizer.encode("白日").tokens) == (24, (2, 5, 6))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["BertLMHeadModel", "MyForCausalLM"])
def test_what_is_not_causal_is_refused_whatever_its_name(tmp_path, name, dtype):
    folder = renamed(saved("bert", tmp_path / "model", is_decoder=False), name)
    with pytest.raises(GenError, match=r"sees what comes next, .*; give a causal .*`gen train bert-lstm`"):
        load(folder, name="tiny", dtype=dtype)


@pytest.fixture
def xlnet(tmp_path):
    """The folder of a model that reads both ways, and does not compute in bfloat16."""
    from transformers import XLNetConfig, XLNetLMHeadModel

    config = XLNetConfig(d_model=16, n_layer=2, n_head=2, vocab_size=40, d_inner=32)
    XLNetLMHeadModel(config).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    return tmp_path / "model"


@pytest.mark.parametrize("preferred", [torch.float32, torch.bfloat16])
def test_a_model_that_reads_both_ways_is_refused(xlnet, monkeypatch, preferred):
    monkeypatch.setattr(loading, "choose_dtype", lambda wanted, device: (preferred, "fast"))
    with pytest.raises(GenError, match="is a xlnet that sees what comes next"):
        load(xlnet, name="tiny")


def test_a_dtype_in_which_nothing_computes_is_refused(xlnet):
    with pytest.raises(GenError, match=r"tiny does not compute in bfloat16 \(.*\); give another --dtype"):
        load(xlnet, name="tiny", dtype="bfloat16")


def test_a_model_that_does_not_compute_fast_computes_otherwise(xlnet, monkeypatch):
    monkeypatch.setattr(loading, "choose_dtype", lambda wanted, device: (torch.bfloat16, "fast"))
    monkeypatch.setattr(loading, "is_causal", lambda model: model(input_ids=torch.tensor([[5, 6]])) is not None)
    model = load(xlnet, name="tiny")
    assert (model.dtype, model.dtype_reason) == ("float32", "this kind of model does not compute in bfloat16")


@pytest.mark.parametrize(("family", "positions"), [("roberta", 24), ("opt", 24), ("mpt", 24), ("mamba", None)])
def test_positions_are_those_that_can_be_read(tmp_path, family, positions):
    assert load(saved(family, tmp_path / "model"), name="tiny").positions == positions


def test_shards_are_loaded_as_one_file_is(tmp_path):
    whole, parts = saved("llama", tmp_path / "whole"), saved("llama", tmp_path / "parts", max_shard_size=4000)
    assert len(list(parts.glob("model-*.safetensors"))) > 2
    first, second = (load(folder, name="tiny", dtype="float32") for folder in (whole, parts))
    read = [model.feed(model.open(1), [-1], [0], [[2, 5, 6]]) for model in (first, second)]
    assert read[0].equal(read[1])


def test_a_shard_that_is_missing_is_told(tmp_path):
    folder = saved("llama", tmp_path / "model", max_shard_size=4000)
    sorted(folder.glob("model-*.safetensors"))[1].unlink()
    with pytest.raises(GenError, match="model-00002-of-0"):
        load(folder, name="tiny")


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_attention_can_be_chosen(tmp_path, attention):
    model = load(saved("llama", tmp_path / "model"), name="tiny", attention=attention)
    assert model.model.config._attn_implementation == attention


@pytest.mark.parametrize(
    ("family", "attention", "reason"),
    [
        ("llama", "nosuch", "There is no attention 'nosuch'; choose eager, flash_attention_2"),
        ("llama", "owner/kernel", "There is no attention 'owner/kernel'"),
        ("llama", "flash_attention_2", "takes the package flash-attn; install it, or name another"),
        ("mpt", "flex_attention", "does not know the attention flex_attention"),
    ],
)
def test_an_attention_that_cannot_be_is_told(tmp_path, family, attention, reason):
    with pytest.raises(GenError, match=reason):
        load(saved(family, tmp_path / "model"), name="tiny", attention=attention)
