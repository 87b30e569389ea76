"""Types for users: every public name is annotated, and type checkers agree, as far as they are installed."""

import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import gen_engine

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent for path in [*ROOT.glob("gen_*/__init__.py"), *ROOT.glob("plugins/*/gen_*/__init__.py")])
AUTHORS = ["gen_engine", "gen_engine.testing", "gen_engine.types", "gen_engine.errors", "gen_engine.hooks.hookspecs",
           "gen_engine.hooks.lazy", "gen_engine.hooks.specs", "gen_engine.cli.options", "gen_engine.cli.output",
           "gen_engine.system.underway", "gen_engine.system.tables", "gen_engine.system.screen"]  # fmt: skip
"""The modules that programs and authors of plugins import."""

MADE = re.compile(r"<lambda>|_no_init")
"""Defaults of fields, and what protocols are given by typing."""


def public(module):
    """The public functions of a module, and the public methods and properties of its classes."""
    names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    for name in names:
        value = getattr(module, name)
        if inspect.isclass(value) and value.__module__.startswith("gen_engine"):
            members = [m for n, m in vars(value).items() if n == "__init__" or not n.startswith("_")]
            found = [getattr(m, "__func__", getattr(m, "fget", m)) for m in members]
            yield from (each for each in found if inspect.isfunction(each) and not MADE.search(each.__qualname__))
        elif inspect.isfunction(value) and value.__module__.startswith("gen_engine"):
            yield value


@pytest.mark.parametrize("name", AUTHORS)
def test_every_public_parameter_and_result_is_annotated(name):
    found = {}
    for each in public(importlib.import_module(name)):
        told = inspect.signature(each)
        parameters = [p for place, p in told.parameters.items() if place not in ("self", "cls")]
        if any(p.annotation is p.empty for p in parameters) or told.return_annotation is told.empty:
            found[each.__qualname__] = str(told)
    assert found == {}


def test_every_public_name_is_known_to_type_checkers():
    source = Path(gen_engine.__file__).read_text(encoding="utf-8")
    block = source.partition("if TYPE_CHECKING:\n")[2].partition("\n\n__version__")[0]
    imported = {name.strip(" ,") for line in block.splitlines() for name in line.partition("import ")[2].split(",")}
    assert set(gen_engine.__all__) <= imported


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_package_tells_that_it_is_typed(package):
    assert (package / "py.typed").is_file()


@pytest.mark.slow
def test_mypy_finds_nothing_in_a_program_of_public_names(tmp_path):
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\nignore_missing_imports = True\n", encoding="utf-8")
    file = ROOT / "tests" / "support" / "typed_plugin.py"
    check = f"-m mypy --config-file {config} --cache-dir {tmp_path} --no-incremental {file}".split()
    done = subprocess.run([sys.executable, *check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Success"), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(find_spec("basedpyright") is None, reason="needs `pip install basedpyright`")
def test_pyright_knows_every_public_type_of_the_core(tmp_path):
    shutil.copytree(ROOT / "gen_engine", tmp_path / "gen_engine", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    check = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--ignoreexternal"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}  # an editable install is not where it looks
    done = subprocess.run([*check, "--verifytypes", "gen_engine"], cwd=tmp_path, capture_output=True, text=True,
                          env=env, check=False)  # fmt: skip
    assert "Type completeness score: 100%" in done.stdout, done.stdout
