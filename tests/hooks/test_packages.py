"""`gen plugins check|new|install|uninstall`: packages of plugins, from the template to the laws; and the tutorial."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from terminals import run_in_terminal

from gen_engine.cli import main as cli
from gen_engine.errors import GenError
from gen_engine.hooks import packages
from gen_engine.hooks.registry import load_plugins, registry
from gen_engine.testing import offers

TUTORIAL = (Path(__file__).parents[2] / "examples" / "tutorial.md").read_text(encoding="utf-8")


def gen(capsys, *arguments):
    code = cli.main(["plugins", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture
def written(tmp_path):
    """A folder with the package of a new plugin."""
    return packages.write_template("sand-bank", tmp_path)[0]


@pytest.fixture
def pip(monkeypatch):
    """What pip would have been asked, by a run that does nothing."""

    def run(command, **_):
        if "-c" in command:
            return subprocess.CompletedProcess(command, 0, run.found, "")
        run.asked.append(command[3:])
        return subprocess.CompletedProcess(command, run.code, "", run.complaint)

    run.asked, run.code, run.complaint, run.found = [], 0, "", "sand gen-sand-bank\n"
    monkeypatch.setattr(packages.subprocess, "run", run)
    return run


def test_a_new_plugin_is_a_whole_package_named_as_asked(written):
    project = tomllib.loads((written / "pyproject.toml").read_text())["project"]
    assert written.name == project["name"] == "gen-sand-bank"
    assert project["entry-points"]["gen_engine"] == {"sand-bank": "gen_sand_bank"}
    found = sorted(str(path.relative_to(written)) for path in written.rglob("*.*"))
    assert found == ["README.md", "gen_sand_bank/__init__.py", "gen_sand_bank/rules.py", "pyproject.toml",
                     "tests/test_sand_bank.py"]  # fmt: skip
    assert not [path for path in written.rglob("*.*") if re.search(r"\$\{|\$\w", path.read_text())]


def test_a_new_plugin_keeps_every_law(written, monkeypatch):
    monkeypatch.syspath_prepend(written)
    owner = SimpleNamespace(name="gen-sand-bank", version="1")
    found = load_plugins([EntryPoint("sand-bank", "gen_sand_bank", "gen_engine")._for(owner)])
    monkeypatch.setattr(registry(), "plugins", [*registry().plugins, *found.plugins])
    for name, offer in found.processors.items():
        monkeypatch.setitem(registry().processors, name, offer)
    told = [verdict.state for each in offers.exhibits("sand-bank") for verdict in each.judge(4)]
    assert len(told) == 56
    assert set(told) == {"holds", "not offered"}


@pytest.mark.parametrize("name", ["Sand", "1sand", "sand bank", "", "sand_bank", "../sand"])
def test_a_name_that_no_package_can_have_is_refused(name, tmp_path):
    with pytest.raises(GenError, match="is no name for a plugin; write small letters"):
        packages.write_template(name, tmp_path)


def test_what_exists_is_not_overwritten(written, tmp_path):
    with pytest.raises(GenError, match="gen-sand-bank exists already"):
        packages.write_template("sand-bank", tmp_path)
    with pytest.raises(GenError, match="There is a plugin 'core' already"):
        packages.write_template("core", tmp_path)


def test_install_takes_folders_or_names_and_passes_on_pip_options(pip, written, capsys):
    assert gen(capsys, "install", str(written), "--no-deps")[1] == (
        "sand is installed; `gen plugins check sand` tries it.\n"
    )
    assert gen(capsys, "install", "gen-sand.bank")[0] == 0
    shared = ["--disable-pip-version-check", "install", "--quiet"]
    assert pip.asked == [[*shared, "--no-deps", str(written)], [*shared, "gen-sand.bank"]]


def test_what_pip_cannot_do_is_told_in_one_sentence(pip, capsys):
    pip.code, pip.complaint = 1, "WARNING: a\nERROR: No matching distribution found for nothing.\nhint: b\n"
    code, _, told = gen(capsys, "install", "nothing")
    assert (code, told.count("\n")) == (2, 1)
    assert "pip could not install nothing (ERROR: No matching distribution found for nothing); mend that" in told


def test_what_is_no_plugin_is_told(pip, capsys, tmp_path):
    assert "pandas is installed and is no plugin" in gen(capsys, "install", "pandas")[2]
    assert "holds no package with a name in pyproject.toml" in gen(capsys, "install", str(tmp_path))[2]


def test_uninstall_takes_a_plugins_name_and_spares_the_engine(pip, capsys):
    assert gen(capsys, "uninstall", "novel")[1] == "gen-engine-novel is uninstalled.\n"
    assert pip.asked[0][-4:] == ["uninstall", "--quiet", "--yes", "gen-engine-novel"]
    assert "core is the engine itself" in gen(capsys, "uninstall", "core")[2]
    assert "There is no plugin 'sand'; `gen plugins` lists" in gen(capsys, "uninstall", "sand")[2]


def test_uninstall_says_if_it_is_still_there(pip, capsys):
    pip.found = "novel gen-engine-novel\n"
    assert "gen-engine-novel is still there, outside this environment" in gen(capsys, "uninstall", "novel")[2]


# ------------------------------------------------------------------------------------------------------- check


def test_check_prints_each_law_of_each_thing_and_succeeds(capsys):
    code, told, _ = gen(capsys, "check", "core", "--only", "top_k", "--only", "ban", "--examples", "3")
    assert code == 0
    assert re.search(r"^law\tban=", told, re.MULTILINE)
    assert re.search(r"^rows are independent\tholds", told, re.MULTILINE)
    assert "2 tried" in told
    assert " 0 are broken" in told


def test_check_fails_with_the_smallest_example_of_what_is_broken(capsys, monkeypatch):
    import broken_rules

    monkeypatch.setattr("gen_engine.constraints.bans.no_double_punctuation", broken_rules.Boasting)
    code, told, _ = gen(capsys, "check", "core", "--only", "no_double_punctuation", "--examples", "9")
    assert code == 1
    assert re.search(r"^answers agree\tBROKEN", told, re.MULTILINE)
    assert "breaks 'answers agree': `step` forbids" in told


def test_check_tells_programs_the_same(capsys):
    import json

    code, told, _ = gen(capsys, "check", "core", "--only", "top_k", "--examples", "3", "--json")
    [row] = json.loads(told)
    assert (code, row["kind"], row["written"]) == (0, "shaper", "top_k=2")
    assert {"law": "a mask is never revived", "state": "holds", "message": ""} in row["laws"]


def test_check_needs_a_plugin_that_is_installed_and_offers_something(capsys):
    assert "There is no plugin 'sand'" in gen(capsys, "check", "sand")[2]
    assert "gpt2 offers nothing to be tried; see `gen plugins`" in gen(capsys, "check", "gpt2")[2]
    assert "core offers nothing to be tried of that name" in gen(capsys, "check", "core", "--only", "sand")[2]


def test_check_says_what_it_lacks(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert (
        "needs hypothesis, which is not installed; `pip install 'gen-engine[test]'`" in gen(capsys, "check", "core")[2]
    )


def some(size: int, *, of: str = "new"):
    """Some (`some=3`, `some=4,of=whole`)."""


def told(size: str):
    """Nothing is told of it."""


def test_examples_come_from_the_module_the_docstring_or_the_types(monkeypatch):
    module = sys.modules[__name__]
    assert offers.examples_of("processor", "some", some) == ("some=3", "some=4,of=whole")
    monkeypatch.setattr(module, "EXAMPLES", {"some": "some=1", "told": ("told=a", "told=b")}, raising=False)
    assert offers.examples_of("processor", "some", some) == ("some=1",)
    assert offers.examples_of("processor", "told", told) == ("told=a", "told=b")
    assert offers.examples_of("processor", "top_k", registry().find("processor", "top_k").value) == ("top_k=2",)


def test_what_nobody_can_guess_is_said_with_the_remedy():
    with pytest.raises(GenError, match=r"told takes a size that nobody can guess; write .* `told=\.\.\.`"):
        offers.examples_of("processor", "told", told)


# ---------------------------------------------------------------------------------------------- the real thing


def steps(page):
    """What the tutorial does: edits of files (where, what) and commands (what is typed, what is printed)."""
    for note, kind, text in re.findall(r"(?:<!-- (.*?) -->\n)?```(python|console)\n(.*?)```", page, re.DOTALL):
        if kind == "python":
            yield note, text
        else:
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                yield "", part


def edit(folder, note, text):
    """Do to a file what the note above a block says."""
    place = folder / note.rpartition(" ")[2]
    old = place.read_text()
    marked = re.search('"(.*)"', note)
    if marked is None:
        new = old + text
    elif note.startswith("from"):
        new = old[: old.index(marked[1])] + text
    else:
        assert old.count(marked[1]) == 1
        new = old.replace(marked[1] + "\n", text)
    place.write_text(new)


def matches(shown, printed):
    """Whether what is shown is what was printed; `...` stands for any lines."""
    lines = [re.escape(line.rstrip()) if line != "..." else r"(.|\n)*" for line in shown.splitlines()]
    return re.fullmatch(
        "\n".join(lines).replace("(.|\\n)*\n", "(.*\\n)*"), "\n".join(map(str.rstrip, printed.splitlines()))
    )


@pytest.fixture
def shell(tmp_path):
    """A command line in an environment of its own, which sees what is installed here."""
    venv.create(tmp_path / "env", with_pip=True)
    here = [path for path in sys.path if path.endswith("site-packages")]
    [site] = (tmp_path / "env" / "lib").glob("python*/site-packages")
    for old in [*site.glob("*setuptools*"), site / "_distutils_hack"]:  # torch brings a newer one, which is seen below
        shutil.rmtree(old, ignore_errors=True)
    (site / "here.pth").write_text("\n".join(f"import site; site.addsitedir({path!r})" for path in here))
    binaries = tmp_path / "env" / "bin"
    (binaries / "gen").write_text(
        f"#!{binaries / 'python'}\nimport sys\nfrom gen_engine.cli.main import main\nsys.exit(main())\n"
    )
    (binaries / "gen").chmod(0o755)
    paths = {"PATH": f"{binaries}:{os.environ['PATH']}", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}

    def run(command):
        return run_in_terminal(command, 100, shell=True, cwd=tmp_path, env={**os.environ, **paths, "NO_COLOR": "1"})

    return run


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(shell, tmp_path):
    for note, text in steps(TUTORIAL):
        if note:
            edit(tmp_path, note, text)
            continue
        command, _, shown = text.partition("\n")
        done = shell(command)
        assert matches(shown, done.stdout), f"{command}\n{done.stdout}{done.stderr}"
        assert done.returncode == ("BROKEN" in done.stdout), done.stderr
