import json
import shlex

import click
import pytest

from gen_engine.cli.options import Settings
from gen_trainkit.tasks import Outcome
from gen_trainkit.telling import beginning, doubts, finished, resume_command, stopped, tell_outcome, try_writing

LOSSES = {0: 3.0, 2: 2.5, 4: 2.25, 6: 2.5}


def rows(points, goal="valid_loss"):
    return [{"step": step, goal: value} for step, value in points.items()]


@pytest.mark.parametrize(("points", "told"), [
    (LOSSES, "Validation loss: 3.0000 before training, best 2.2500 at step 4, 2.5000 at the end."),
    ({2: 2.5}, "Validation loss: best 2.5000 at step 2."),
    ({0: 3.0, 2: 2.5}, "Validation loss: 3.0000 before training, best 2.5000 at step 2."),
    ({}, "No texts were set aside to validate by."),
])  # fmt: skip
def test_the_figures_of_a_run_in_words(points, told):
    assert finished(Outcome(1, 6, {}, None, 0), rows(points)) == f"Trained 1 step. {told}"


def test_the_highest_accuracy_is_best_and_early_stopping_is_told():
    outcome = Outcome(1200, 6000, {}, None, 0, early=True, goal="valid_macro_f1")
    told = finished(outcome, rows({0: 0.5, 600: 0.75, 1200: 0.5}, "valid_macro_f1"))
    assert told.startswith(
        "Trained 1,200 steps (stopped early). Validation macro F1: 0.5000 before training, best 0.75"
    )


@pytest.mark.parametrize(("goal", "points", "doubt"), [
    ("valid_loss", LOSSES, ""),
    ("valid_loss", {0: 3.0, 2: 3.5, 4: 3.25}, "the validation loss never got better than before training"),
    ("valid_loss", {0: 3.0, 2: 3.0}, "the validation loss never got better than before training"),
    ("valid_accuracy", {0: 0.5, 2: 0.5}, "the validation accuracy never got better than before training"),
    ("valid_loss", {0: 3.0, 2: 2.0, 4: 2.5}, "the validation loss got worse from step 2 on"),
    ("valid_macro_f1", {2: 0.75, 4: 0.5}, "the validation macro F1 got worse from step 2 on"),
    ("valid_loss", {0: 3.0, 2: 2.0}, ""),
    ("valid_loss", {}, ""),
])  # fmt: skip
def test_what_went_wrong_is_doubted(goal, points, doubt):
    assert [words.partition(";")[0] for words in doubts(goal, rows(points, goal))] == [doubt] * bool(doubt)


def test_a_stopped_run_tells_what_there_is(tmp_path):
    (tmp_path / "run" / "best").mkdir(parents=True)
    [first, second, third] = stopped(Outcome(5, 1000, {}, None, 2), rows(LOSSES), tmp_path)
    assert first == f"Stopped at step 5 of 1,000, which is saved in {tmp_path / 'run' / 'checkpoints'}."
    assert second == f"The best model so far is {tmp_path / 'run' / 'best'}: validation loss 2.2500 at step 4."
    assert third == "The same command with --resume goes on from there."


def test_a_stopped_run_without_a_best_model_names_none(tmp_path):
    assert len(stopped(Outcome(5, 1000, {}, None, 2), rows({0: 3.0}), tmp_path)) == 2


@pytest.mark.parametrize("given", [
    ["train", "gpt2", "my verses.txt", "--out", "my model"],
    ["train", "gpt2", "a.txt", "--out=it's", "--resume"],
    ["--debug", "train", "mlm", "诗.txt", "--note", "a $x `y`"],
    ["train", "gpt2", "--out", "x", "--", "-dash.txt"],
])  # fmt: skip
def test_the_command_to_go_on_is_the_same_with_resume(given, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gen"])
    with click.Context(click.Command("gen"), obj=Settings(arguments=tuple(given))):
        words = shlex.split(resume_command())
    assert [word for word in words if word != "--resume"] == ["gen", *(word for word in given if word != "--resume")]
    assert words.count("--resume") == 1
    assert "--" not in words or words.index("--resume") < words.index("--")


def test_under_torchrun_no_command_is_made_up(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with click.Context(click.Command("gen"), obj=Settings(arguments=("train",))):
        assert resume_command() == ""


@pytest.mark.parametrize("folder", ["model", "my model", "it's", "模型", "a$b"])
def test_a_command_to_try_can_be_pasted(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gen"])
    words = shlex.split(try_writing(tmp_path / folder, "春 花"))
    assert words[:5] == ["gen", "text", "--model", str(tmp_path / folder), "--prompt"]
    assert words[5] == "春 花"


def test_only_the_folder_goes_to_standard_output(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text(json.dumps({"step": 0, "valid_loss": 1.0}) + "\n", encoding="utf-8")
    tell_outcome(Outcome(1, 1, {}, None, 0), tmp_path, "gen text", ["one label only."])
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}\n"
    assert err.splitlines()[1:] == ["warning: one label only.", "Try it: gen text"]


@pytest.mark.parametrize(("texts", "end", "told"), [
    (["春眠不觉晓"], "", "春眠不觉"), (["春眠，不"], "，", "春眠，"), (["春眠不觉晓"], "，", "春眠不觉"),
    (["一\n二三四五"], "", "一 二三"), ([], "", ""),
])  # fmt: skip
def test_a_text_to_begin_with(texts, end, told):
    assert beginning(texts, end) == told
