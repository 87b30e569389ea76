"""Low-rank adapters: they begin as nothing, learn alone, and merge into plain weights."""

import json
import re
import sys

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from gen_engine.errors import GenError
from gen_gpt2.adapters import Adapters, add_adapters, merge_adapters
from gen_gpt2.data_vocab import build_tokenizer
from gen_gpt2.train import quicken
from gen_gpt2.train_command import gpt2_command

TEXT = "".join(f"春{a}山{b}，秋{b}水{a}。\n" for a in "风花雪月" for b in "东西南北")
IDS = torch.tensor([[2, 5, 6, 7, 3], [4, 4, 8, 1, 0]])
targets = st.sets(st.sampled_from(["c_attn", "c_fc", "attn.c_proj", "mlp.c_proj"]), min_size=1).map(",".join)


def tiny(positions=16):
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=24, n_positions=positions, n_embd=8, n_layer=2, n_head=2, resid_pdrop=0.0,
                        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=2, eos_token_id=3, pad_token_id=0)  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tokenizer = build_tokenizer([TEXT], "chars", size=24, min_count=1, positions=16)
    tokenizer.save_pretrained(folder)
    tiny().save_pretrained(folder)
    (folder / "texts.txt").write_text(TEXT, encoding="utf-8")
    return folder


def tune(base, out, *options):
    arguments = [base / "texts.txt", "--base", base, "--out", out, "--batch-tokens=60", "--schedule=constant",
                 "--valid-share=0", "--save-every=1", "--lora=2", *options]  # fmt: skip
    done = CliRunner().invoke(gpt2_command, [str(argument) for argument in arguments])
    if isinstance(done.exception, GenError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def stir(model):
    """Give the adapters weights with an effect, as training does."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))))


@given(st.integers(1, 5), st.sampled_from([None, 0.5, 8.0]), targets)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_adapters_begin_as_nothing_and_merge_to_what_they_compute(rank, alpha, names):
    model = tiny()
    expected = model(IDS).logits
    add_adapters(model, Adapters(rank, alpha, names))
    torch.testing.assert_close(model(IDS).logits, expected)
    stir(model)
    changed = model(IDS).logits
    assert not torch.allclose(changed, expected)
    torch.testing.assert_close(merge_adapters(model)(IDS).logits, changed, rtol=1e-4, atol=1e-5)


def test_merging_leaves_the_model_unchanged_and_yields_plain_parameter_names():
    model, plain = tiny(), tiny()
    add_adapters(model, Adapters(2))
    stir(model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    merged = merge_adapters(model)
    assert merged.state_dict().keys() == plain.state_dict().keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_only_the_adapters_can_be_trained():
    model = tiny()
    add_adapters(model, Adapters(2, None, "c_attn,c_fc"))
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert len(trained) == 2 * 2 * 2
    assert all(re.search(r"(c_attn|c_fc)\.lora_[AB]\.", name) for name in trained)


def test_the_faster_kernels_and_adapters_go_together():
    model = tiny()
    add_adapters(model, Adapters(2))
    stir(model)
    expected = model(IDS).logits
    quicken(model)
    torch.testing.assert_close(model(IDS).logits, expected, rtol=1e-4, atol=1e-5)


def test_training_changes_the_layers_adapted_and_no_other(base, tmp_path):
    tune(base, tmp_path / "out", "--epochs=3", "--lora-targets=c_attn")
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "out"))
    assert before.keys() == after.keys()
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if name.endswith("c_attn.weight")}
    assert isinstance(AutoModelForCausalLM.from_pretrained(tmp_path / "out"), GPT2LMHeadModel)
    assert "LoRA of rank 2 beside c_attn, merged" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_adapter_runs_resume_bit_for_bit_keeping_only_adapter_moments(base, tmp_path, optimizer):
    tune(base, tmp_path / "whole", "--steps=4", f"--optimizer={optimizer}")
    tune(base, tmp_path / "cut", "--steps=2", f"--optimizer={optimizer}")
    tune(base, tmp_path / "cut", "--steps=4", f"--optimizer={optimizer}", "--resume")
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()
    [state] = tmp_path.glob("whole/run/checkpoints/*/state.safetensors")
    moments = [tensor for name, tensor in load_file(state).items() if re.search("exp_avg$|momentum", name)]
    assert sorted(tensor.numel() for tensor in moments) == [2 * 8, 2 * 8, 24 * 2, 24 * 2]


def test_a_checkpoint_of_other_adapters_is_refused(base, tmp_path):
    tune(base, tmp_path, "--steps=1")
    with pytest.raises(GenError, match=r"other settings: lora \(was 2\)"):
        tune(base, tmp_path, "--steps=1", "--resume", "--lora=3")


def test_a_dry_run_counts_what_is_trained(base, tmp_path):
    plan = json.loads(tune(base, tmp_path / "out", "--dry-run"))
    assert plan["trainable parameters"] == 2 * 2 * (8 + 24)


def test_what_cannot_be_adapted_is_refused_with_the_remedy(base, tmp_path, monkeypatch):
    with pytest.raises(GenError, match=r"'wte' is no linear layer of this model\. Choose of attn\.c_attn, "):
        tune(base, tmp_path / "out", "--lora-targets=wte")
    with pytest.raises(GenError, match="Give --base MODEL, or leave --lora out"):
        tune(base, tmp_path / "out", "--from-scratch", "--base=")
    with pytest.raises(GenError, match="--lora 9 is more than the model is wide. Give at most 8"):
        tune(base, tmp_path / "out", "--lora=9")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(GenError, match=r"pip install 'gen-engine-gpt2\[lora\]'"):
        tune(base, tmp_path / "out")
