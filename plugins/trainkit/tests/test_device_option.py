"""`--device` of every command with a model that torch computes, on machines without the device."""

import shlex
from types import SimpleNamespace

import pytest
import torch
from prepared import WORDS, write_texts

from gen_engine.cli.main import main
from gen_trainkit import jobs
from gen_trainkit.metrics import read_metrics

TRAINERS = {name: name.split()[0] for name in WORDS}
OTHERS = [
    "classify --model nothing 好",
    "eval classifier texts.csv --model nothing",
    "eval clue --afqmc a --iflytek b --tnews c --data clue",
    "eval lm texts.csv --model nothing",
    "eval lm --candidates texts.csv --references texts.csv --encoder nothing",
]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch, tmp_path):
    """A folder with texts, worked in, on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.delenv("GEN_DEVICE", raising=False)
    write_texts(tmp_path)
    for task in ("afqmc", "iflytek", "tnews"):
        (tmp_path / "clue" / "eval").mkdir(parents=True, exist_ok=True)
        (tmp_path / "clue" / "eval" / f"{task}.tsv").touch()
    monkeypatch.chdir(tmp_path)


def train(name, *more):
    return main(["train", TRAINERS[name], "texts.csv", *WORDS[name], "--out=out", "--steps=2", *more])


def refusal(capsys):
    """The one sentence that was printed."""
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = [line for line in printed.err.splitlines() if not line.startswith("loading ")]
    return line


@pytest.mark.parametrize("name", [name for name in TRAINERS if " " not in name])
@pytest.mark.parametrize(("device", "kind"), [("cuda", "CUDA"), ("cuda:1", "CUDA"), ("mps", "MPS")])
def test_a_trainer_without_the_device_writes_nothing(name, device, kind, capsys, tmp_path):
    assert train(name, f"--device={device}") == 2
    assert f"There is no {kind} device here" in (told := refusal(capsys))
    assert told.endswith("choose cpu.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", OTHERS)
def test_other_commands_without_the_device_say_so_first(words, capsys):
    assert main([*shlex.split(words), "--device=cuda"]) == 2
    assert "There is no CUDA device here" in refusal(capsys)


@pytest.mark.parametrize("words", [*OTHERS, "train mlm texts.csv --from-scratch --out out"])
def test_no_device_has_any_other_name(words, capsys):
    assert main([*shlex.split(words), "--device=gpu"]) == 2
    assert "'gpu' is no device; choose auto, cpu, cuda, cuda:N or mps." in refusal(capsys)


def test_the_environment_and_a_file_name_the_device_too(monkeypatch, capsys, tmp_path):
    (tmp_path / "options.toml").write_text('device = "cuda"', encoding="utf-8")
    assert train("gpt2", "--config=options.toml") == 2
    assert "no CUDA device" in refusal(capsys)
    monkeypatch.setenv("GEN_DEVICE", "mps")
    assert train("gpt2") == 2
    assert "no MPS device" in refusal(capsys)
    assert train("gpt2", "--device=cpu") == 0
    assert 'device = "cpu"' in (tmp_path / "out" / "run" / "config.toml").read_text(encoding="utf-8")


def test_a_run_tells_its_kind_of_device_only(tmp_path):
    assert train("gpt2", "--gradient-checkpointing") == 0
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| device | cpu |" in card
    assert "| dtype | fp32 |" in card
    assert "| gradient_checkpointing | yes |" in card
    assert read_metrics(tmp_path / "out" / "run" / "metrics.jsonl")[-1]["device"] == "cpu"


def test_people_are_told_the_card_and_the_model_lies_there(monkeypatch, capsys):
    model, told = torch.nn.Linear(2, 2), []
    monkeypatch.setattr(jobs, "own_device", lambda wanted: torch.device("meta"))
    monkeypatch.setattr(jobs, "name_device", lambda device: "cuda:0 (a card)")
    monkeypatch.setattr(jobs, "describe", lambda job, ready: told.append(ready.task.model.weight.device.type) or {})
    ready = SimpleNamespace(task=SimpleNamespace(model=model), told=["9 rows read"])
    jobs.carry_out(None, lambda job: ready, {"device": "auto", "dry_run": True}, lambda out: "")
    assert told == ["meta"]
    assert capsys.readouterr().err.splitlines() == ["9 rows read", "Computing on cuda:0 (a card)."]


def test_help_tells_the_choices_and_the_variable(capsys):
    assert main(["train", "gpt2", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--device DEVICE Where to compute: auto, cpu, cuda, cuda:N or mps" in told
    assert "GEN_DEVICE" in told
