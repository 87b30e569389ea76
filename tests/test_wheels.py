"""What is published: the wheel of each package holds all of its files and nothing else, and tells what it is."""

import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from wheel_files import build, packaged

from gen_engine.compiled.library import library_file

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
FOLDERS = [ROOT, *PLUGINS]


def name_of(folder):
    return folder.name if folder in PLUGINS else "core"


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(params=FOLDERS, ids=name_of, scope="module")
def built(request, tmp_path_factory):
    return request.param, build(request.param, tmp_path_factory.mktemp("built"))


def test_a_wheel_holds_every_file_of_its_packages_alone(built):
    folder, made = built
    files = {name for name in made.files if ".dist-info/" not in name}
    assert files == packaged(folder)


def test_a_source_archive_builds_the_wheel_and_holds_no_tests(built):
    folder, made = built
    needed = ["pyproject.toml", "README.md", "LICENSE", "setup.py"]
    assert packaged(folder) | {name for name in needed if (folder / name).exists()} <= made.sources
    assert [name for name in made.sources if name.split("/")[0] in {"tests", "recipe", "benchmarks", "tables"}] == []


def test_the_metadata_of_a_package_is_valid_and_complete(built):
    folder, made = built
    told = Metadata.from_email(made.metadata, validate=True)
    assert told.license_expression == "Apache-2.0"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in made.files)
    assert all([told.summary, told.keywords, told.requires_python])
    assert told.description_content_type == "text/markdown"
    assert (folder / "README.md").read_text(encoding="utf-8").strip() == told.description.strip()
    assert {"Typing :: Typed", "Programming Language :: Python :: 3"} <= set(told.classifiers)


def test_a_wheel_without_the_compiled_step_serves_every_platform(built):
    _, made = built
    assert made.wheel.endswith("-py3-none-any.whl")


def test_every_package_has_the_licence_of_the_project():
    licences = {(folder / "LICENSE").read_text(encoding="utf-8") for folder in FOLDERS}
    assert len(licences) == 1


def test_the_extra_all_names_every_plugin_and_the_test_kit():
    version = project(ROOT)["version"]
    wanted = {f"{project(folder)['name']}=={version}" for folder in PLUGINS} | {"gen-engine[card,test]"}
    assert set(project(ROOT)["optional-dependencies"]["all"]) == wanted


def test_the_library_for_every_python_is_taken_first(monkeypatch, tmp_path):
    monkeypatch.setattr("gen_engine.compiled.library.__file__", str(tmp_path / "library.py"))
    for suffix in EXTENSION_SUFFIXES:
        (tmp_path / f"_step{suffix}").touch()
    assert library_file() == tmp_path / f"_step{EXTENSION_SUFFIXES[-1]}"
