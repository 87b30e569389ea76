"""What is no classifier, given as one: a sentence that says what it is and which command takes it."""

import re

import pytest

from gen_engine.cli.main import main

OTHERS = {
    "poem": "holds a language model .GPT2LMHeadModel., no classifier; write with `gen text --model poem`",
    "bert-lstm-novel": "holds a language model .BertLstmForCausalLM.",
    "empty": "is an empty folder",
    "adapter": "holds an adapter",
    "tokenizer": "holds a tokenizer and no model",
    "a.gguf": "is a GGUF file",
    "nowhere": "neither a model folder nor a hub name",
}
COMMANDS = {
    "classify": ["classify", "--model", "{}", "好"],
    "eval classifier": ["eval", "classifier", "--model", "{}", "rows.csv"],
    "guide": ["text", "--model", "poem", "--prompt", "春", "--max-new", "2", "--with", "guide={}:1"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_classifier_says_what_it_is(tmp_path, monkeypatch, capfd, command, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("text,label\n好,1\n坏,0\n", encoding="utf-8")
    for folder, file in (("empty", None), ("adapter", "adapter_config.json"), ("tokenizer", "vocab.txt")):
        (tmp_path / folder).mkdir()
        if file:
            (tmp_path / folder / file).write_text("{}", encoding="utf-8")
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    assert main([word.format(name) for word in COMMANDS[command]]) == 2
    assert re.search(f"gen: {name} {OTHERS[name]}|gen: {name} is {OTHERS[name]}", capfd.readouterr().err)
