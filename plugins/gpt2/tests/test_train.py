import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, GPT2Config, GPT2LMHeadModel

from gen_engine.errors import GenError
from gen_gpt2.data import collate_windows, encode_windows
from gen_gpt2.train import quicken, score
from gen_gpt2.train_command import gpt2_command
from gen_trainkit.loop import Recipe
from gen_trainkit.metrics import read_metrics

SEASONS, THINGS = "春夏秋冬" * 15, "风花雪月雨" * 12
LINES = [f"{a}{b}山{b}，{b}{a}水{a}。" + "月" * (i % 5) for i, (a, b) in enumerate(zip(SEASONS, THINGS, strict=True))]
TINY = ["--layers=1", "--width=16", "--heads=2", "--positions=12", "--batch-tokens=60", "--rate=1e-2"]
SCRATCH = ["--from-scratch", *TINY]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(texts, tmp_path_factory):
    """A folder trained for a few epochs with validation, muon, bf16 sums and fp16 weights."""
    out = tmp_path_factory.mktemp("trained") / "tiny"
    command(texts, *SCRATCH, "--epochs=8", "--optimizer=muon", "--dtype=bf16", "--save-dtype=fp16", "--valid-share=0.1",
            "--note=Made for a test.", "--out", out)  # fmt: skip
    return out


def command(*arguments):
    result = CliRunner().invoke(gpt2_command, [str(argument) for argument in arguments])
    if isinstance(result.exception, GenError):
        raise result.exception
    assert result.exit_code in (0, 130, 143), result.output
    return result


def refused(message, *arguments):
    with pytest.raises(GenError, match=message):
        command(*arguments)


def test_the_folder_is_complete_and_the_run_is_beside_it(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"} <= names
    assert {"best", "last", "checkpoints", "curve.png", "metrics.jsonl"} <= {
        path.name for path in (trained / "run").iterdir()
    }
    assert {tensor.dtype for tensor in load_file(trained / "model.safetensors").values()} == {torch.float16}


def test_it_learns(trained):
    measured = [row for row in read_metrics(trained / "run" / "metrics.jsonl") if "valid_loss" in row]
    assert measured[-1]["valid_loss"] < measured[0]["valid_loss"]
    assert measured[-1]["valid_accuracy"] > 0.3


def test_the_card_tells_data_recipe_size_and_figures(trained):
    card = (trained / "README.md").read_text(encoding="utf-8")
    size = AutoModelForCausalLM.from_pretrained(trained).num_parameters()
    for fact in ("lines.txt", f"{size:,} parameters", "| optimizer | muon |", "Made for a test.", "validation loss"):
        assert fact in card


PLAIN = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
model, tokenizer = AutoModelForCausalLM.from_pretrained(sys.argv[1]), AutoTokenizer.from_pretrained(sys.argv[1])
pipe = pipeline("text-generation", model=model, tokenizer=tokenizer)
print(pipe("春", max_new_tokens=3, do_sample=False)[0]["generated_text"])
assert tokenizer("春")["input_ids"] == [tokenizer.bos_token_id, tokenizer.convert_tokens_to_ids("春")]
assert not [name for name in sys.modules if name.startswith("gen_")]
"""


def test_plain_transformers_loads_and_runs_the_folder(trained):
    environment = {"HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", PLAIN, trained], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip().startswith("春")


def test_a_base_model_is_tuned_further_and_keeps_its_vocabulary(trained, texts, tmp_path):
    command(texts, "--base", trained, "--rate=1e-3", "--epochs=1", "--batch-tokens=60", "--out", tmp_path / "tuned")
    rows = read_metrics(tmp_path / "tuned" / "run" / "metrics.jsonl")
    losses = [row["valid_loss"] for row in rows if "valid_loss" in row]
    assert losses[-1] < 2.5
    assert (tmp_path / "tuned" / "tokenizer.json").read_bytes() == (trained / "tokenizer.json").read_bytes()
    assert AutoTokenizer.from_pretrained(tmp_path / "tuned")("春")["input_ids"][0] == 2


def whole_options(out):
    return ["--epochs=6", "--save-every=3", "--log-every=1", "--valid-share=0", "--dropout=0.1", "--out", out]


def wait_for(path, line):
    deadline = time.monotonic() + 60
    while not path.exists() or len(path.read_text().splitlines()) < line:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_training_killed_at_random_resumes_to_the_same_weights(texts, tmp_path):
    command(texts, *SCRATCH, *whole_options(tmp_path / "whole"))
    cut = [str(part) for part in (texts, *SCRATCH, *whole_options(tmp_path / "cut"))]
    victim = subprocess.Popen([sys.executable, "-m", "gen_gpt2.train_command", *cut], stderr=subprocess.DEVNULL)
    wait_for(tmp_path / "cut" / "run" / "metrics.jsonl", random.randint(1, 60))
    victim.kill()
    assert victim.wait() == -signal.SIGKILL
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    command(*cut, "--resume")
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


def test_ctrl_c_writes_a_checkpoint_and_tells_how_to_resume(texts, tmp_path, monkeypatch):
    def score_interrupted(model, batch):
        if model.training and not (tmp_path / "sent").exists():
            (tmp_path / "sent").touch()
            signal.raise_signal(signal.SIGINT)
        return score(model, batch)

    monkeypatch.setattr("gen_gpt2.train.score", score_interrupted)
    result = command(texts, *SCRATCH, "--accumulate=99", "--out", tmp_path)
    assert result.exit_code == 130
    assert re.search("Stopped at step 1 of (.*\n)+The same command with --resume goes on", result.output)
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000001"]


def test_a_dry_run_tells_the_plan_and_writes_nothing(texts, tmp_path):
    done = command(texts, *SCRATCH, "--dry-run", "--out", tmp_path / "out")
    assert done.stderr == "60 texts read, 60 used.\n"
    plan = json.loads(done.stdout)
    assert plan["vocabulary"] == 4 + len(set("".join(LINES)))
    assert plan["steps"] == plan["steps an epoch"] > 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--rate", "--epochs", "--weight-decay"])
def test_a_number_that_is_none_is_refused(texts, tmp_path, option):
    refused(f"{option} nan is no number", texts, *SCRATCH, option, "nan", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bpe_windows_and_csv_together(tmp_path):
    (tmp_path / "a.csv").write_bytes(("﻿id,verse\n" + "\n".join(f"{i},{line}" for i, line in enumerate(LINES))).encode())
    command(tmp_path / "a.csv", *SCRATCH, "--column=verse", "--vocab=bpe:270", "--steps=2", "--out", tmp_path / "out")
    assert len(AutoTokenizer.from_pretrained(tmp_path / "out")) == 270


def test_validation_texts_may_come_from_their_own_file(texts, tmp_path):
    plan = command(texts, "--valid", texts, *SCRATCH, "--dry-run", "--out", tmp_path).stdout
    assert json.loads(plan)["validation windows"] == json.loads(plan)["training windows"]


def test_padding_changes_neither_loss_nor_count(trained):
    tokenizer, model = AutoTokenizer.from_pretrained(trained), GPT2LMHeadModel.from_pretrained(trained).float()
    windows = encode_windows(tokenizer, ["春山", "春风山风，风春水春"], 12)
    together = score(model, collate_windows(windows, [0, 1], pad=0, unknown=1))
    alone = [score(model, collate_windows(windows, [row], pad=0, unknown=1)) for row in (0, 1)]
    torch.testing.assert_close(together[0], alone[0][0] + alone[1][0])
    assert together[1] == alone[0][1] + alone[1][1]


@pytest.mark.parametrize("positions", [16, 200])
def test_the_faster_kernels_compute_the_same(positions):
    model = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_positions=positions, n_embd=16, n_layer=2, n_head=2)).eval()
    ids = torch.randint(9, (2, 10))
    expected = model(ids).logits
    quicken(model)
    torch.testing.assert_close(model(ids).logits, expected)


def test_errors_end_in_a_remedy(texts, tmp_path):
    out = ["--out", tmp_path / "out"]
    refused("Give either --base MODEL or --from-scratch", texts, *out)
    refused("Give either --base MODEL or --from-scratch", texts, "--base=x", "--from-scratch", *out)
    refused("There is no file .*none.txt. Check the path", tmp_path / "none.txt", *SCRATCH, *out)
    refused("neither a model folder nor a hub name", texts, "--base", tmp_path / "none", *out)
    refused("--dropout does nothing beside --base", texts, "--base=x", "--dropout=0.1", *out)
    refused("cannot be shared by 3 heads. Give a multiple", texts, "--from-scratch", "--heads=3", *out)
    refused("There is no vocabulary 'words'", texts, *SCRATCH, "--vocab=words", *out)


def test_a_base_that_is_no_gpt2_is_refused(texts, tmp_path):
    BertConfig(num_hidden_layers=1).save_pretrained(tmp_path)
    refused("is a bert model. Give one of type gpt2", texts, "--base", tmp_path, "--out", tmp_path / "out")


def test_a_vocabulary_that_does_not_fit_the_model_is_refused(texts, trained, tmp_path):
    GPT2LMHeadModel(GPT2Config(vocab_size=5, n_embd=8, n_layer=1, n_head=1)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(trained).save_pretrained(tmp_path)
    refused(r"has \d+ tokens and the model 5. Give", texts, "--base", tmp_path, "--out", tmp_path / "out")


def test_a_damaged_checkpoint_is_refused(texts, tmp_path):
    command(texts, *SCRATCH, "--steps=1", "--out", tmp_path)
    [state] = tmp_path.glob("run/checkpoints/*/state.safetensors")
    state.write_bytes(state.read_bytes()[:-1])
    refused("is damaged. Remove that folder", texts, *SCRATCH, "--steps=1", "--resume", "--out", tmp_path)


def test_importing_the_command_imports_no_torch():
    code = "import sys, gen_gpt2.train_command; print({'torch', 'tokenizers', 'rich'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


def test_the_help_names_every_option_of_the_recipe():
    shown = set(re.findall("--([a-z-]+)", command("--help").output))
    assert {field.name.replace("_", "-") for field in fields(Recipe)} - {"head-rate"} <= shown


def test_a_base_with_pickled_weights_is_refused_with_the_remedy(texts, tmp_path):
    GPT2Config(n_layer=1).save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    refused("only pickled weights.*gen convert", texts, "--base", tmp_path, "--out", tmp_path / "out")


def test_a_base_that_lacks_weights_is_refused(texts, trained, tmp_path):
    base = shutil.copytree(trained, tmp_path / "base")
    tensors = load_file(base / "model.safetensors")
    del tensors["transformer.h.0.attn.c_attn.weight"]
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    refused(r"lacks transformer\.h\.0\.attn\.c_attn\.weight", texts, "--base", base, "--out", tmp_path / "out")
