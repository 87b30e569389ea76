"""`gen models push`: what is published, what is refused, and the ways to the hub and to a folder."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import filter_repo_objects
from small_models import saved_model

from gen_engine.cli.main import main
from gen_engine.engine import load
from gen_engine.errors import GenError
from gen_engine.models import pushing
from gen_engine.models.cards import CARD, completed
from gen_engine.models.pushing import place_of, plan, push, write_folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder that is fit to be published, with what is not to be."""
    folder = saved_model("llama", tmp_path_factory.mktemp("saved") / "model")
    (folder / "run").mkdir()
    (folder / "run" / "config.toml").write_text("rate = 0.001\n")
    (folder / "run" / "metrics.jsonl").write_text('{"step": 1, "valid_loss": 5.5}\n')
    card = completed(folder, {"license": "mit", "language": "zh"}, data="Poems; public domain.")
    (folder / CARD).write_text(str(card), encoding="utf-8")
    (folder / ".hidden").write_text("x")
    return folder


@pytest.fixture
def model(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "model"))


PUBLISHED = ["README.md", "config.json", "generation_config.json", "model.safetensors", "vocab.txt"]


class Hub:
    """A hub that remembers what it was asked, and fails if it is to."""

    def __init__(self, problem=None):
        self.problem, self.asked = problem, []

    def create_repo(self, repo, *, private, exist_ok):
        if self.problem:
            raise self.problem
        self.asked.append(("repo", repo, private, exist_ok))
        return f"hub/{repo}"

    def create_branch(self, repo, *, branch, exist_ok):
        self.asked.append(("branch", repo, branch, exist_ok))

    def upload_folder(self, *, repo_id, folder_path, allow_patterns, revision, commit_message):
        self.asked.append(("upload", repo_id, folder_path, allow_patterns, revision))


def answer(status):
    class Response:
        status_code, headers, request = status, {}, None

    error = HfHubHTTPError.__new__(HfHubHTTPError)
    Exception.__init__(error, "refused")
    error.response = Response()
    return error


def test_only_the_files_of_the_folder_itself_are_published(model):
    planned = plan(model)
    names = [upload.name for upload in planned.uploads]
    assert set(PUBLISHED) <= set(names)
    assert list(planned.left_out) == [".hidden", "run"]
    assert planned.size == sum((model / name).stat().st_size for name in names)


def test_the_hub_is_asked_for_one_commit_of_these_files(model):
    hub, planned = Hub(), plan(model)
    names = [upload.name for upload in planned.uploads]
    assert push(planned, "owner/tiny", private=True, revision="next", api=hub) == "hub/owner/tiny"
    assert hub.asked == [
        ("repo", "owner/tiny", True, True),
        ("branch", "owner/tiny", "next", True),
        ("upload", "owner/tiny", model, names, "next"),
    ]


def test_without_options_no_branch_is_made(model):
    hub = Hub()
    push(plan(model), "owner/tiny", api=hub)
    assert [each[0] for each in hub.asked] == ["repo", "upload"]
    assert hub.asked[0][2] is None


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (answer(401), "The hub does not know you.*hf auth login"),
        (answer(403), "Your token may not write owner/tiny; make one with write access"),
        (answer(404), "The hub has no place owner/tiny for you; check"),
        (answer(500), r"owner/tiny was not published \(refused\); try again"),
        (OSError("cut off"), r"owner/tiny was not published \(cut off\); try again"),
        (LocalTokenNotFoundError("no token"), "The hub does not know you.*hf auth login"),
        (HFValidationError("bad"), "'owner/tiny' is no name on the hub; write it as owner/name"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(model, problem, sentence):
    with pytest.raises(GenError, match=sentence):
        push(plan(model), "owner/tiny", api=Hub(problem))


def test_without_a_network_nothing_is_tried(model, monkeypatch, capsys):
    monkeypatch.setattr(pushing, "hub_answers", lambda: False)
    assert main(["models", "push", str(model), "owner/tiny"]) == 2
    assert capsys.readouterr().err == (
        "gen: The hub cannot be reached, so owner/tiny was not published; try again while online.\n"
    )


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_what_is_no_name_is_refused_without_network(model, monkeypatch, capsys, options):
    monkeypatch.setattr(pushing, "hub_answers", lambda: False)
    assert main(["models", "push", str(model), "a/b/c", *options]) == 2
    assert capsys.readouterr().err == "gen: 'a/b/c' is no name on the hub; write it as owner/name.\n"


def test_a_dry_run_lists_what_is_published_without_a_network(model, monkeypatch, capsys):
    monkeypatch.setattr(pushing, "push", None)
    assert main(["models", "push", str(model), "owner/tiny", "--dry-run"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.partition("\t")[0] for line in out[2:]] == [upload.name for upload in plan(model).uploads]
    assert main(["models", "push", str(model), "owner/tiny", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == [".hidden", "run"]
    assert told["bytes"] == plan(model).size


def write(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def enlarge(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(pushing.MOST + 1)  # a file with a hole, which takes no room


def shorten_card(folder):
    card = (folder / CARD).read_text(encoding="utf-8")
    (folder / CARD).write_text(card.replace("license: mit\n", ""), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (write("optimizer.pt", b"x"), r"optimizer.pt in .* could run code when read; remove it"),
        (write("TOKENIZER.PKL", b"x"), r"TOKENIZER.PKL in .* could run code"),
        (lambda folder: os.mkfifo(folder / "notes"), "notes is a pipe, a socket or a device, no file"),
        (write("vocab.json", b"version https://git-lfs.github.com/spec/v1\n"), r"pointer of Git LFS; .*git lfs pull"),
        (lambda folder: (folder / "model.safetensors").unlink(), "lacks model.safetensors; save or fetch"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json, so it is no model folder"),
        (enlarge, "model.safetensors has over 50,000,000,000 bytes"),
        (shorten_card, r"lacks license \(--license\); complete it with `gen models card`"),
        (lambda folder: (folder / CARD).unlink(), "The card of .* lacks license .*; figures"),
    ],
)
def test_what_is_not_fit_to_be_published_is_refused(model, spoil, sentence):
    spoil(model)
    with pytest.raises(GenError, match=sentence):
        plan(model)


def test_pickled_weights_are_refused_with_the_command_that_converts(model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(GenError, match=r"gen convert .*pytorch_model.bin"):
        plan(model)


def test_a_folder_is_written_whole_and_loads(model, tmp_path, capsys):
    place = tmp_path / "there" / "tiny"
    assert main(["models", "push", str(model), place.as_uri()]) == 0
    assert capsys.readouterr().out.endswith(f" files are at {place}\n")
    names = {upload.name for upload in plan(model).uploads}
    assert {path.name for path in place.iterdir()} == names | {".gitattributes"}
    assert "*.safetensors filter=lfs" in (place / ".gitattributes").read_text()
    texts = [load(str(folder)).generate("白", seed=1, max_new=3)[0].text for folder in (place, model)]
    assert texts[0] == texts[1]


def test_other_large_files_are_held_by_lfs_too(model, monkeypatch):
    monkeypatch.setattr(pushing, "LARGE", 100)
    planned = plan(model)
    large = {upload.name for upload in planned.uploads if upload.large}
    listed = {line.split()[0] for line in pushing.attributes(planned).splitlines()}
    assert listed == {name for name in large if name != "model.safetensors"} | {"*.safetensors"}


ODD = ["a b.json", "a[1].json", "a*.json", "#a.json", "!a?.json", '"a".json', "back\\slash.json", "诗 词.json"]


@pytest.fixture
def odd(model, monkeypatch):
    """A folder whose files have odd names, too, and are large."""
    monkeypatch.setattr(pushing, "LARGE", 1)
    for name in ODD:
        (model / name).write_text("{}")
    return model


def test_git_gives_odd_names_to_lfs(odd, tmp_path):
    place, plain = write_folder(plan(odd), tmp_path / "out"), ["a1.json", "ab.json", "a.json", "b.json", "a"]
    subprocess.run(["git", "init", "-q", place], check=True)
    command = ["git", "-C", place, "check-attr", "-z", "filter", "--", *ODD, *plain]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")[2::3]
    assert told == ["lfs"] * len(ODD) + ["unspecified"] * len(plain)


def test_the_hub_takes_odd_names_as_they_are(odd):
    hub, names = Hub(), [upload.name for upload in plan(odd).uploads]
    push(plan(odd), "owner/tiny", api=hub)
    patterns = hub.asked[-1][3]
    assert list(filter_repo_objects([*names, "a1.json", "ab.json", "!ab.json"], allow_patterns=patterns)) == names


@pytest.mark.parametrize("name", ["a\nb", "a\x1b.json", os.fsdecode(b"\xff.json")], ids=["line", "escape", "bytes"])
def test_names_that_others_cannot_write_are_refused(model, name):
    (model / name).write_text("{}")
    with pytest.raises(GenError, match="is no name that others' machines can write; rename the file"):
        plan(model)


def test_a_folder_that_is_there_is_not_replaced(model, tmp_path):
    with pytest.raises(GenError, match="is there already"):
        write_folder(plan(model), model)


def test_a_copy_that_fails_leaves_nothing(model, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pushing.shutil, "copyfile", full)
    with pytest.raises(GenError, match="No space left on device"):
        write_folder(plan(model), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_hub_is_asked_as_the_options_say(model, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(pushing, "push", lambda planned, repo, **how: asked.append((repo, how)) or "hub/there")
    options = ["--private", "--revision", "next", "--json"]
    assert main(["models", "push", str(model), "owner/tiny", *options]) == 0
    assert asked == [("owner/tiny", {"private": True, "revision": "next"})]
    assert json.loads(capsys.readouterr().out)["at"] == "hub/there"


def test_a_dry_run_writes_no_folder(model, tmp_path):
    assert main(["models", "push", str(model), str(tmp_path / "out"), "--dry-run"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("options", [["--private"], ["--revision", "next"]])
def test_options_of_the_hub_are_refused_for_a_folder(model, tmp_path, capsys, options):
    assert main(["models", "push", str(model), str(tmp_path / "out"), *options]) == 2
    assert "neither private nor on a branch" in capsys.readouterr().err


def test_paths_and_hub_names_are_told_apart(tmp_path):
    assert place_of("owner/name") is None
    assert place_of("./a b") == Path("a b")
    assert place_of((tmp_path / "a b").as_uri()) == tmp_path / "a b"
    assert place_of(str(tmp_path)) == tmp_path
