"""Names that the user gave to models: kept in a list, loaded as their folders are, and forgotten."""

import shutil

import pytest
from small_models import saved_model

from gen_engine import sources
from gen_engine.errors import GenError
from gen_engine.models import added as adding
from gen_engine.models.added import add, added, folder_of, models_folder, remove


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model folder, and an empty list of names."""
    monkeypatch.setenv("GEN_MODELS", str(tmp_path / "mine"))
    return saved_model("llama", tmp_path / "model")


@pytest.fixture
def gguf(model, tmp_path):
    """A GGUF file, and an empty list of names."""
    pytest.importorskip("gguf", reason="the package gguf is not installed")
    from gguf_model import write_gguf

    write_gguf(tmp_path / "tiny.gguf")
    return tmp_path / "tiny.gguf"


def test_a_name_is_loaded_as_its_folder_is(model):
    add("mine", model)
    found = sources.open_model("mine")
    assert (found.model.name, found.folder) == ("mine", model)
    assert "mine" in sources.known_models()


def test_a_relative_folder_is_found_from_everywhere(model, monkeypatch, tmp_path):
    monkeypatch.chdir(model.parent)
    add("mine", type(model)("model"))
    monkeypatch.chdir(tmp_path.parent)
    assert folder_of("mine") == model.resolve()


def test_names_are_kept_in_order_and_forgotten(model):
    for name in ("b", "a", "c"):
        add(name, model)
    assert remove("b") == model
    assert list(added()) == ["a", "c"]
    assert (model / "config.json").exists()
    with pytest.raises(GenError, match="No model 'b' was added; there is a, c"):
        remove("b")


def test_a_file_is_unpacked_for_good_until_removed(gguf, monkeypatch):
    folder = add("small", gguf)
    gguf.unlink()
    assert sources.open_model("small").folder == folder
    assert remove("small") is None
    assert not folder.exists()


def test_a_folder_of_the_user_among_the_unpacked_stays(model):
    own = models_folder() / "mine"
    shutil.copytree(model, own)
    add("mine", own)
    assert remove("mine") == own
    assert (own / "config.json").exists()


@pytest.mark.parametrize("name", ["", "a b", "../x", "owner/name", ".hidden", "-x", "a:b", "a" * 200])
def test_what_is_no_name_is_refused(model, name):
    with pytest.raises(GenError, match="is no name for a model; give one word"):
        add(name, model)
    assert not added()


def test_a_name_that_is_taken_is_refused(model):
    add("mine", model)
    with pytest.raises(GenError, match=r"mine is .*model already; .*`gen models remove mine` first"):
        add("mine", model)


def test_a_folder_without_a_model_is_refused(model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GenError, match="has no config.json"):
        add("mine", tmp_path / "empty")
    assert not added()


def test_a_folder_that_is_gone_is_told(model):
    add("mine", model)
    model.rename(model.parent / "moved")
    with pytest.raises(GenError, match=r"mine is .*model, which is gone; put it back, or `gen models remove mine`"):
        sources.open_model("mine")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_a_damaged_list_is_told(model, tmp_path, text):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "models.json").write_text(text)
    with pytest.raises(GenError, match=r"models.json (is|holds) no"):
        added()


def test_a_list_that_cannot_be_written_is_told(model, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "models.json").mkdir()
    with pytest.raises(GenError, match=r"models.json"):
        add("mine", model)


def test_a_folder_of_the_name_comes_first(model, monkeypatch, tmp_path):
    add("here", model)
    saved_model("llama", tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    assert str(sources.open_model("here").folder) == "here"


@pytest.fixture
def meanwhile(monkeypatch):
    """Does something, as another process may, while a model is read that is being added."""

    def arrange(act):
        def read(folder):
            monkeypatch.setattr(adding, "read_config", whole)
            act()
            return whole(folder)

        whole = adding.read_config
        monkeypatch.setattr(adding, "read_config", read)

    return arrange


def test_what_is_added_meanwhile_is_kept(model, meanwhile):
    meanwhile(lambda: add("other", model))
    add("mine", model)
    assert list(added()) == ["mine", "other"]


def test_a_name_taken_meanwhile_is_refused(model, meanwhile):
    meanwhile(lambda: add("mine", model.parent / "model"))
    with pytest.raises(GenError, match=r"mine is .*model already"):
        add("mine", model)


def test_what_was_unpacked_for_a_name_taken_meanwhile_goes(model, gguf, monkeypatch, tmp_path):
    unpack = adding.convert_gguf
    monkeypatch.setattr(adding, "convert_gguf", lambda *given: (unpack(*given), add("mine", model)))
    with pytest.raises(GenError, match="already"):
        add("mine", gguf)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["models.json"]
