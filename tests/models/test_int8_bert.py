"""A BERT as an int8 transformer: near what transformers computes."""

from functools import partial

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from gen_engine.compiled.linear import quantise_linear
from gen_engine.compiled.pages import Pages, continued
from gen_engine.compiled.transformer import Call
from gen_engine.models.int8_bert import BertSizes, int8_bert

SIZES = {
    "vocab_size": 20,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 9,
    "initializer_range": 0.3,
}
IDS = [3, 7, 11, 2, 9]


def linear(found, *names):
    weight, bias = (np.concatenate([found[f"{name}.{part}"] for name in names]) for part in ("weight", "bias"))
    return quantise_linear(weight, bias)


def states(model):
    """The states of IDS, [tokens, size]."""
    pages, count = Pages(*model.pages), len(IDS)
    rows = continued(pages, [None], [0], [count], [])
    at, zeros = np.arange(count, dtype=np.int32), np.zeros(count, np.int32)
    lengths = np.array([count], np.int32)
    return model.step(Call(np.array(IDS, np.int32), at, zeros, at, lengths, [rows[0].pages], at, pages))


@pytest.mark.parametrize("left_only", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_states_are_near_those_of_transformers(left_only, activation):
    torch.manual_seed(0)
    config = BertConfig(**SIZES, hidden_act=activation, is_decoder=left_only)
    model = BertModel(config).eval().requires_grad_(False)
    found = {f"x.{name}": tensor.numpy() for name, tensor in model.named_parameters()}
    sizes = BertSizes(2, 3, 1e-12, activation, left_only)
    expected = model(torch.tensor([IDS])).last_hidden_state[0].numpy()
    found = states(int8_bert("x.", sizes, found.__getitem__, partial(linear, found)))
    assert np.linalg.norm(found - expected) < 0.06 * np.linalg.norm(expected)
