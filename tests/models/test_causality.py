"""A model whose earlier logits change with later tokens is found out, whatever it is called."""

import pytest
import torch
from small_models import FAMILIES, small_model

from gen_engine.models import causality
from gen_engine.models.causality import is_causal

BOTH = [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("family", FAMILIES)
def test_causal_families_are_causal(family, dtype):
    assert is_causal(small_model(family).to(dtype))


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_encoders_are_not(family, dtype):
    assert not is_causal(small_model(family, is_decoder=False).to(dtype))


def seeing(model, *, ahead=0, prefix=0):
    """The model with logits that also depend on the tokens `ahead`, or on all of a prefix of them."""

    def changed(_, args, given, out):
        seen = given["input_ids"][0].float() * 1e-2
        noise = seen.roll(-ahead) * (torch.arange(len(seen)) < len(seen) - ahead) if ahead else torch.zeros(len(seen))
        noise[:prefix] += seen[:prefix].sum()
        out.logits = out.logits + noise[:, None]
        return out

    model.register_forward_hook(changed, with_kwargs=True)
    return model


@pytest.mark.parametrize("kind", [{"ahead": 1}, {"ahead": 3}, {"prefix": 2}, {"prefix": 5}])
def test_a_window_ahead_or_a_prefix_is_seen(kind):
    assert is_causal(small_model("llama"))
    assert not is_causal(seeing(small_model("llama"), **kind))


def rounding(model, by):
    """The model with logits that change a little among other tokens, without a gradient."""

    def changed(_, args, given, out):
        out.logits = out.logits + given["input_ids"][0, -1] * by
        return out

    model.register_forward_hook(changed, with_kwargs=True)
    return model


def test_rounding_is_told_from_seeing_by_the_gradient():
    assert is_causal(rounding(small_model("gpt2"), 1e-5))
    assert not is_causal(rounding(small_model("gpt2"), 1))


def test_without_a_gradient_the_dtype_bounds_rounding(monkeypatch):
    monkeypatch.setattr(causality, "_slope", lambda model, tokens, cut: None)
    assert is_causal(rounding(small_model("gpt2"), 1e-8))
    assert not is_causal(rounding(small_model("gpt2"), 1e-4))
    assert is_causal(rounding(small_model("gpt2"), 1e-5).bfloat16())


def test_a_look_is_a_few_short_passes():
    lengths = []
    model = small_model("gpt2")
    model.register_forward_pre_hook(
        lambda _, args, given: lengths.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    assert is_causal(model)
    assert lengths == [(1, 6)] * 3
