"""Trained classifiers in `pipeline("text-classification")`, in a process that has no gen_engine."""

import json
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner
from transformers import GPT2Config, GPT2LMHeadModel

from gen_classify.commands.train import classifier_command
from gen_classify.predicting.classifier import load_classifier
from gen_classify.testing import MARKS, single_characters

NAMES = ("负向评价", "正向评价")
TEXTS = ["好好房间", "坏酒店", "好", "坏坏坏坏坏坏服务", "房间好，酒店坏。"]
SCRIPT = """
import json, sys
sys.modules["gen_engine"] = sys.modules["gen_classify"] = sys.modules["gen_trainkit"] = None
from transformers import pipeline
from transformers.utils import logging
logging.disable_progress_bar()
found = {}
for folder in sys.argv[2:]:
    ask = pipeline("text-classification", model=folder, device="cpu")
    found[folder] = ask(json.loads(sys.argv[1]), batch_size=2), ask(json.loads(sys.argv[1]), top_k=None)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A BERT, a GPT-2 and a BERT of one logit, trained for a few steps."""
    place = tmp_path_factory.mktemp("pipelines")
    rows = "".join(f"{label}\t{'好坏'[1 - label]}{tail}\n" for label in (0, 1) for tail in "房间酒店服务，。好坏" * 3)
    (place / "reviews.tsv").write_text("label\ttext\n" + rows, encoding="utf-8")
    _write_encoder(place / "encoder")
    scratch = ["--from-scratch", "--layers=1", "--width=16", "--heads=2"]
    kinds = {"bert": scratch, "bce": [*scratch, "--loss=bce"], "gpt2": ["--encoder", place / "encoder"]}
    for name, options in kinds.items():
        _train(place / "reviews.tsv", *options, "--out", place / name)
    return {name: str(place / name) for name in kinds}


def _write_encoder(folder):
    torch.manual_seed(0)
    names = [*MARKS, *"房间酒店服务，。好坏"]
    config = GPT2Config(vocab_size=len(names), n_embd=16, n_layer=1, n_head=2, n_positions=32, eos_token_id=3)
    GPT2LMHeadModel(config).save_pretrained(folder)
    single_characters(names, 32, closes=False).save_pretrained(folder)


def _train(*arguments):
    given = ["--text=text", "--label=label", "--label-names", ",".join(NAMES), "--split=80/20", "--max-length=16"]
    given += ["--steps=20", "--rate=0.02", "--seed=1", f"--cache={arguments[-1]}.cache"]
    done = CliRunner().invoke(classifier_command, [str(each) for each in (*arguments, *given)], catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def told(folders):
    """What the pipelines of a plain process say, by the kind of the classifier."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, json.dumps(TEXTS), *folders.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: found[folder] for name, folder in folders.items()}


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_a_plain_pipeline_tells_the_label_and_its_probability(folders, told, kind):
    classifier = load_classifier(folders[kind])
    expected = classifier.probabilities(TEXTS)
    best, every = told[kind]
    assert [each["label"] for each in best] == [NAMES[index] for index in expected.argmax(1)]
    assert [each["score"] for each in best] == pytest.approx(expected.amax(1).tolist(), abs=1e-5)
    assert all({each["label"] for each in row} == set(NAMES) for row in every)


def test_a_plain_pipeline_tells_the_probability_of_one_logit(folders, told):
    expected = load_classifier(folders["bce"]).probabilities(TEXTS)
    assert [each["label"] for each in told["bce"][0]] == [NAMES[1]] * len(TEXTS)
    assert [each["score"] for each in told["bce"][0]] == pytest.approx(expected[:, 1].tolist(), abs=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bce"])
def test_what_was_learnt_shows_in_a_plain_pipeline(told, kind):
    def positive(row):
        return sum(each["score"] if each["label"] == NAMES[1] else 0 for each in row)

    scores = [positive(row) for row in told[kind][1]]
    assert scores[2] > scores[3]
