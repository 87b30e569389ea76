"""Hub names: what is in the hub's cache is used as a folder is, and what is not is told with the remedy."""

import json
import os
import subprocess
import sys

import huggingface_hub
import pytest
from hub_folders import lay_out
from huggingface_hub.errors import HfHubHTTPError
from served_hub import serving
from small_models import saved_model

from gen_engine.errors import GenError
from gen_engine.models import hub
from gen_engine.models.hub import fetched, lacking, pull, snapshot_of
from gen_engine.sources import note_of, open_model

NAME = "owner/tiny"


@pytest.fixture
def model(tmp_path):
    return saved_model("llama", tmp_path / "model")


@pytest.fixture
def online(monkeypatch):
    """The hub answers; what is asked of it is kept, and the test says what it does."""
    asked = []
    monkeypatch.setattr(hub, "hub_answers", lambda: True)

    def answering(answer):
        monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **given: asked.append(given) or answer())
        return asked

    return answering


def fail(kind):
    """A function that raises an error of the hub's client."""

    def answer():
        response = type("Response", (), {"headers": {}, "request": None, "status_code": 404})()
        raise kind("no luck", response=response) if issubclass(kind, HfHubHTTPError) else kind("no luck")

    return answer


def test_a_name_in_the_cache_is_its_snapshot(hub_cache, model):
    snapshot = hub_cache(NAME, model)
    assert (snapshot_of(NAME), fetched(NAME), lacking(snapshot)) == (snapshot, snapshot, None)
    assert snapshot_of("owner/other") is snapshot_of("a..b") is None


def test_a_name_is_loaded_as_its_folder_is(hub_cache, model):
    (model / "context.json").write_text('{"order": ["title"], "parts": {"title": "{}"}}', encoding="utf-8")
    (model / "generation_config.json").write_text('{"eos_token_id": 7}', encoding="utf-8")
    snapshot = hub_cache(NAME, model)
    found = open_model(NAME)
    assert (found.folder, found.model.name) == (snapshot, NAME)
    assert found.model.tokenizer.vocabulary.end == open_model(model).model.tokenizer.vocabulary.end == 7
    assert note_of(NAME).order == ("title",)


def test_a_gpt2_of_the_hub_gets_its_own_runner(hub_cache, tmp_path):
    folder = saved_model("gpt2", tmp_path / "gpt2")
    hub_cache("tiny-gpt2", folder)
    assert type(open_model("tiny-gpt2").model) is type(open_model(folder).model)
    assert type(open_model(folder).model).__module__.startswith("gen_gpt2")


@pytest.mark.parametrize("variable", ["HF_HOME", "HF_HUB_CACHE"])
def test_a_program_finds_the_cache_where_told(tmp_path, model, variable):
    lay_out(tmp_path / "hub", NAME, model)
    place = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}[variable]
    command = [sys.executable, "-m", "gen_engine", "text", "--model", NAME, "--prompt", "白", "--max-new", "3"]
    others = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env = {**others, variable: place, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([*command, "--json", "--seed", "1"], env=env, capture_output=True, check=True)
    assert json.loads(done.stdout)["text"].startswith("白")


@pytest.mark.parametrize(("gone", "named"), [("model.safetensors", "model.saf"), ("vocab.txt", "its tokenizer")])
def test_what_is_half_fetched_is_told(hub_cache, model, gone, named):
    path = hub_cache(NAME, model) / gone
    path.resolve().unlink()  # the snapshot still points to it
    with pytest.raises(GenError, match=f"Of {NAME} {named}.* is not here, .*`gen models pull {NAME}` while online"):
        open_model(NAME)


def test_a_shard_that_was_not_fetched_is_told(hub_cache, tmp_path):
    folder = saved_model("llama", tmp_path / "model", max_shard_size=4000)
    sorted(hub_cache(NAME, folder).glob("model-*"))[1].unlink()
    with pytest.raises(GenError, match=r"Of owner/tiny model-00002-of-\d+.safetensors is not here"):
        open_model(NAME)


def test_pickled_weights_of_the_hub_are_refused(hub_cache, model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    hub_cache(NAME, model)
    with pytest.raises(GenError, match="has only pickled weights"):
        open_model(NAME)


def test_without_a_network_one_sentence_tells_what_to_do(hub_cache):
    with pytest.raises(GenError, match=r"no model owner/tiny on this .*`gen models pull owner/tiny` while .*a folder"):
        open_model(NAME)
    with pytest.raises(GenError, match="The hub cannot be reached, so owner/tiny was not fetched"):
        pull(NAME)


BAD = ["a/b/c", "../x", "a//b", "/a", "a b", "a--b", "x.git", "", "https://hub/a", "a" * 97]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_name_is_refused_without_network(hub_cache, name):
    for get in (pull, fetched):
        with pytest.raises(GenError, match=r"is no name on the hub; write it as owner/name\."):
            get(name)


def test_a_name_that_is_not_here_is_fetched_without_pickles(hub_cache, model, online):
    asked = online(lambda: str(hub_cache(NAME, model)))
    assert open_model(NAME).folder == snapshot_of(NAME)
    assert open_model(NAME).folder == snapshot_of(NAME)
    assert len(asked) == 1
    assert not any(pattern.endswith((".bin", ".pt", "*", ".py")) for pattern in asked[0]["allow_patterns"])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("RepositoryNotFoundError", "has no model owner/tiny for you"),
        ("GatedRepoError", "for those who ask"),
        ("LocalEntryNotFoundError", "was not fetched .no luck.; try again"),
        ("HfHubHTTPError", "was not fetched"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(hub_cache, online, kind, reason):
    online(fail(getattr(huggingface_hub.errors, kind)))
    with pytest.raises(GenError, match=reason):
        pull(NAME)


@pytest.mark.parametrize(
    ("left", "reason"), [("vocab.txt", "has no config.json"), ("config.json", "lacks model.safetensors; name a model")]
)
def test_a_name_without_a_model_is_told(tmp_path, online, left, reason):
    (tmp_path / "fetched").mkdir()
    (tmp_path / "fetched" / left).write_text("{}")
    online(lambda: str(tmp_path / "fetched"))
    with pytest.raises(GenError, match=reason):
        pull(NAME)


def gen(*words, **env):
    """`gen` in a process of its own, with no proxy and no settings of the hub but these."""
    others = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name[:3] != "HF_"}
    command = [sys.executable, "-m", "gen_engine", *words]
    return subprocess.run(command, env=others | env, capture_output=True, check=False, text=True, encoding="utf-8")


@pytest.mark.slow
def test_the_client_of_the_hub_fetches_no_pickle(model, tmp_path):
    (model / "pytorch_model.bin").write_bytes(b"pickled")
    with serving(model) as address:
        given = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        done, absent = (gen("models", "pull", name, **given) for name in ("owner/tiny", "owner/none"))
    assert (done.returncode, absent.returncode) == (0, 2), done.stderr
    assert absent.stderr == "gen: The hub has no model owner/none for you; check the name, or `hf auth login`.\n"
    fetched = {path.name for path in tmp_path.glob("home/hub/models--owner--tiny/snapshots/*/*")}
    assert fetched == {path.name for path in model.iterdir()} - {"pytorch_model.bin"}
    assert gen("text", "--model", "owner/tiny", "--prompt", "白", "--max-new", "2", **given).stdout.startswith("白")
