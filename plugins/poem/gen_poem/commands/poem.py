"""`gen poem`: verse of an exact form."""

from __future__ import annotations

import re
from dataclasses import replace

import click

from gen_engine.cli.contexts import contexted
from gen_engine.cli.options import choice, explaining, generating, pictured
from gen_engine.errors import GenError, brief
from gen_engine.system.help_pages import examples

from ..interactive.loop import converse
from ..interactive.option import interactive_option, is_interactive
from ..rules.specs import as_spec
from ..verse.patterns import FIRST_CHOICES
from ..verse.resolve import First, Start
from ..writing.best_of import best_of_option
from ..writing.context import context_options
from ..writing.options import RuleOptions, read_rule_options, rule_options
from ..writing.poem import Poem
from ..writing.write import preparing, write

ROWS, COLS = 4, 5
"""The default size of a poem."""


@click.command(
    epilog=examples(
        "gen poem --prompt 白 --rows 4 --cols 5",
        "gen poem --form 七律 --tones strict --acrostic 春江花月夜长安月",
        "gen poem --form 七绝 --title 秋夜思乡 --author 李白 --dynasty 唐",
        "gen poem --num 3 --seed 1 --json --out poems.jsonl",
    )
)
@click.option("--prompt", default="", metavar="TEXT", help="How the poem begins; it flows on from line to line.")
@click.option("--form", "name", metavar="NAME", help="A form of `gen forms`, such as 七律, kept with tones and rhyme.")
@click.option("--rows", type=click.IntRange(1), metavar="N", help=f"How many lines [default: {ROWS}, or the form's].")
@click.option(
    "--cols", type=click.IntRange(1), metavar="N", help=f"Characters a line [default: {COLS}, or the form's]."
)
@rule_options
@click.option("--start", type=click.Choice(["平起", "仄起"]), help="How the tones of --form begin [default: either].")
@click.option("--first", type=click.Choice(FIRST_CHOICES),
              help="Whether line 1 rhymes, or in a neighbouring group [default: rhymed or not].")  # fmt: skip
@click.option("--parallel", is_flag=False, flag_value="middle", metavar="[COUPLETS]",
              help="Make couplets parallel: the middle ones of 律诗, all, or such as '1|3'.")  # fmt: skip
@context_options
@contexted
@best_of_option
@interactive_option
@explaining
@pictured
@generating("poem")
def poem(
    prompt: str,
    name: str | None,
    rows: int | None,
    cols: int | None,
    start: Start | None,
    first: First | None,
    parallel: str | None,
) -> None:
    """Write poems of exactly ROWS lines of COLS Chinese characters, or of a FORM with its tones and rhymes.

    A comma ends odd lines, a full stop even ones and the last. Characters are sampled from those that the rules allow,
    at a temperature of 0.9, unless --temperature says otherwise. `gen poem --beams 8` searches for the likeliest poem
    instead, which parses better and surprises less. It repeats no character unless it has to.
    """
    asked = read_rule_options()
    form = None
    if name is None:
        shape = _sized(asked, rows, cols, start or first)
    elif cols is not None:
        raise GenError(f"--form {brief(name)} says how long its lines are; leave out --cols.")
    else:
        form = replace(asked.wish(name), start=start, first=first, rows=rows)
        shape = Poem.of(form)
    more = [*asked.processors(), *([_parallel(parallel, asked, shape)] if parallel else [])]
    chosen = choice()
    if is_interactive(chosen):
        prepare = preparing(prompt, shape, more, asked, chosen)
        return converse(prepare, chosen, form, asked.rhyme_book)
    return write(prompt, shape, more, asked, chosen)


def _sized(asked: RuleOptions, rows: int | None, cols: int | None, tones: str | None) -> Poem:
    """The form of `rows` lines of `cols` characters; a template by itself says all of that."""
    asked.refuse_verse()
    if tones:
        raise GenError(f"{tones} is for a form with tones and rhymes; name one, as in --form 五绝.")
    if asked.template and rows is None and cols is None:
        return Poem((), None, len(asked.template))
    rows = rows or max(ROWS, len(asked.acrostic))
    return Poem.of_size(rows, cols or COLS)


def _parallel(couplets: str, asked: RuleOptions, shape: Poem) -> str:
    most = shape.couplets
    if most is not None and any(int(number) > most for number in re.findall("[0-9]+", couplets)):
        raise GenError(f"--parallel {couplets} names couplets of a poem that has {most}; name some of these.")
    book = "none" if asked.tones == "off" else asked.rhyme_book if asked.rhyme_book != "none" else None
    return as_spec("parallel", *couplets.split("|"), book=book)
