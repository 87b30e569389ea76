"""An adapter of peft is loaded on its base, wherever that is, and merged."""

import json
import shutil

import pytest
import torch
from small_models import saved_model
from transformers import AutoModelForCausalLM

from gen_engine.errors import GenError
from gen_engine.models import adapters
from gen_engine.sources import open_model

peft = pytest.importorskip("peft", reason="the package peft is not installed")

TOKENS = [2, 5, 6, 7]


def adapt(base, out, config=None):
    """An adapter on the model in a folder; the logits that it gives to TOKENS."""
    config = config or peft.LoraConfig(task_type="CAUSAL_LM", r=2, init_lora_weights=False, target_modules=["q_proj"])
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
    model.save_pretrained(out)
    return model.eval()(torch.tensor([TOKENS])).logits[0, -1].detach()


@pytest.fixture
def pair(tmp_path):
    """A base, an adapter on it, and the logits of both together."""
    base = saved_model("llama", tmp_path / "base", initializer_range=0.3)
    return base, tmp_path / "adapter", adapt(base, tmp_path / "adapter")


def settle(folder, **changes):
    """Change the adapter's settings."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def read(folder):
    model = open_model(folder, dtype="float32").model
    return model.feed(model.open(1), [-1], [0], [TOKENS])[0]


def test_an_adapter_writes_as_base_and_adapter_together(pair):
    base, adapter, logits = pair
    torch.testing.assert_close(read(adapter), logits, atol=1e-4, rtol=0)
    assert not torch.allclose(read(base), logits, atol=1e-3)


def test_nothing_is_left_beside_the_weights(pair):
    base, adapter = (open_model(folder).model.model for folder in pair[:2])
    assert type(adapter) is type(base)
    assert adapter.state_dict().keys() == base.state_dict().keys()


@pytest.mark.parametrize("named", ["../base", "base"])
def test_a_base_is_found_beside_the_adapter_or_here(pair, monkeypatch, named):
    base, adapter, logits = pair
    settle(adapter, base_model_name_or_path=named)
    monkeypatch.chdir(base.parent)
    torch.testing.assert_close(read(adapter), logits, atol=1e-4, rtol=0)


def test_a_base_of_the_hub_is_found_in_its_cache(pair, hub_cache):
    base, adapter, logits = pair
    hub_cache("owner/base", base)
    settle(adapter, base_model_name_or_path="owner/base")
    shutil.rmtree(base)
    torch.testing.assert_close(read(adapter), logits, atol=1e-4, rtol=0)


def test_a_base_that_is_missing_is_named_with_the_remedy(pair):
    shutil.rmtree(pair[0])
    with pytest.raises(GenError, match=r"is an adapter of .*base, which is not on this machine; fetch it .* or write"):
        open_model(pair[1])


def test_the_adapters_own_tokenizer_comes_first(pair):
    base, adapter, _ = pair
    assert open_model(adapter).folder == base
    words = (base / "vocab.txt").read_text(encoding="utf-8")
    (adapter / "vocab.txt").write_text(words.replace("白", "黑"), encoding="utf-8")
    found = open_model(adapter)
    assert (found.folder, found.model.tokenizer.encode("黑").tokens) == (adapter, (2, 5))
    assert found.model.tokenizer.vocabulary.end == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"task_type": "SEQ_CLS"}, "for the task SEQ_CLS, which continues no text"),
        ({"base_model_name_or_path": None}, "does not name the model"),
        ({"r": 3}, "does not fit its base"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(pair, change, reason):
    settle(pair[1], **change)
    with pytest.raises(GenError, match=reason):
        open_model(pair[1])


def test_an_adapter_on_an_adapter_is_refused(pair):
    settle(pair[1], base_model_name_or_path=str(pair[1]))
    with pytest.raises(GenError, match="is an adapter of another adapter .*; merge"):
        open_model(pair[1])


def test_one_that_cannot_be_merged_is_refused(pair, tmp_path):
    adapt(pair[0], tmp_path / "prompt", peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2))
    with pytest.raises(GenError, match=r"holds an adapter \(PROMPT_TUNING\) that cannot be merged"):
        open_model(tmp_path / "prompt")


def test_pickled_weights_of_an_adapter_are_not_read(pair):
    (pair[1] / "adapter_model.safetensors").rename(pair[1] / "adapter_model.bin")
    with pytest.raises(GenError, match=r"without adapter_model.safetensors; save it again"):
        open_model(pair[1])


def test_without_peft_the_command_is_told(pair, monkeypatch):
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(GenError, match=r"takes peft; install it: pip install 'gen-engine\[peft\]'"):
        open_model(pair[1])
