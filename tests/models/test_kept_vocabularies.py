"""What a large vocabulary prints is worked out once: the next start reads it, and parses no tokenizer before a text."""

import dataclasses
import json

import pytest
from tokenizer_kinds import KINDS

from gen_engine.errors import GenError
from gen_engine.models import kept_vocabularies, tokenizer
from gen_engine.models.tokenizer import load_tokenizer


@pytest.fixture
def parsed(monkeypatch, tmp_path):
    """How often tokenizers were parsed, with an empty cache folder; all of them count as large."""
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tokenizer, "LARGE", 0)
    count, parse = [], tokenizer._parsed
    monkeypatch.setattr(tokenizer, "_parsed", lambda *given: count.append(1) or parse(*given))
    return count


@pytest.fixture
def folder(tmp_path):
    """A folder with a tokenizer that reads <s> before every text."""
    from tokenizers.processors import TemplateProcessing

    made = KINDS["byte level"]()
    made.add_special_tokens(["<s>", "</s>", "<e>"])
    mark = made.token_to_id("<s>")
    made.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", mark)])
    made.save(str(tmp_path / "tokenizer.json"))
    settings = {"eos_token": "</s>", "unk_token": "<s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": made.token_to_id("<e>")}))
    return tmp_path


def test_what_a_vocabulary_prints_is_kept(parsed, folder):
    first, second = (load_tokenizer(folder, 999) for _ in range(2))
    assert len(parsed) == 1
    assert dataclasses.astuple(first.vocabulary) == dataclasses.astuple(second.vocabulary)
    assert len(second.vocabulary.ends) == 1
    assert all((second.vocabulary.specials, second.vocabulary.unused))


def test_a_kept_tokenizer_is_parsed_when_it_reads_a_text(parsed, folder):
    first, second = (load_tokenizer(folder) for _ in range(2))
    assert second.encode("") == first.encode("")
    assert len(second.encode("").tokens) == 1
    assert len(parsed) == 1
    assert second.encode("the moon 月") == first.encode("the moon 月")
    assert second.encode("moon", begins=False) == first.encode("moon", begins=False)
    assert len(parsed) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_kept_vocabularies_of_any_kind_are_alike(parsed, tmp_path, kind):
    KINDS[kind]().save(str(tmp_path / "tokenizer.json"))
    first, second = (load_tokenizer(tmp_path) for _ in range(2))
    assert dataclasses.astuple(first.vocabulary) == dataclasses.astuple(second.vocabulary)
    texts = ["", "月 the moon", "，"]
    assert [first.encode(text) for text in texts] == [second.encode(text) for text in texts]


@pytest.mark.parametrize("name, text", [("tokenizer_config.json", "{}"), ("generation_config.json", "{}")])
def test_other_settings_make_it_anew(parsed, folder, name, text):
    first = load_tokenizer(folder)
    (folder / name).write_text(text)
    second = load_tokenizer(folder)
    assert len(parsed) == 2
    assert second.vocabulary.every_end != first.vocabulary.every_end


def test_other_columns_make_it_anew(parsed, folder):
    assert [len(load_tokenizer(folder, columns).vocabulary) for columns in (900, 901, 900)] == [900, 901, 900]
    assert len(parsed) == 2


def test_another_library_makes_it_anew(parsed, folder, monkeypatch):
    load_tokenizer(folder)
    monkeypatch.setattr(kept_vocabularies, "version", lambda name: "99")
    load_tokenizer(folder)
    assert len(parsed) == 2


def test_a_damaged_file_makes_it_anew(parsed, folder):
    first = load_tokenizer(folder).vocabulary
    [file] = (folder / "cache").glob("vocabulary-*")
    file.write_bytes(file.read_bytes()[:-3] + b"abc")
    assert load_tokenizer(folder).vocabulary.surfaces == first.surfaces
    assert len(parsed) == 2


def test_a_broken_tokenizer_is_refused_though_another_is_kept(parsed, folder):
    load_tokenizer(folder)
    file = folder / "tokenizer.json"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(GenError, match=r"tokenizer.json is damaged or of a newer kind \(.*\); fetch it again"):
        load_tokenizer(folder)


def test_a_small_file_is_not_kept(parsed, folder, monkeypatch):
    monkeypatch.setattr(tokenizer, "LARGE", kept_vocabularies.LARGE)
    for _ in range(2):
        load_tokenizer(folder)
    assert len(parsed) == 2
    assert not (folder / "cache").exists()
