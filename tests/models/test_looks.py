"""What a model can do is tried once: the next start reads it, and computes the same bits."""

import pytest
import torch
import zoo

from gen_engine.models import looks
from gen_engine.models.loading import load


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """How often models were tried, with an empty cache folder."""
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    count, find = [], looks.find_abilities
    monkeypatch.setattr(looks, "find_abilities", lambda *given, **more: count.append(1) or find(*given, **more))
    return count


def logits(model):
    cache = model.open(2)
    model.feed(cache, [-1, -1], [0, 0], [[3, 5, 6], [4]])
    return model.feed(cache, [0, 1], [3, 1], [[7], [8, 9]])


@pytest.mark.parametrize("name", ["gpt2", "llama", "roberta", "bloom", "mamba", "rwkv", "openai-gpt"])
def test_a_model_is_tried_once_and_gives_the_same_bits(tried, name):
    first, second = (load(zoo.made(name), name=name, dtype="float32") for _ in range(2))
    assert len(tried) == 1
    assert (first.abilities, first.positions) == (second.abilities, second.positions)
    assert torch.equal(logits(first), logits(second))


@pytest.mark.parametrize("options", [{"fast": True}, {"attention": "eager"}, {"dtype": "bfloat16"}])
def test_another_way_to_compute_is_tried_anew(tried, options):
    load(zoo.made("llama"), name="llama", dtype="float32")
    load(zoo.made("llama"), name="llama", **{"dtype": "float32", **options})
    assert len(tried) == 2


def test_a_damaged_file_is_tried_anew(tried, tmp_path):
    load(zoo.made("gpt2"), name="gpt2", dtype="float32")
    [file] = (tmp_path / "cache").glob("abilities-*")
    file.write_bytes(file.read_bytes()[:-3])
    load(zoo.made("gpt2"), name="gpt2", dtype="float32")
    assert len(tried) == 2
