"""What a model can do is found by trying, and rows come out as the model itself gives them, alone or together."""

import pytest
import torch
import zoo
from fed_rows import calls, expected

from gen_engine.models.abilities import distance, find_abilities
from gen_engine.models.loading import load

PACKED = {"gpt-neox", "opt", "phi", "gpt2", "gpt2-chinese", "bert", "roberta"}
"""Families of the zoo whose rows keep their bits in one sequence; others have sizes that no vector register fits."""

STATES = {"mamba", "mamba2", "rwkv"}
NO_CACHE = {"openai-gpt"}
OLD = {"bloom", "mpt", "lfm2", "characters"}
"""Families whose attention cannot be replaced, or that mix tokens otherwise, too."""


def own(name):
    """The model as transformers reads it, and the tokens that a text of it may have."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(zoo.made(name), dtype=torch.float32).eval()
    pad = model.config.get_text_config().pad_token_id
    return model, [token for token in range(model.config.get_text_config().vocab_size) if token != pad]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", zoo.FAMILIES)
def test_rows_come_out_as_the_model_gives_them(name, fast):
    model, tokens = own(name)
    ours = load(zoo.made(name), name=name, dtype="float32", fast=fast)
    cache = ours.open(4)
    for parents, keep, new, rows in calls(tokens, steps=6, most=3, longest=ours.positions or 60, seed=len(name)):
        found = ours.feed(cache, parents, keep, new)
        assert distance(found, expected(model, rows)) < 1e-2


@pytest.mark.parametrize("name", zoo.FAMILIES)
def test_rows_that_are_promised_have_their_own_bits(name):
    _, tokens = own(name)
    ours = load(zoo.made(name), name=name, dtype="float32")
    together, alone = ours.open(4), {}
    for parents, keep, new, rows in calls(tokens, steps=5, most=4, longest=ours.positions or 60, seed=3):
        found = ours.feed(together, parents, keep, new)
        alone = dict(enumerate(_fed_alone(ours, alone, *each) for each in zip(parents, keep, new, strict=True)))
        assert all(torch.equal(found[i], logits) for i, (logits, _) in alone.items())
        assert len(rows) == len(alone)


def _fed_alone(model, alone, parent, keep, new):
    """The logits of one row that is fed in a cache of its own by the same calls, and these calls."""
    fed = [*(alone[parent][1] if parent >= 0 else ()), (keep, new)]
    cache = model.open(1)
    for number, (kept, tokens) in enumerate(fed):
        logits = model.feed(cache, [0 if number else -1], [kept], [tokens])
    return logits[0], fed


def test_families_are_computed_in_the_way_they_can():
    for name in zoo.FAMILIES:
        found = load(zoo.made(name), name=name, dtype="float32", fast=True).abilities
        assert found.packs == (name not in STATES | NO_CACHE | OLD), name
        assert (found.cache is None) == (name in NO_CACHE)
        assert found.rewinds == (name not in STATES | NO_CACHE | {"lfm2"}), name


@pytest.mark.parametrize("name", sorted(PACKED))
def test_rows_in_one_sequence_keep_their_bits(name):
    assert load(zoo.made(name), name=name, dtype="float32").abilities.packs


def test_a_row_that_batches_wrongly_is_computed_alone():
    assert not load(zoo.made("rwkv"), name="rwkv", dtype="float32").abilities.joins  # it mixes rows up by broadcasting


@pytest.mark.parametrize("name", ["bloom", "mpt", "llama"])
def test_rows_of_other_lengths_are_padded_where_that_is_right(name):
    model, _ = own(name)
    assert find_abilities(model, fast=True, attention=True).pads


def test_an_attention_chosen_by_the_user_stays():
    model, _ = own("llama")
    assert not find_abilities(model, attention=True, fast=True).packs
    assert model.config._attn_implementation == "sdpa"


def test_a_model_in_memory_is_left_as_it_is():
    model, _ = own("gpt2")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    find_abilities(model, patch=False)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
