"""What a model folder holds is told in one sentence, with the command that takes it; transformers stays silent."""

import pytest
from model_folders import make_file, make_folder

from gen_engine.cli.main import main
from gen_engine.engine import load
from gen_engine.errors import GenError
from gen_engine.models.holdings import refuse_no_model

SILENT = {
    "classifier": "a classifier of texts .BertForSequenceClassification., which .*; .*`gen classify --model",
    "reward": "a classifier of texts",
    "gpt2-classifier": "a classifier of texts .GPT2ForSequenceClassification.",
    "unnamed classifier": "a classifier of texts, which writes no text",
    "masked": "a masked language model .BertForMaskedLM., .* `gen train bert-lstm --encoder",
    "encoder": "an encoder alone .bert., which writes no text",
    "words": "labels the words of a text .* no command takes it",
    "seq2seq": "an encoder-decoder .T5For.*, which writes an answer to an input and does not continue a text",
    "old seq2seq": "an encoder-decoder .T5For",
    "bart": "an encoder-decoder .BartFor",
    "mt5": "an encoder-decoder .MT5For",
    "whisper": "an encoder-decoder .WhisperFor",
    "pictures": "a model of pictures",
    "tokenizer": "holds a tokenizer and no model",
    "empty": "is an empty folder",
    "adapter": "adapter_config.json does not name the model that it is for",
    "gguf": "a-q4.gguf (cannot be read as a language model|is a GGUF file, which takes)",
    "sentences": "sentence-transformers",
    "diffusers": "draws pictures",
    "dataset": "holds a dataset",
    "nameless": "names no model_type",
    "notes": "has no config.json, so it is no model folder",
    "parent": "checkpoint-1 in it has; name .*checkpoint-1",
}


@pytest.mark.parametrize("kind", SILENT)
def test_a_folder_that_writes_no_text_alone_says_why(tmp_path, capfd, kind):
    folder = make_folder(kind, tmp_path / "model")
    capfd.readouterr()
    with pytest.raises(GenError, match=SILENT[kind]) as told:
        load(folder)
    assert capfd.readouterr() == ("", "")
    assert str(told.value).startswith(str(folder))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.gguf", "no GGUF file"),
        ("a.safetensors", "a file of weights"),
        ("a.txt", "a file and no model"),
    ],
)
def test_a_file_is_no_folder(tmp_path, name, what):
    with pytest.raises(GenError, match=f"is {what}"):
        load(make_file(name, tmp_path))


@pytest.mark.parametrize(
    ("kind", "why"), [("adapter", "holds an adapter, .*merge it"), ("gguf", "holds a GGUF file, .*`gen models add`")]
)
def test_what_only_writers_read_is_told_elsewhere(tmp_path, kind, why):
    with pytest.raises(GenError, match=why):
        refuse_no_model(make_folder(kind, tmp_path / "model"), "model")


COMMANDS = {
    "text": ["text", "--prompt", "a"],
    "poem": ["poem"],
    "ci": ["ci", "--tune", "浣溪沙"],
    "couplet": ["couplet", "--first", "春满人间"],
    "novel": ["novel", "--prompt", "春"],
    "explain": ["explain", "--text", "春"],
    "lint": ["lint", "--with", "top_k=5"],
    "eval poem": ["eval", "poem", "texts"],
    "zero-shot": ["classify", "--zero-shot", "好吗", "春"],
    "eval lm": ["eval", "lm", "texts"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_writes_says_that_a_classifier_is_one(tmp_path, monkeypatch, capfd, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").write_text("春风\n", encoding="utf-8")
    make_folder("classifier", tmp_path / "mine")
    capfd.readouterr()
    assert main([*COMMANDS[command], "--model", "mine"]) == 2
    told = capfd.readouterr().err.splitlines()[-1]
    assert told.startswith("gen: mine holds a classifier of texts")


@pytest.mark.parametrize("name", ["nosuch", "no/such", "a.model"])
def test_a_hub_out_of_reach_is_not_waited_for(monkeypatch, capfd, name):
    import huggingface_hub.constants as constants

    from gen_engine.models import hub

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "hub_answers", lambda: False)
    with pytest.raises(GenError, match="|".join(["There is no model", "no model named"])):
        load(name)
    assert "Retrying" not in "".join(capfd.readouterr())
