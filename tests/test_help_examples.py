"""Every help page has examples, and they run as they stand."""

import shlex
import shutil

import pytest
from help_examples import examples_of, furnish, pages, parsed
from terminals import as_terminal, bare

from gen_engine.cli.main import main
from gen_engine.system.screen import cells

PAGES = list(pages())
EXAMPLES = [(path, example) for path, command in PAGES for example in examples_of(command)]
ELSEWHERE = (
    "plugins install",
    "plugins uninstall",
    "models pull",
    "serve",
    "studio",
    "eval clue",
    "batch",
    "models card",
    "models push",
)
"""Commands whose examples change what is installed, need a network or CLUE's data, or go on for ever: only read."""

TELLING = ("lint", "check", "eval")
"""Commands whose exit code 1 says something of what they judged."""

SMALL = {
    "train": ["--steps", "2", "--layers", "1", "--width", "32", "--heads", "2", "--positions", "64"],
    "train mlm": ["--steps", "2", "--layers", "1", "--width", "32", "--heads", "2"],
    "train bert-lstm": ["--steps", "2"],
    "train bert-fc": ["--steps", "2"],
}
"""What makes training an example a matter of seconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with all files that examples name, where they run one after another."""
    made = tmp_path_factory.mktemp("examples")
    furnish(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.setenv("GEN_MODELS", str(made / "models"))
        patch.setenv("GEN_CONFIG", str(made / "config.toml"))
        yield made


@pytest.mark.parametrize("path, command", PAGES, ids=[" ".join(path) for path, _ in PAGES])
def test_every_help_page_has_examples_of_its_command(path, command):
    found = examples_of(command)
    assert found
    assert [each for each in found if not f"{each} ".startswith(f"gen {' '.join(path)} ")] == []


@pytest.mark.parametrize("example", [example for _, example in EXAMPLES])
def test_examples_name_commands_and_options_that_there_are(folder, example):
    parsed(example)


def first_what_others_need(pair):
    """The order in which examples run: encoders before what trains on them, models before what uses them."""
    order = ("train mlm", "train gpt2", "train classifier", "train", "poem", "models add", "config set")
    told = " ".join(pair[0])
    return next((number for number, each in enumerate(order) if told.startswith(each)), len(order))


RUN = [pair for pair in sorted(EXAMPLES, key=first_what_others_need) if not " ".join(pair[0]).startswith(ELSEWHERE)]


def ends_well(folder, path, example):
    """Whether an example runs as it stands; training is cut short."""
    words = shlex.split(example)[1:]
    if path[0] == "train" and "--out" in words:
        shutil.rmtree(folder / words[words.index("--out") + 1], ignore_errors=True)
        small = SMALL.get(" ".join(path), SMALL["train"])
        words += small if "--from-scratch" in words else [] if "--epochs" in words else ["--steps", "2"]
    elif path == ("convert",):
        shutil.rmtree(folder / "converted", ignore_errors=True)
    return main(words) in ((0, 1) if path[0] in TELLING else (0,))


@pytest.mark.slow
def test_examples_run_as_they_stand_one_after_another(folder):
    assert [example for path, example in RUN if not ends_well(folder, path, example)] == []


TABLES = [
    "models", "models default", "plugins", "processors", "decoders", "recipes", "forms", "forms 七律", "forms 浣溪沙",
    "nearest 白日依山尽", "config show poem", "lint --model poem --max-new 5 --with length=9 --with ban=han",
    "explain --model poem --prompt 白日 --max-new 4 --with only=han --seed 1", "eval lm --model poem poems.txt",
    "doctor",
]  # fmt: skip


@pytest.mark.parametrize("words", TABLES)
def test_tables_fit_terminals_of_eighty_columns(folder, monkeypatch, capsys, words):
    as_terminal(monkeypatch)
    main(words.split())
    lines = bare(capsys.readouterr().out).splitlines()
    assert lines
    assert [line for line in lines if cells(line) > 80] == []
