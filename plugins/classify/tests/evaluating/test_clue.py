import json
from pathlib import Path
from statistics import fmean

import classifier_folders as folders
import pytest
from click.testing import CliRunner

from gen_classify.commands.clue import clue_command, train_arguments
from gen_classify.evaluating.clue import TASKS, clue, find_file, read_task
from gen_engine.errors import GenError

TEXTS = [first + second for first in "好坏山水" for second in "酒店房间春"]


def write_task(folder, name, held_out):
    """Rows of a task, whose label says whether the text has 好 in it."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = TEXTS[held_out::4] * (1 if held_out else 3)
    rows = [{"sentence": text, "label": str(int("好" in text))} for text in texts]
    if name == "afqmc":
        lines = ["label\tsentence1\tsentence2", *(f"{row['label']}\t{row['sentence']}\t春" for row in rows)]
        (folder / "afqmc.tsv").write_text("\n".join(lines), encoding="utf-8")
    else:
        lines = [json.dumps(row) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clue")
    for name in TASKS:
        write_task(folder, name, held_out=0)
        write_task(folder / "eval", name, held_out=1)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: str(folders.write(root / name, seed=seed, data_labels=["0", "1"])) for seed, name in enumerate(TASKS)}


def run(data, *arguments):
    given = [f"--data={data}", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(clue_command, given, catch_exceptions=False)


def test_the_score_is_in_the_labels_language_json_in_english(data, models):
    named = [f"--{name}={folder}" for name, folder in models.items()]
    told = run(data, *named).stdout
    assert "准确率" in told
    assert "平均：CLUE" in told
    assert json.loads(run(data, *named, "--json", "--lang=zh").stdout)["clue"] > 0


def test_the_score_is_the_mean_accuracy_of_the_three(data, models, tmp_path):
    named = [f"--{name}={folder}" for name, folder in models.items()]
    result = run(data, *named, "--baseline", "--json", "--lang=en", f"--out={tmp_path / 'score.txt'}")
    found = json.loads(result.stdout)
    assert found["tasks"].keys() == {"afqmc", "iflytek", "tnews"}
    assert found["clue"] == fmean(each["model"]["accuracy"] for each in found["tasks"].values())
    assert found["baseline"] == fmean(each["baseline"]["accuracy"] for each in found["tasks"].values())
    last = (tmp_path / "score.txt").read_text(encoding="utf-8").splitlines()[-1].split()
    assert last == ["mean:", "CLUE", f"{found['clue']:.4f}", f"{found['baseline']:.4f}"]


def test_each_task_is_judged_by_its_own_held_out_rows(data, models):
    score = clue(models, data)
    assert [each.report.rows for each in score.evaluations.values()] == [len(TEXTS[1::4])] * 3
    assert score.baseline is None


def test_a_classifier_that_learned_words_takes_labels_in_words(tmp_path):
    row = {"sentence": "好", "label": "108", "label_desc": "news_edu"}
    (tmp_path / "tnews.jsonl").write_text(json.dumps(row), encoding="utf-8")
    for known, label in (((), "108"), (("108", "109"), "108"), (("news_edu", "news_car"), "news_edu")):
        assert read_task(tmp_path, "tnews", held_out=False, known=known).labels == [label]


def test_classifiers_that_are_not_named_are_trained_first(data, models, tmp_path):
    encoder = tmp_path / "encoder"
    model, tokenizer = folders.bert(encoder)
    model.bert.save_pretrained(encoder)
    tokenizer.save_pretrained(encoder)
    named = [f"--{name}={models[name]}" for name in ("afqmc", "iflytek")]
    arguments = [*named, f"--train={encoder}", f"--models={tmp_path / 'out'}", "--epochs=1", "--seed=3"]
    found = json.loads(run(data, *arguments, "--json").stdout)
    assert found["models"]["tnews"] == str(tmp_path / "out" / "tnews")
    assert (tmp_path / "out" / "tnews" / "model.safetensors").exists()
    assert found["tasks"]["tnews"]["model"]["rows"] == len(TEXTS[1::4])


def test_training_sees_no_held_out_rows_and_the_options_given(data):
    given = dict.fromkeys(("config", "rate", "max_rows", "seed")) | {"epochs": 2.0, "untrained": True}
    arguments = train_arguments("afqmc", Path("out"), given | {"data": data, "train": "enc"})
    assert arguments[0] == str(data / "afqmc.tsv")
    assert arguments[-3:] == ["--epochs", "2.0", "--untrained"]
    assert arguments[arguments.index("--text2") + 1] == "sentence2"
    assert "--max-length" not in train_arguments(
        "tnews", Path("o"), given | {"data": data, "train": "e", "config": "c"}
    )


def test_files_are_found_packed_or_not(data, tmp_path):
    (tmp_path / "tnews.jsonl.xz").write_bytes(b"")
    assert find_file(tmp_path, "tnews", held_out=False).name == "tnews.jsonl.xz"
    assert find_file(data, "tnews", held_out=True) == data / "eval" / "tnews.jsonl"


ALL = ["--afqmc=a", "--iflytek=i", "--tnews=t"]


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (ALL[:2], "no classifier of TNEWS"),
        ([*ALL, "--train=e"], "none is left to train"),
        ([*ALL[1:], "--train=e"], "Give --models DIR"),
        ([*ALL, "--epochs=1"], "--epochs is for training"),
        ([*ALL, "--untrained"], "--untrained is for training"),
        ([*ALL, "--resume"], "--resume is for training"),
        ([*ALL, "--data=nowhere"], "has no afqmc.tsv"),
    ],
)
def test_what_cannot_be_done_is_said(data, arguments, sentence):
    with pytest.raises(GenError, match=sentence):
        run(data, *arguments)


def test_the_folder_of_rows_may_be_named_by_the_environment(monkeypatch):
    monkeypatch.setenv("GEN_DATA", "nowhere")
    with pytest.raises(GenError, match="nowhere/eval has no afqmc"):
        CliRunner().invoke(clue_command, ALL, catch_exceptions=False)
    monkeypatch.delenv("GEN_DATA")
    with pytest.raises(GenError, match="or set GEN_DATA"):
        CliRunner().invoke(clue_command, ALL, catch_exceptions=False)
