"""`gen models`: lists, fetches, names and forgets models."""

import json
import re

import pytest
from small_models import saved_model

from gen_engine.cli.main import main
from gen_engine.models import hub


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("GEN_MODELS", str(tmp_path / "mine"))
    return saved_model("llama", tmp_path / "model")


NEXTCHAR = ["bert-fc-novel", "bert-lstm-novel"]


def listed(capsys):
    capsys.readouterr()
    assert main(["models", "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_name_is_given_used_listed_and_forgotten(model, capsys):
    before = listed(capsys)
    assert main(["models", "add", "mine", str(model)]) == 0
    assert capsys.readouterr().out == f"mine is {model}; use it with --model mine\n"
    row = {"name": "mine", "plugin": "(added)", "processors": [], "folder": str(model), "summary": str(model)}
    assert listed(capsys) == before | {"mine": row | {"told": []}}
    assert main(["text", "--model", "mine", "--prompt", "白", "--max-new", "2"]) == 0
    assert main(["models", "remove", "mine"]) == 0
    assert listed(capsys) == before


def test_defaults_that_name_a_forgotten_model_are_told(model, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GEN_CONFIG", str(tmp_path / "user.toml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user.toml").write_text('[defaults]\nmodel = "mine"\n[text]\nmodel = "poem"\n')
    (tmp_path / "gen.toml").write_text('[serve]\nmodel = ["poem", "mine"]\n')
    main(["models", "add", "mine", str(model)])
    assert main(["models", "remove", "mine"]) == 0
    user = f"note: defaults.model in {tmp_path / 'user.toml'} still names it; `gen config unset defaults.model` clears"
    project = "note: serve.model in gen.toml still names it; `gen config unset serve.model --project` clears"
    assert [f"{line} that." for line in (project, user)] == capsys.readouterr().err.splitlines()


def test_the_table_has_added_models_among_the_others(model, capsys):
    main(["models", "add", "mine", str(model)])
    capsys.readouterr()
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("\t")[0] for line in lines[2:]] == sorted([*"mine novel poem".split(), *NEXTCHAR])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add", "poem", "FOLDER"], "poem is a model of the plugin poem .* already; give another name"),
        (["add", "a b", "FOLDER"], "'a b' is no name for a model"),
        (["add", "mine", "nosuch"], "nosuch"),
        (["remove", "poem"], "poem is a model of the plugin poem .*, which was not added"),
        (["remove", "mine"], "No model 'mine' was added; `gen models add` adds one"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(model, capsys, words, sentence):
    assert main(["models", *(str(model) if word == "FOLDER" else word for word in words)]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert re.match(f"gen: .*{sentence}", told)


def test_a_model_is_pulled_and_used_by_its_name(model, hub_cache, monkeypatch, capsys):
    monkeypatch.setattr(hub, "hub_answers", lambda: True)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: str(hub_cache(name, model)))
    assert main(["models", "pull", "owner/tiny"]) == 0
    assert re.fullmatch(r"owner/tiny is in .*/snapshots/\w+; use it with --model owner/tiny\n", capsys.readouterr().out)
    assert main(["text", "--model", "owner/tiny", "--prompt", "白", "--max-new", "2"]) == 0


def test_pulling_without_a_network_is_one_sentence(hub_cache, capsys):
    assert main(["models", "pull", "owner/tiny"]) == 2
    assert capsys.readouterr().err == (
        "gen: The hub cannot be reached, so owner/tiny was not fetched; try again while online.\n"
    )


def test_added_names_are_completed(model, monkeypatch, capsys):
    from gen_engine.cli import options

    main(["models", "add", "mine", str(model)])
    assert [item.value for item in options._models(None, None, "mi")] == ["mine"]
