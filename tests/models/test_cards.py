"""Model cards: complete by command, with what was written by hand kept."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import saved_model

from gen_engine.cli.main import main
from gen_engine.errors import GenError
from gen_engine.models.cards import CARD, Card, completed, lacks, read_card

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.parent for path in ROOT.glob("plugins/*/gen_*/weights/*/config.json"))
GIVEN = {"license": "apache-2.0", "language": "zh"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return saved_model("llama", tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def model(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture
def trained(model):
    """A folder with the records of a training."""
    (model / "run").mkdir()
    (model / "run" / "config.toml").write_text('files = ["/a/b/poems.txt"]\nbase = "owner/base"\nrate = 0.001\n')
    rows = [{"step": 1, "valid_loss": 5.5}, {"step": 2, "valid_loss": 4.25}, {"step": 3, "loss": 1.0}]
    (model / "run" / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)) + '\n{"st')
    return model


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_the_card_of_every_shipped_model_is_complete(folder):
    assert lacks(read_card(folder)) == []
    assert completed(folder) == read_card(folder)


def test_what_only_the_maker_knows_is_named(model):
    assert [words.split(" (")[0] for words in lacks(completed(model))] == [
        "license", "language", "what it was trained on", "the licence of that data", "how it was trained", "figures"
    ]  # fmt: skip


def test_records_of_a_training_become_sections_and_fields(trained):
    card = completed(trained, GIVEN, data="Poems of Tang; public domain.")
    assert lacks(card) == []
    assert card.fields == GIVEN | {
        "library_name": "transformers", "pipeline_tag": "text-generation", "base_model": "owner/base",
        "metrics": ["perplexity"],
    }  # fmt: skip
    assert "The best validation loss was 4.2500 nats, after step 2." in card.text
    assert 'files = ["poems.txt"]' in card.text


def test_a_base_in_a_folder_is_not_named_as_base(trained):
    (trained / "run" / "config.toml").write_text('base = "build/first/one"\n')
    assert "base_model" not in completed(trained).fields


def test_completing_twice_changes_nothing(trained):
    once = completed(trained, GIVEN, data="Poems; public domain.")
    (trained / CARD).write_text(str(once), encoding="utf-8")
    assert completed(trained, GIVEN, data="Poems; public domain.") == once
    assert completed(trained) == once


def test_what_is_written_by_hand_stays(trained):
    front = "# mine\nlicense: mit  # chosen with care\ntags:\n- poems\n"
    text = "# Title\n\nMine.\n\n## Limits\n\nMany.\n"
    (trained / CARD).write_text(str(Card(front, text)), encoding="utf-8")
    card = completed(trained)
    assert card.front.startswith(front)
    assert card.text.startswith(text)
    assert card.text.count("## Limits") == 1


def test_a_given_field_takes_the_place_of_another(model):
    (model / CARD).write_text("---\nlicense: mit\nlanguage:\n- en\n- de\ntags: [a]\n---\n# T\n", encoding="utf-8")
    card = completed(model, GIVEN)
    assert card.front.startswith("license: apache-2.0\nlanguage: zh\ntags: [a]\n")


def test_a_chinese_vocabulary_tells_the_language():
    assert completed(SHIPPED[0]).fields["language"] == "zh"
    assert "language" in json.dumps(lacks(Card("", "")))


@given(st.lists(st.sampled_from(["license", "language", "library_name", "pipeline_tag"]), unique=True))
def test_each_field_that_is_missing_is_named(names):
    card = Card("".join(f"{name}: x\n" for name in names), "")
    missing = {words.split(" (")[0] for words in lacks(card)[: 4 - len(names)]}
    assert missing == {"license", "language", "library_name", "pipeline_tag"} - set(names)


WRONG = ["a: [", "- a\n", "a: 2024-13-45", "a: !!int x", "a: !!bool x", "a: !!timestamp x", f"a: {'[' * 3000}"]


@pytest.mark.parametrize("front", WRONG, ids=range(len(WRONG)))
def test_metadata_that_is_no_mapping_is_one_sentence(front):
    with pytest.raises(GenError, match="metadata of README.md is no .*; mend it"):
        lacks(Card(front + "\n", ""))


@pytest.mark.parametrize("name", ["README.md", "run/config.toml", "run/metrics.jsonl"])
def test_a_file_that_is_no_text_is_one_sentence(trained, name):
    (trained / name).write_bytes(b"\xff\xfe")
    with pytest.raises(GenError, match=rf"{name} cannot be read as UTF-8 \(.*\); mend or remove it\."):
        completed(trained)


@pytest.mark.parametrize("text", ["a = ", f"a = {'[' * 3000}"], ids=["cut", "deep"])
def test_a_record_that_is_no_toml_is_one_sentence(trained, text):
    (trained / "run" / "config.toml").write_text(text)
    with pytest.raises(GenError, match=r"config.toml is no readable TOML \(.*\); mend or remove it\."):
        completed(trained)


def test_dates_in_records_and_metadata_are_kept(trained):
    (trained / "run" / "config.toml").write_text("day = 2024-02-03\ntimes = [07:30:00]\n")
    (trained / CARD).write_text("---\ndate: 2024-02-03\n---\n# T\n", encoding="utf-8")
    card = completed(trained)
    assert 'day = "2024-02-03"\ntimes = ["07:30:00"]\n' in card.text
    assert card.front.startswith("date: 2024-02-03\n")


def test_sizes_that_are_no_numbers_are_not_told(model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"vocab_size": "many", "max_position_embeddings": [1]}))
    assert "## Limits" in completed(model).text


def test_the_command_writes_and_names_what_is_missing(trained, capsys):
    assert main(["models", "card", str(trained)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("---\nlibrary_name: transformers\n")
    assert not (trained / CARD).exists()
    assert "note: The card lacks license (--license)." in told.err
    words = ["--license", "mit", "--language", "zh", "--data", "Poems; public domain.", "--write"]
    assert main(["models", "card", str(trained), *words]) == 0
    assert capsys.readouterr().err == ""
    assert lacks(read_card(trained)) == []


def test_every_option_of_the_command_is_a_field(model, capsys):
    options = ["--license", "mit", "--base-model", "a/b", "--language", "zh", "--language", "en"]
    assert main(["models", "card", str(model), *options, "--dataset", "c/d", "--metric", "accuracy"]) == 0
    written, _, text = capsys.readouterr().out.removeprefix("---\n").partition("---\n")
    fields = Card(written, text).fields
    assert {name: fields[name] for name in ("license", "base_model", "language", "datasets", "metrics")} == {
        "license": "mit", "base_model": "a/b", "language": ["zh", "en"], "datasets": ["c/d"], "metrics": ["accuracy"],
    }  # fmt: skip
    assert not (model / CARD).exists()


def test_a_card_that_cannot_be_written_leaves_the_old_one(model, monkeypatch, capsys):
    def full(source, target):
        raise OSError(28, "No space left on device")

    (model / CARD).write_text("# Mine\n")
    before = sorted(model.iterdir())
    monkeypatch.setattr("gen_engine.system.whole_files.os.replace", full)
    assert main(["models", "card", str(model), "--write"]) == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert ((model / CARD).read_text(), sorted(model.iterdir())) == ("# Mine\n", before)
