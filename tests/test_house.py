"""The numbers and habits that hold the house (CONTRIBUTING lists them)."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gen_engine.cli import main as cli
from gen_engine.hooks import hookspecs
from gen_engine.hooks.registry import registry

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
SOURCES = sorted([*ROOT.glob("gen_engine/**/*.py"), *ROOT.glob("plugins/*/gen_*/**/*.py")])
TESTS = sorted([*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")])
WRITTEN = ("*.md", "*.toml", "*.txt", "Makefile", ".ci/run", "gen_engine/**/*", "tests/**/*", "examples/**/*",
           "benchmarks/**/*", "plugins/*/*.toml", "plugins/*/*.md", "plugins/*/gen_*/**/*", "plugins/*/tests/**/*",
           "plugins/*/recipe/**/*")  # fmt: skip
TEXTS = {".py", ".md", ".toml", ".txt", ".json", ".yaml", ".sh", ""}
README = (ROOT / "README.md").read_text(encoding="utf-8")
OLD_NAMES = {"gen_bert_lstm", "gen_bert_fc"}
"""Packages that only lead to what is now called otherwise, for one version."""

PACKAGES = [path.parent for path in ROOT.glob("plugins/*/gen_*/__init__.py") if path.parent.name not in OLD_NAMES]
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def relative(path):
    return str(path.relative_to(ROOT))


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines(node):
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_file_has_at_most_400_lines_a_function_60(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert [node.name for node in functions(path) if lines(node) > 60] == []


def test_nine_functions_in_ten_have_at_most_30_lines():
    lengths = sorted(lines(node) for path in SOURCES for node in functions(path))
    assert lengths[int(len(lengths) * 0.9)] <= 30


def test_no_module_is_named_after_nothing():
    assert [relative(path) for path in SOURCES if FORBIDDEN & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_everything_public_says_what_it_promises(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


UNDER_WAY = {"scheduler.py", "choosing.py", "sampling.py", "tickets.py"}
"""What their dictionaries hold is under way, and ends."""

CLEARING = {"walks.py"}
"""Its memories still forget all at once when they are full."""

DICT = re.compile(r"^ +_\w+: .*(dict|OrderedDict)\[.*default_factory=")


def unbounded(path):
    """The lines that make a dictionary or a cache for ever, where no comment says at most how much it holds."""
    written = path.read_text(encoding="utf-8").splitlines()
    kept = {number for number, line in enumerate(written) if DICT.match(line)}
    for each in functions(path):
        caches = [one.lineno - 1 for one in each.decorator_list if ast.unparse(one) in ("cache", "functools.cache")]
        kept.update(caches if each.args.args or each.args.kwonlyargs else ())
    for number in sorted(kept):
        above = number - 1
        while above in kept:
            above -= 1
        told = written[number] + (written[above] if written[above].strip().startswith("#") else "")
        if not re.search("# .*at most", told, re.IGNORECASE):
            yield written[number].strip()


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name not in UNDER_WAY | CLEARING], ids=relative)
def test_memories_are_bounded_and_never_forget_all_at_once(path):
    assert list(unbounded(path)) == []
    assert not re.search(r"if len\(.*\) >=? .*:\n.*\.clear\(\)", path.read_text(encoding="utf-8"))


HOOKS = [name for name, hook in vars(hookspecs).items() if hasattr(hook, "gen_engine_spec")]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_and_tested(hook):
    assert getattr(hookspecs, hook).__doc__
    assert f"`{hook}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"{hook}=lambda" in (ROOT / "tests" / "hooks" / "test_registry.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", PLUGINS, ids=relative)
def test_every_plugin_folder_is_complete(folder):
    [package] = [path for path in PACKAGES if path.parent == folder]
    assert len((folder / "README.md").read_text(encoding="utf-8")) > 200
    assert (package / "py.typed").exists()
    assert list(folder.glob("tests/**/test_*.py"))


def test_the_import_contracts_know_every_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    packages = {path.name for path in PACKAGES}
    assert packages | {"gen_engine"} == set(settings["root_packages"])
    [core] = [each for each in settings["contracts"] if each["name"] == "The core never names a plugin"]
    assert packages == set(core["forbidden_modules"])


def projects():
    return [tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")) for folder in [ROOT, *PLUGINS]]


def test_the_one_version_everywhere_is_the_newest_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)[1]
    assert {project["project"]["version"] for project in projects()} == {newest}
    assert f'__version__ = "{newest}"' in (ROOT / "gen_engine" / "__init__.py").read_text(encoding="utf-8")


def test_every_package_is_apache_licensed_for_the_same_pythons():
    facts = {(each["project"]["license"], each["project"]["requires-python"]) for each in projects()}
    assert facts == {("Apache-2.0", ">=3.11")}


def test_constraints_lie_within_the_ranges_of_the_metadata():
    from packaging.requirements import Requirement

    pinned = dict(re.findall(r"^([a-z-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    ranges = [Requirement(text) for project in projects() for text in project["project"]["dependencies"]]
    assert pinned["torch"] == "2.13.0"
    assert [r for r in ranges if r.name in pinned and pinned[r.name] not in r.specifier] == []


def test_readme_shows_the_real_help(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    shown = re.search(r"```console\n\$ gen --help\n(.*?)```", README, re.DOTALL)[1]
    cli.main(["--help"])
    assert shown == capsys.readouterr().out


@pytest.mark.parametrize("module", ["gen_engine.cli.main", "gen_engine", *sorted(p.module for p in registry().plugins)])
def test_importing_the_command_line_and_every_plugin_imports_no_torch(module):
    code = f"import sys, {module}; print(sorted({{'torch', 'numpy', 'transformers', 'rich'}} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"[]\n"


def test_making_the_command_line_imports_no_torch():
    made = "import sys; from gen_engine.cli.main import make_cli; make_cli(); "
    code = made + "print({'torch', 'numpy', 'rich'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


def test_help_imports_little_more_than_click():
    def imported(*what):
        told = subprocess.run([sys.executable, "-X", "importtime", *what], check=True, capture_output=True, text=True)
        return {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}

    added = imported("-m", "gen_engine", "--help") - imported("-c", "import click, pluggy, importlib.metadata")
    assert len(added) < 64, sorted(added)


def test_every_link_to_a_file_leads_somewhere():
    for page in (*ROOT.glob("*.md"), ROOT / "gen_engine" / "README.md", *ROOT.glob("plugins/*/README.md")):
        links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_toml_block_of_the_readme_is_toml():
    for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL):
        assert tomllib.loads(block)


CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
RUNNABLE = re.findall(r"<!-- runs -->\n```python\n(.*?)```", README + CHINESE, re.DOTALL)


def test_the_readme_has_python_that_runs():
    assert len(RUNNABLE) == 2


@pytest.mark.parametrize("block", RUNNABLE)
def test_python_in_the_readme_runs(block):
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_file_names_a_place_on_somebodys_machine():
    places = re.compile(r"(?<![\w.])/(?:home|root|Users|work|opt)/\w")
    found = [path for pattern in WRITTEN for path in ROOT.glob(pattern) if ".hypothesis" not in path.parts]
    files = [path for path in found if path.suffix in TEXTS and path.is_file()]
    guilty = [relative(path) for path in files if places.search(path.read_text(encoding="utf-8"))]
    assert guilty == []


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_a_test_has_at_most_12_lines(path):
    tests = [node for node in functions(path) if node.name.startswith("test_")]
    assert [node.name for node in tests if lines(node) > 12] == []


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_the_name_of_a_test_has_at_most_ten_words(path):
    words = [node.name.removeprefix("test_").split("_") for node in functions(path) if node.name.startswith("test_")]
    assert [each for each in words if len(each) > 10] == []


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_no_test_file_imports_another(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names]
    assert [name for name in named if name.rpartition(".")[2].startswith("test_")] == []


def test_no_tests_change_the_path_of_imports():
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")]
    changing = re.compile(r"sys\.path\.(insert|append|extend)|sys\.path *(\+?=|\[.*\] *=)")
    assert [relative(path) for path in files if changing.search(path.read_text(encoding="utf-8"))] == []


def test_the_folders_of_the_tests_are_those_of_the_core():
    files = [path.relative_to(ROOT / "tests") for path in ROOT.glob("tests/**/*.py")]
    folders = {path.parent for path in files if path.parts[0] != "support"}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / "gen_engine" / folder).is_dir()] == []


RUNNING_OTHERS = {
    "gen_engine/hooks/registry.py",
    "gen_engine/testing/laws.py",
    "gen_engine/cli/main.py",
    "gen_engine/blame.py",
    "plugins/vllm/gen_vllm/processor.py",
    "plugins/batch/gen_batch/working.py",
    "plugins/batch/gen_batch/ray_cluster.py",
    "plugins/serve/gen_serve/api/fields.py",
}
"""What runs what others wrote, and so catches everything."""


def test_only_what_runs_the_code_of_others_catches_everything():
    catching = [relative(p) for p in SOURCES if re.search(r"except( \(?Exception|:)", p.read_text(encoding="utf-8"))]
    assert set(catching) <= RUNNING_OTHERS


def test_the_makefile_has_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = ("setup", "poem", "test", "test-slow", "lint", "fmt", "wheels", "check-wheels", "bench")
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
