"""A manifest tells all that lines depend on, and every change of it is named."""

import json
from dataclasses import replace

import pytest
from told_runs import answer, write_requests

from gen_batch import manifest
from gen_batch.files.reading import Covered
from gen_batch.manifest import Manifest, manifest_of, refuse_changed_input, refuse_changes
from gen_batch.plan import Plan
from gen_engine import __version__
from gen_engine.errors import GenError

THEN = Manifest({"a": "1", "b": "2"}, {"device": "cpu", "seed": 1}, {"gen-engine": "0.3"}, Covered(9, "x"))
CHANGES = {
    "weights": ({"models": {"a": "1", "b": "3"}}, "the weights of b have changed"),
    "the first model": ({"models": {"b": "2", "a": "1"}}, "the models were a, b and are b, a"),
    "an option": ({"options": {"device": "cpu", "seed": 2}}, "--seed was 1 and is 2"),
    "a new option": ({"options": {**THEN.options, "top": 3}}, "--top was not there and is 3"),
    "a version": ({"plugins": {"gen-engine": "0.4"}}, "gen-engine was 0.3 and is 0.4"),
    "a plugin": ({"plugins": {}}, "gen-engine was 0.3 and is not there"),
}


@pytest.mark.parametrize(("now", "told"), CHANGES.values(), ids=CHANGES)
def test_every_change_is_named(now, told):
    with pytest.raises(GenError, match=f"written otherwise: {told}. Undo that, or give --fresh"):
        refuse_changes(THEN, replace(THEN, **now))


INPUTS = {"shorter": (Covered(8, "x"), "had at least 9 requests, and has 8"), "other": (Covered(9, "y"), "has changed")}


@pytest.mark.parametrize(("now", "told"), INPUTS.values(), ids=INPUTS)
def test_an_input_that_is_shorter_or_other_is_told(now, told):
    refuse_changed_input(THEN.input, THEN.input, "in.jsonl")
    with pytest.raises(GenError, match=f"in.jsonl {told}"):
        refuse_changed_input(THEN.input, now, "in.jsonl")


def test_a_manifest_has_hashes_of_weights_and_versions(monkeypatch):
    monkeypatch.setattr("gen_engine.models.hashes.weights_hash", lambda *folders: f"of {folders[0].name}")
    found = manifest_of(Plan(models=("poem",), seed=7), "auto")
    assert found.models == {"poem": "of poem"}
    assert found.plugins["gen-engine"] == found.plugins["gen-engine-batch"] == __version__
    assert (found.options["seed"], found.options["format"]) == (7, "auto")


def test_a_manifest_of_another_version_is_told(tmp_path):
    path = tmp_path / "manifest.json"
    manifest.write(THEN, path)
    assert manifest.read(path) == THEN
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": manifest.FORMAT + 1}))
    with pytest.raises(GenError, match="of another version"):
        manifest.read(path)


def test_what_was_read_stays_known_when_nothing_is_added(tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    for _ in range(2):
        answer(write_requests(source, [{"id": 1}, {"id": 2}]), out)
    with pytest.raises(GenError, match="has changed"):
        answer(write_requests(source, [{"id": 1}, {"id": 3}]), out)
