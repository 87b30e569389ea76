"""Every example runs, and the plugin of the examples works as one that is installed."""

import os
import subprocess
import sys
import tomllib
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from gen_engine.testing import check_constraint, check_decoder, check_model, check_shaper

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(*command, path=""):
    environment = {**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment, encoding="utf-8")


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_the_example_runs(script):
    done = run(str(script))
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_example_is_listed():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in EXAMPLES.iterdir() if path.name[0] not in "_." and path.suffix != ".png"}
    assert [name for name in sorted(files - {"README.md"}) if f"({name}" not in page] == []


@pytest.fixture
def example(monkeypatch):
    """Imports an example by its name."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return import_module


def test_the_example_decoder_of_40_lines_keeps_every_law(example):
    check_decoder(example("own_decoder").Consensus(3), examples=12)
    assert len((EXAMPLES / "own_decoder.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_the_example_model_of_60_lines_keeps_every_law(example):
    own = example("own_model")
    check_model(own.NGram(own.POEMS))
    assert len((EXAMPLES / "own_model.py").read_text(encoding="utf-8").splitlines()) <= 60


def test_the_memory_of_the_examples_keeps_every_law(example):
    check_shaper(example("own_memory").Restless())


def test_the_processors_of_the_examples_keep_every_law(example):
    own = example("own_processors")
    check_constraint(own.Wet(1), alphabet="江山", examples=20)
    check_shaper(own.moonlit, examples=20)


@pytest.fixture
def installed(tmp_path):
    """A folder in which the plugin of the examples is installed, as pip would do it."""
    project = tomllib.loads((EXAMPLES / "at_most/pyproject.toml").read_text())["project"]
    info = tmp_path / f"gen_at_most-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    group = project["entry-points"]["gen_engine"]
    (info / "entry_points.txt").write_text("[gen_engine]\n" + "".join(f"{k} = {v}\n" for k, v in group.items()))
    (tmp_path / "gen_at_most.py").write_text((EXAMPLES / "at_most/gen_at_most.py").read_text())
    return tmp_path


def test_the_plugin_of_the_examples_has_under_30_lines():
    assert len((EXAMPLES / "at_most/gen_at_most.py").read_text().splitlines()) < 30


def test_gen_poem_obeys_the_plugin_of_the_examples(installed):
    done = run("-m", "gen_engine", "poem", "--prompt", "白", "--with", "mine=1", "--seed", "3", path=installed)
    letters = Counter(char for char in done.stdout if char.isalpha())
    assert done.returncode == 0, done.stderr
    assert sum(letters.values()) == 20
    assert max(letters.values()) == 1 or letters["白"] <= 2  # the prompt's character is not new text


def test_the_plugin_of_the_examples_is_listed(installed):
    done = run("-m", "gen_engine", "processors", path=installed)
    assert "mine" in done.stdout
