"""What READMEs show is what the commands print.

What is drawn by a seed is the same on every machine where the models compute in int8, as these do by default. READMEs
show it as a terminal of 80 columns does, without colours; only errors stand in one line, as in a pipe.
"""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from terminals import as_terminal

from gen_engine.cli.main import make_cli

ROOT = Path(__file__).parents[1]
READMES = [
    ROOT / "README.md",
    ROOT / "README.zh.md",
    ROOT / "gen_engine" / "README.md",
    *sorted(ROOT.glob("plugins/*/README.md")),
]
ELSEWHERE = re.compile(r"poems|\.toml|\.jsonl|\./|>|\||install|--html|--explain|train|eval ")
"""In commands that need files, write them, take minutes, or are for a shell to read."""


def shown(readme):
    """The commands with output in the console blocks of a README, and the output."""
    for block in re.findall(r"```console\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            command = command.split("     #")[0]
            if command.startswith("gen ") and output.strip() and "..." not in output and not ELSEWHERE.search(command):
                yield command, output


CASES = [(readme.relative_to(ROOT).as_posix(), *case) for readme in READMES for case in shown(readme)]


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(("where", "command", "output"), CASES)
def test_readme_shows_what_is_printed(monkeypatch, where, command, output):
    if not re.search("--seed|--beams|--help|check|nearest", command) and "gen: " not in output:
        pytest.skip(f"{where}: {command} is another text each time")
    as_terminal(monkeypatch, 80, NO_COLOR="1")
    result = CliRunner().invoke(make_cli(), shlex.split(command)[1:])
    printed = result.output if result.exception is None else f"gen: {result.exception}\n"
    assert lines(printed) == lines(output)


def test_readmes_show_commands_with_their_output():
    assert len(CASES) > 10


def test_the_readme_is_read_in_ten_minutes():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 2000


def anchors(page):
    """The anchors that headings of a page give, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.relative_to(ROOT).as_posix())
def test_every_link_into_a_page_leads_to_a_heading(readme):
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", readme.read_text(encoding="utf-8"))
    assert [link for link in links if link[1] not in anchors((readme.parent / link[0]) if link[0] else readme)] == []
