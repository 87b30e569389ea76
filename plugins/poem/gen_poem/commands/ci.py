"""`gen ci`: words to a tune (词)."""

from __future__ import annotations

from dataclasses import replace

import click

from gen_engine.cli.contexts import contexted
from gen_engine.cli.options import choice, explaining, generating, pictured
from gen_engine.system.help_pages import examples

from ..interactive.loop import converse
from ..interactive.option import interactive_option, is_interactive
from ..verse.resolve import is_form
from ..verse.tunes import tune as named_tune
from ..writing.best_of import best_of_option
from ..writing.context import context_options
from ..writing.options import read_rule_options, rule_options
from ..writing.poem import Poem
from ..writing.write import preparing, write


@click.command(
    epilog=examples("gen ci --tune 浣溪沙 --title 春日", "gen ci --tune 如梦令 --acrostic 春江花月 --seed 1 --json")
)
@click.option("--tune", required=True, metavar="NAME", help="A tune of `gen forms`, such as 浣溪沙.")
@click.option("--variant", type=click.IntRange(1), metavar="N", help="Which of its forms [default: any that fits].")
@click.option("--prompt", default="", metavar="TEXT", help="How the text begins; it flows on from line to line.")
@rule_options
@context_options
@contexted
@best_of_option
@interactive_option
@explaining
@pictured
@generating("poem")
def ci(tune: str, variant: int | None, prompt: str) -> None:
    """Write words to a TUNE, with the lengths, tones and rhymes that one of its forms has.

    Rhymes are those of cilin unless --rhyme-book says otherwise. Characters are sampled from those that the rules
    allow, at a temperature of 0.9 unless --temperature says otherwise. With --beams 8, the likeliest words are searched
    for instead. They repeat no character within 64 unless they have to.
    """
    if not is_form(tune):
        named_tune(tune)  # else what is unknown would be told as a form that might have been meant, too
    asked = read_rule_options()
    form = replace(asked.wish(tune), variant=variant)
    chosen = choice()
    shape, more = Poem.of(form), asked.processors()
    if is_interactive(chosen):
        return converse(preparing(prompt, shape, more, asked, chosen, tune=tune.strip()), chosen, form)
    return write(prompt, shape, more, asked, chosen, tune=tune.strip())
