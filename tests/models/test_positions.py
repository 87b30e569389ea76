"""Positions are found by looking at what a model takes its positions from, and by trying the last one."""

import pytest
import torch
from small_models import small_model

from gen_engine.models.positions import find_positions

FOUND = {
    "gpt2": 24, "opt": 24, "biogpt": 24, "bert": 24, "roberta": 24, "mpt": 24, "gptj": 24, "ctrl": 24, "gpt_neox": 24,
    "llama": 24, "gemma3_text": 24, "bloom": None, "mamba": None, "rwkv": None,
}  # fmt: skip


@pytest.mark.parametrize("family", FOUND)
def test_the_positions_of_a_family_are_found(family):
    assert find_positions(small_model(family)) == FOUND[family]


@pytest.mark.parametrize("family", ["gpt2", "opt", "biogpt", "bert", "roberta", "ctrl", "gptj"])
def test_so_many_tokens_can_be_read_and_no_more(family):
    model = small_model(family)
    count = find_positions(model)
    tokens = torch.full((1, count), 7)
    assert model(input_ids=tokens).logits.shape == (1, count, 40)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, count + 1), 7))


def test_a_table_counts_whatever_the_config_says():
    model = small_model("gpt2")
    model.config.n_positions = 9999
    assert find_positions(model) == 24
    del model.config.__dict__["n_positions"]
    assert find_positions(model) == 24


def test_the_last_position_that_works_is_searched_for():
    model = small_model("ctrl")
    model.config.n_positions = 1000
    assert find_positions(model) == 24


def test_no_long_pass_is_made():
    model = small_model("llama", max_position_embeddings=20_000_000)
    lengths = []
    model.model.register_forward_pre_hook(
        lambda _, args, given: lengths.append(given["input_ids"].shape), with_kwargs=True
    )
    assert find_positions(model) == 20_000_000
    assert max(width for _, width in lengths) <= 3


def test_a_bound_of_nothing_is_none():
    assert find_positions(small_model("bloom", seq_length=None)) is None
    assert find_positions(small_model("bloom", seq_length=30)) == 30
