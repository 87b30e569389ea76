"""Every trainer alike: stopped, killed, repeated, in two processes, out of room, and given what it cannot use."""

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import forked
import pytest
from safetensors.torch import load_file

from gen_engine.cli.main import main
from gen_trainkit.metrics import read_metrics

SEASONS, THINGS = "春夏秋冬" * 10, "风花雪月雨" * 8
LINES = [f"{a}{b}山{b}，{b}{a}水{a}。" + "月" * (i % 5) for i, (a, b) in enumerate(zip(SEASONS, THINGS, strict=True))]
BERT = ["--from-scratch", "--layers=1", "--width=16", "--heads=2", "--positions=16"]
GPT2 = ["--from-scratch", "--layers=1", "--width=16", "--heads=2", "--positions=12"]
NEXT = ["--from-scratch", "--encoder-layers=1", "--width=16", "--heads=2", "--hidden=8", "--window=6"]
LONG = ["--batch-tokens=60", "--epochs=2", "--rate=1e-3", "--save-every=3", "--log-every=1", "--valid-every=7"]


@dataclass(frozen=True)
class Trainer:
    """How a trainer is called, and by which options it draws dropout or none."""

    words: list[str]
    dropout: tuple[str, ...] = ("--dropout",)
    column: str = "--column"


TRAINERS = {
    "gpt2": Trainer(["gpt2", *GPT2]),
    "gpt2 --lora": Trainer(["gpt2", "--base=base", "--lora=2"], dropout=()),
    "mlm": Trainer(["mlm", *BERT]),
    "bert-lstm": Trainer(["bert-lstm", *NEXT], ("--dropout", "--encoder-dropout")),
    "bert-fc": Trainer(["bert-fc", *NEXT, "--variable"], ("--dropout", "--encoder-dropout")),
    "classifier": Trainer(["classifier", *BERT], ("--dropout", "--encoder-dropout"), "--text"),
    "classifier of GPT-2": Trainer(["classifier", "--encoder=base"], ("--encoder-dropout",), "--text"),
}
each_trainer = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name != "gpt2" else []) for name in TRAINERS]
)


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A folder with data, worked in, and a tiny GPT-2 in it to start from."""
    folder, before = tmp_path_factory.mktemp("trainers"), Path.cwd()
    rows = [f"{line},{'ab'[line[0] in '春夏']}" for line in LINES]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    (folder / "empty.csv").write_text("text,label\n", encoding="utf-8")
    os.chdir(folder)
    yield folder
    made.cache_clear()
    os.chdir(before)


def command(name, out, *more, texts="texts.csv", dropout=0.1):
    """The words of one call of `gen`."""
    trainer = TRAINERS[name]
    cache_folder = ["--cache=cache"] if "classifier" in name else []
    drawn = [f"{option}={dropout}" for option in trainer.dropout]
    long = [word for word in LONG if not ("--epochs" in word and any("--steps" in other for other in more))]
    return ["train", trainer.words[0], texts, *trainer.words[1:], *long, *drawn, *cache_folder, "--out", out, *more]


def train(words):
    """Run a command to its end, which must be a good one."""
    code, printed = forked.run(words, log=Path("log.txt"))
    assert code == 0, printed


@cache
def made(name):
    """The folder of a run that nothing disturbed."""
    if "base" not in os.listdir() and "=base" in "".join(TRAINERS[name].words):
        train(command("gpt2", "base", "--steps=1", dropout=0))
    train(command(name, f"whole {name}"))
    return Path(f"whole {name}")


def weights(folder):
    return (Path(folder) / "model.safetensors").read_bytes()


def figures(folder):
    rows = read_metrics(Path(folder) / "run" / "metrics.jsonl")
    return [{key: value for key, value in row.items() if key != "time"} for row in rows]


def disturbed(name, out, number):
    """The exit code of a run, gone on with if there was one, that gets the signal `number` at a random moment."""
    metrics = Path(out) / "run" / "metrics.jsonl"
    process = forked.start(command(name, out, "--resume"), log=Path(f"{out}.log"))
    forked.wait_for(metrics, random.randint(1, len(figures(made(name))) - 2), process)
    os.kill(process.pid, number)
    process.join()
    return process.exitcode


@each_trainer
def test_a_run_stopped_and_killed_randomly_resumes_as_if_undisturbed(name):
    whole, cut = made(name), Path(f"cut {name}")
    assert disturbed(name, cut, signal.SIGTERM) == 128 + signal.SIGTERM
    printed = Path(f"{cut}.log").read_text(encoding="utf-8")
    assert re.search(r"Stopped at step \d+ of \d+, which is saved in", printed)
    assert shlex.split(last(printed, "Go on with: gen ")) == [str(word) for word in command(name, cut, "--resume")]
    assert list(cut.glob("run/checkpoints/step-*"))
    assert not (cut / "model.safetensors").exists()
    assert disturbed(name, cut, signal.SIGKILL) in (-signal.SIGKILL, 0)
    train(command(name, cut, "--resume"))
    assert weights(cut) == weights(whole)
    assert figures(cut) == figures(whole)


def last(printed, start):
    """What follows `start` on the last line of what was printed."""
    return printed.splitlines()[-1].removeprefix(start)


@each_trainer
def test_a_short_run_tells_its_figures_and_a_working_command(name):
    made(name)
    out, aside = Path(f"tried {name}"), [] if "classifier" in name else ["--valid-share=0.2"]
    code, printed = forked.run(command(name, out, "--steps=3", "--log-every=50", *aside), log=Path("tried.log"))
    assert (code, [row["step"] for row in figures(out) if "loss" in row or not row["step"]]) == (0, [0, 1, 3])
    assert re.search(r"Trained 3 steps\. Validation \w+: [\d.]+ before training, best [\d.]+ at step \d", printed)
    attempt = shlex.split(last(printed, "Try it: "))
    if attempt[0] == "gen":
        assert forked.run(attempt[1:], log=Path("attempt.log"))[0] == 0
    else:
        subprocess.run(attempt, check=True, capture_output=True)


@each_trainer
def test_its_card_has_no_python_values_and_no_unset_options(name):
    card = (made(name) / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"None|True|False|Path|\bnan\b|\binf\b|\(['\"]", card)
    assert "| batch_tokens | 60 |" in card


@each_trainer
def test_its_options_written_down_repeat_the_run(name):
    train(["train", TRAINERS[name].words[0], "--config", made(name) / "run" / "config.toml", "--out", f"again {name}"])
    assert weights(f"again {name}") == weights(made(name))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@each_trainer
def test_two_processes_do_what_one_does_with_twice_the_batches(name):
    made(name)
    one, two = Path(f"one {name}"), Path(f"two {name}")
    train(command(name, one, "--accumulate=2", "--steps=4", dropout=0))
    assert forked.run_together(command(name, two, "--steps=4", dropout=0), log=Path("two"), port=free_port()) == [0, 0]
    expected = load_file(one / "model.safetensors")
    for key, tensor in load_file(two / "model.safetensors").items():
        assert (tensor - expected[key]).abs().max() < 2e-5
    assert [row["examples"] for row in figures(two)] == [row["examples"] for row in figures(one)]


@each_trainer
def test_a_full_disk_is_reported_and_the_run_can_resume(name):
    out = shutil.copytree(made(name), Path(f"full {name}"))
    longer = [*command(name, out, "--resume"), "--epochs=3"]
    [before] = out_checkpoints(out)
    code, printed = forked.run(longer, log=Path("full.log"), room=15_000)
    assert (code, out_checkpoints(out)) == (2, [before])
    assert re.fullmatch(r"gen: There is no room to write .*Make room, then go on with --resume\.", told(printed))
    train(longer)
    assert out_checkpoints(out) != [before]


def out_checkpoints(out):
    return [path.name for path in Path(out, "run", "checkpoints").iterdir()]


def told(printed):
    """The one line that tells what is wrong; there must be no other but of progress."""
    [line] = [line for line in printed.splitlines() if not re.match(r"step |Loading|[\d,]+ (rows|texts) read", line)]
    return line


DAMAGE = {
    "a missing file": ("none.csv", [], "There is no file none.csv"),
    "a wrong column": ("texts.csv", ["COLUMN=nothing"], "texts.csv has no column 'nothing'"),
    "an empty set": ("empty.csv", [], "empty.csv"),
    "NaN for a number": ("texts.csv", ["--weight-decay=nan"], "--weight-decay nan is no number"),
    "a file for a folder": ("texts.csv", ["--out=texts.csv"], "texts.csv is a file"),
}


@each_trainer
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_it_cannot_use_is_one_sentence(name, damage, capfd, monkeypatch):
    made(name)
    texts, more, message = DAMAGE[damage]
    words = command(name, "never", *(word.replace("COLUMN", TRAINERS[name].column) for word in more), texts=texts)
    monkeypatch.setattr("sys.excepthook", None)
    before = signal.getsignal(signal.SIGTERM)
    code = main([str(word) for word in words])
    signal.signal(signal.SIGTERM, before)
    assert (code, Path("never").exists()) == (2, False)
    assert re.fullmatch(rf"gen: .*{re.escape(message)}.*\.", told(capfd.readouterr().err))


@each_trainer
@pytest.mark.parametrize("file", ["state.safetensors", "manifest.json"])
def test_a_damaged_checkpoint_is_refused(name, file):
    out = shutil.copytree(made(name), Path(f"damaged {name} {file}"))
    [path] = out.glob(f"run/checkpoints/*/{file}")
    path.write_bytes(path.read_bytes()[:-3])
    code, printed = forked.run(command(name, out, "--resume"), log=Path("damaged.log"))
    assert code == 2
    assert re.fullmatch(r"gen: The checkpoint .* is damaged\. Remove that folder and start again.*", told(printed))
    assert weights(out) == weights(made(name))
