"""Help says everything, in lines that fit."""

import os
import re
import sys

import click
import pytest
from terminals import CODE, as_terminal, bare, run_in_terminal

from gen_engine.cli import main as cli
from gen_engine.system.help_pages import uncut
from gen_engine.system.screen import cells


def pages(command, path=()):
    """The words of every command that is installed."""
    yield list(path)
    loaded = command.load() if hasattr(command, "load") else command
    for name in sorted(getattr(loaded, "commands", ())):
        yield from pages(loaded.commands[name], (*path, name))


PAGES = list(pages(cli.make_cli()))


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_help_pages_cut_no_sentence_and_fit_80_columns(monkeypatch, capsys, words):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([*words, "--help"]) == 0
    page = capsys.readouterr().out
    assert [line for line in page.splitlines() if cells(line) > 80] == []
    assert not re.search(r"\w\.\.\.$", page.partition("\nCommands:\n")[2], re.MULTILINE)
    assert not CODE.search(page)


@pytest.mark.parametrize("words", [[], ["train"], ["eval"], ["plugins"]], ids=" ".join)
def test_commands_are_listed_by_whole_sentences_on_narrow_terminals_too(monkeypatch, capsys, words):
    as_terminal(monkeypatch, 60)
    assert cli.main([*words, "--help"]) == 0
    listed = bare(capsys.readouterr().out).partition("\nCommands:\n")[2].partition("\nExamples:\n")[0]
    assert listed
    assert [line for line in listed.splitlines() if cells(line) > 60 or line.endswith("...")] == []
    sentences = re.split(r"\n  (?=\S)", listed.strip())
    assert [each for each in sentences if not each.endswith(".")] == []


SENTENCES = [
    "Write 对联 and much else of which a long description tells that no list of commands has cut so far.",
    "词" * 30 + " " + "曲" * 30 + ".",
    "Take --with-a-long-option, --another-one-of-that-kind and --yet-another-option for three words each.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_description_is_shown_whole_wherever_it_stands(monkeypatch, sentence):
    monkeypatch.setenv("COLUMNS", "70")
    one = click.Command("one", help=sentence, params=[click.Option(["--it"], help=sentence)], callback=lambda it: it)
    group = uncut(click.Group("within", commands=[one], help=sentence))
    for command in (group, one):
        page = command.get_help(command.make_context("top", [], resilient_parsing=True))
        assert max(map(cells, page.splitlines())) <= 70
        assert re.sub(r"\s", "", page).count(sentence.replace(" ", "")) == 2


@pytest.mark.parametrize("width", range(52, 80, 3))
@pytest.mark.parametrize("sentence", SENTENCES)
def test_no_description_is_broken_at_a_hyphen(monkeypatch, sentence, width):
    monkeypatch.setenv("COLUMNS", str(width))
    command = uncut(click.Command("one", help=sentence, params=[click.Option(["--it"], help=sentence)]))
    page = command.get_help(command.make_context("top", [], resilient_parsing=True))
    assert not re.search(r"[a-z]-$", page, re.MULTILINE)


def test_options_are_never_broken_at_a_hyphen(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    for words in PAGES:
        cli.main([*words, "--help"])
    assert not re.search(r"[a-z]-$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("env", "there"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"CLICOLOR": "0"}, False)]
)
def test_headings_are_bold_on_terminals_whose_user_wants_it(env, there):
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR")}
    told = run_in_terminal([sys.executable, "-m", "gen_engine", "--help"], env={**kept, "TERM": "xterm", **env})
    assert told.returncode == 0
    assert ("\x1b[1mCommands:\x1b[0m\n" in told.stdout) is there
    assert bool(CODE.search(told.stdout)) is there
