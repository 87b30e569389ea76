"""Options that mean nothing to the files or beside other options are refused by every command, not ignored."""

import json

import pytest

from gen_engine.cli.main import main

datasets = pytest.importorskip("datasets")
SCRATCH = ["--from-scratch", "--out", "OUT"]
COMMANDS = {
    "gpt2": ["train", "gpt2", *SCRATCH],
    "mlm": ["train", "mlm", *SCRATCH],
    "bert-fc": ["train", "bert-fc", *SCRATCH],
    "bert-lstm": ["train", "bert-lstm", *SCRATCH],
    "classifier": ["train", "classifier", *SCRATCH],
    "eval lm": ["eval", "lm", "--baseline=ngram=2", "--train", "a.txt"],
    "eval classifier": ["eval", "classifier", "--model=none"],
    "classify": ["classify", "--model=none", "--file"],
}
TEXTS = ("gpt2", "mlm", "bert-fc", "bert-lstm", "eval lm")
TRAINERS = ("gpt2", "mlm", "bert-fc", "bert-lstm", "classifier")
LABELLED = ("classifier", "eval classifier")
IDLE = [
    *((name, "a.txt", "--column=x", "with lines of text, which have no columns") for name in TEXTS),
    *((name, "a.tsv", "--quotes=repair", "without a .csv") for name in COMMANDS if name != "eval lm"),
    *((name, "a.tsv", "--part=test", "without a datasets folder") for name in COMMANDS if name != "classifier"),
    *((name, "d", "--encoding=gb18030", "with datasets") for name in COMMANDS if name != "eval lm"),
    *((name, "a.tsv", "--header", "unless all columns") for name in LABELLED),
    *((name, "a.jsonl", "--header", "unless all columns") for name in LABELLED),
    *((name, "a.tsv", "--epochs=2 --steps=3", "beside --steps") for name in TRAINERS),
    *((name, "a.tsv", "--matrix-rate=1e-3", "without --optimizer muon") for name in TRAINERS),
    *((name, "a.tsv", "--valid-batches=3", "without --valid-every") for name in TRAINERS),
    *(
        (name, "a.tsv", "--valid=a.tsv --valid-share=0.1", "beside --valid")
        for name in TRAINERS
        if name != "classifier"
    ),
    ("gpt2", "a.tsv", "--vocab=bpe:300 --min-count=2", "without --vocab chars"),
    ("mlm", "a.tsv", "--keep-case", "without --vocab-file"),
    ("mlm", "a.tsv", "--vocab-file=a.txt --vocab-size=9", "beside --vocab-file"),
    ("bert-fc", "a.tsv", "--variable --short-share=0.5", "beside --variable"),
    ("eval lm", "a.tsv", "--max-new=3", "without --prompts"),
    ("eval lm", "a.tsv", "--bleu-tokenize=zh", "without --references"),
    ("eval lm", "a.tsv", "--dtype=float32", "without --model"),
    ("classify", "a.tsv", "--yes=ja", "without --zero-shot"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "a.txt").write_text("好\n坏\n", encoding="utf-8")
    (folder / "a.tsv").write_text("text\tlabel\n好\t1\n坏\t0\n", encoding="utf-8")
    (folder / "a.jsonl").write_text(json.dumps({"text": "好", "label": 1}) + "\n", encoding="utf-8")
    datasets.Dataset.from_dict({"text": ["好"], "label": ["1"]}).save_to_disk(str(folder / "d"))
    return folder


@pytest.mark.parametrize("command, file, options, why", IDLE)
def test_an_idle_option_is_refused(place, monkeypatch, capsys, command, file, options, why):
    monkeypatch.chdir(place)
    assert main([*COMMANDS[command], file, *options.split()]) == 2
    option = options.split()[-1].partition("=")[0]
    option = {"--steps": "--epochs", "--keep-case": "--lower-case"}.get(option, option)
    assert f"{option} does nothing {why}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--encoding=gb18030", "x"], ["--pairs", "x"], ["--part=test"], ["--quotes=trust"]]
)
def test_classify_refuses_what_texts_and_pipes_do_not_need(capsys, options):
    assert main(["classify", "--model=none", *options]) == 2
    assert f"{options[0].partition('=')[0]} does nothing" in capsys.readouterr().err
