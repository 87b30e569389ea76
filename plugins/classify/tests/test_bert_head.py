"""A head on the raw [CLS] state or with a ReLU layer: trained, loaded again, in a plain pipeline, frozen, refused."""

import json
import subprocess
import sys

import classifier_folders as folders
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, BertModel

from gen_classify.commands.train import classifier_command
from gen_classify.predicting.classifier import load_classifier
from gen_engine.errors import GenError

SIZES = ["--from-scratch", "--layers=1", "--width=16", "--heads=2", "--ff=32", "--positions=24"]
QUICK = ["--batch-tokens=200", "--rate=1e-2", "--save-every=0", "--steps=40", "--seed=1"]
HEADS = {"cls": ["--reads=cls"], "relu": ["--relu=40"], "both": ["--reads=cls", "--relu=5"]}
TEXTS = ["好山好水", "坏酒坏店差", "风月", "春好坏"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    rows = [(str(i % 2), ("坏酒坏店差房", "好山好水好风")[i % 2][i % 3 :] + "春夏秋冬"[i % 4]) for i in range(80)]
    (folder / "reviews.tsv").write_text("label\ttext\n" + "".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEN_CACHE", str(folder / "cache"))
        yield folder / "reviews.tsv"


def run(*arguments):
    result = CliRunner().invoke(classifier_command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    place = tmp_path_factory.mktemp("trained")
    for name, options in HEADS.items():
        run(table, *SIZES, *QUICK, *options, "--out", place / name)
    return place


@torch.inference_mode()
def by_hand(folder, texts):
    """Logits of the head as the tutorials write it, in plain torch, on transformers' own BERT."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "model.safetensors")
    states = _encoder(folder, config, tensors)(**load_classifier(folder).tokenizer(texts, return_tensors="pt"))
    read = states.last_hidden_state[:, 0] if config["reads"] == "cls" else states.pooler_output
    if config["relu"]:
        read = torch.relu(read @ tensors["between.weight"].T + tensors["between.bias"])
    return read @ tensors["classifier.weight"].T + tensors["classifier.bias"]


def _encoder(folder, config, tensors):
    from transformers import BertConfig

    own = {key: value for key, value in config.items() if key not in ("model_type", "architectures")}
    encoder = BertModel(BertConfig(**own), add_pooling_layer=config["reads"] == "pooler").eval()
    encoder.load_state_dict({n.removeprefix("bert."): t for n, t in tensors.items() if n.startswith("bert.")})
    return encoder


@pytest.mark.parametrize("head", HEADS)
def test_it_learns_and_answers_as_the_tutorials_module_does(trained, head):
    classifier = load_classifier(trained / head)
    for text in TEXTS:
        expected = by_hand(trained / head, [text]).softmax(1)[0]
        assert classifier.probabilities([text])[0] == pytest.approx(expected, abs=1e-5)
    assert classifier.choose(classifier.probabilities(TEXTS[:2])).tolist() == [1, 0]


SCRIPT = """
import json, sys
from transformers import pipeline
for folder in sys.argv[2:]:
    ask = pipeline("text-classification", model=folder, device="cpu")
    print(json.dumps([each["score"] for each in ask(json.loads(sys.argv[1]))]))
"""


def test_a_pipeline_loads_it_after_the_import_of_its_card(trained):
    card = (trained / "cls" / "README.md").read_text(encoding="utf-8")
    [line] = [part for part in card.split("`") if part.startswith("import ")]
    found = [str(trained / head) for head in HEADS]
    command = [sys.executable, "-W", "ignore", "-c", line + SCRIPT, json.dumps(TEXTS), *found]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "not supported" not in done.stderr
    for folder, told in zip(found, done.stdout.splitlines(), strict=True):
        expected = load_classifier(folder).probabilities(TEXTS).amax(1).tolist()
        assert json.loads(told) == pytest.approx(expected, abs=1e-5)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A BERT with a pooler, as a folder to start from."""
    folder = tmp_path_factory.mktemp("encoder") / "bert"
    model, tokenizer = folders.bert(folder)
    model.bert.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("head", HEADS)
def test_it_starts_from_any_encoder_and_goes_on_from_itself(table, encoder, tmp_path, head):
    options = [*HEADS[head], *QUICK, "--steps=2"]
    run(table, "--encoder", encoder, *options, "--freeze=all", "--out", tmp_path / "first")
    before, after = load_file(encoder / "model.safetensors"), load_file(tmp_path / "first" / "model.safetensors")
    kept = {name for name in before if name.startswith(("embeddings.", "encoder."))}
    assert all(torch.equal(before[name], after[f"bert.{name}"]) for name in kept)
    run(table, "--encoder", tmp_path / "first", *options, "--rate=1e-12", "--out", tmp_path / "second")
    again = load_file(tmp_path / "second" / "model.safetensors")
    assert again["classifier.weight"] == pytest.approx(after["classifier.weight"], abs=1e-6)


def test_untrained_takes_the_sizes_alone(table, encoder, tmp_path):
    run(table, "--encoder", encoder, "--untrained", "--reads=cls", *QUICK, "--steps=1", "--out", tmp_path / "out")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    name = "embeddings.word_embeddings.weight"
    assert model.config.model_type == "bert-head"
    assert not torch.allclose(model.bert.state_dict()[name], load_file(encoder / "model.safetensors")[name], atol=0.1)


def test_other_layers_and_one_logit_go_together(table, tmp_path):
    run(table, *SIZES, *QUICK, "--reads=cls", "--relu=7", "--loss=bce", "--threshold=0.4", "--out", tmp_path / "out")
    classifier = load_classifier(tmp_path / "out")
    assert (classifier.threshold, classifier.model.classifier.weight.shape) == (0.4, (1, 7))


@pytest.mark.parametrize(
    "options, reason",
    [
        (["--hidden=4", "--relu=4"], "--hidden takes the pooler's place"),
        (["--hidden=4", "--reads=cls"], "--hidden takes the pooler's place"),
        (["--reads=cls", "--freeze=all-but-pooler"], "no pooler"),
    ],
)
def test_options_that_contradict_are_refused(table, tmp_path, options, reason):
    with pytest.raises(GenError, match=reason):
        run(table, *SIZES, *QUICK, *options, "--out", tmp_path / "out")


@pytest.mark.parametrize("options", [["--reads=cls"], ["--relu=3"], ["--reads=cls", "--relu=3"]])
def test_a_head_that_is_there_is_not_read_otherwise(table, tmp_path, options):
    folder = folders.write(tmp_path / "plain", labels=("0", "1"))
    with pytest.raises(GenError, match=r"already has a head, that of --reads pooler\."):
        run(table, "--encoder", folder, *QUICK, *options, "--out", tmp_path / "out")


@pytest.mark.parametrize("options", [["--reads=cls"], ["--relu=3"]])
def test_a_gpt2_has_no_such_head(table, tmp_path, options):
    model, tokenizer = folders.gpt2(tmp_path)
    for part in (model.transformer, tokenizer):
        part.save_pretrained(tmp_path / "gpt2")
    with pytest.raises(GenError, match="head of a GPT-2 classifier is one linear layer"):
        run(table, "--encoder", tmp_path / "gpt2", *QUICK, *options, "--out", tmp_path / "out")
