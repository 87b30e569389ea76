"""Any causal language model of transformers is loaded from its folder; what is none is refused, whatever its name."""

import json

import pytest
from small_models import small_model

from gen_engine.errors import GenError
from gen_engine.models.loading import load

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"白日依山尽黄河入海流欲穷千里目更上一层楼春眠不觉晓处处闻啼鸟夜",
]


def saved(family, folder, **changes):
    """The folder of a small model with a WordPiece vocabulary."""
    small_model(family, **changes).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return folder


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
def test_a_model_that_is_not_causal_is_refused_whatever_its_name(tmp_path, name, dtype):
    folder = renamed(saved("bert", tmp_path / "model", is_decoder=False), name)
    with pytest.raises(GenError, match=r"sees what comes next, .*; give a causal .*`gen train bert-lstm`"):
        load(folder, name="tiny", dtype=dtype)


def test_a_model_in_both_directions_is_refused_though_it_is_said_to_write(tmp_path):
    from transformers import XLNetConfig, XLNetLMHeadModel

    config = XLNetConfig(d_model=16, n_layer=2, n_head=2, vocab_size=40, d_inner=32)
    XLNetLMHeadModel(config).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    with pytest.raises(GenError, match="is a xlnet that sees what comes next"):
        load(tmp_path / "model", name="tiny")


@pytest.mark.parametrize(("family", "positions"), [("roberta", 24), ("opt", 24), ("mpt", 24), ("mamba", None)])
def test_positions_are_those_that_can_be_read(tmp_path, family, positions):
    assert load(saved(family, tmp_path / "model"), name="tiny").positions == positions
