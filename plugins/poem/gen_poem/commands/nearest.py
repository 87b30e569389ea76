"""`gen nearest`: the lines of real poems beside a line, so that one sees what is borrowed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.options import debug_option
from gen_engine.errors import GenError
from gen_engine.system.help_pages import examples
from gen_engine.system.screen import results, say
from gen_engine.system.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gen_engine.system.screen import Span, Words

    from ..writing.nearest import RealLine


COLUMNS = ("share", "borrowed", "line", "poem")


@click.command(epilog=examples("gen nearest 白日依山尽", "gen nearest 春风又绿江南岸 -n 5 --json"))
@click.argument("texts", metavar="LINE...", nargs=-1, required=True)
@click.option("-n", "--num", type=click.IntRange(1, 100), default=3, show_default=True, help="Real lines for each.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each line.")
@debug_option()
def nearest(texts: Sequence[str], num: int, as_json: bool) -> None:
    """Show the lines of real poems that are nearest to each LINE, and so what it borrows.

    A LINE may be a whole poem, and - reads poems from standard input: each run of Chinese characters is looked up. The
    share is how much of the line stands in the real one: the most characters that both have in the same order, whatever
    stands between them. These are shown as borrowed.

    The real lines are those of famous Tang poems, all regular verse of Tang, and ci and regular verse of well-known
    poets of Song. Others are not found.
    """
    from ..writing.nearest import nearest_lines

    for number, line in enumerate(_lines(texts)):
        found = nearest_lines(line, num)
        if as_json:
            print(json.dumps(record(line, found), ensure_ascii=False), file=results())
        else:
            if number:
                print(file=results())
            show(line, found)


def _lines(texts: Sequence[str]) -> Iterator[str]:
    """Each line of the texts; GenError for a text without any."""
    from ..verse.poem_files import read_poems
    from ..writing.known_lines import lines_of

    for text in texts:
        poems = read_poems("-") if text == "-" else [text]
        found = [line for poem in poems for line in lines_of(poem)]
        if not found:
            raise GenError(f"There is no Chinese character in {text[:20]!r}; give lines of verse, such as 白日依山尽.")
        yield from found


def record(line: str, found: Sequence[RealLine]) -> dict[str, Any]:
    """A line and what is nearest to it, as a JSON object."""
    return {
        "line": line,
        "nearest": [
            {
                "line": each.line,
                "title": each.title,
                "author": each.author,
                "dynasty": each.dynasty,
                "share": each.share,
                "places": list(each.places),
            }
            for each in found
        ],
    }


def show(line: str, found: Sequence[RealLine]) -> None:
    """Print a table of the lines that are nearest to a line."""
    if not found:
        say(f"{line}: no real line has any of its characters.")
        return
    rows: list[list[Words]] = [
        [f"{each.share:.0%}", _borrowed(line, each), each.line, f"{each.author}《{each.title}》{each.dynasty}"]
        for each in found
    ]
    table(line, COLUMNS, rows, right=("share",))


def _borrowed(line: str, each: RealLine) -> list[Span]:
    """The line with a blank for each character that is not borrowed."""
    return [(char, "name") if place in each.places else ("　", "") for place, char in enumerate(line)]
