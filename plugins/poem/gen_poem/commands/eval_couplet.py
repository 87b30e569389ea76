"""`gen eval couplet`: second lines that a model writes, compared with a look-up and a shuffle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gen_engine.cli.languages import choose_language, lang_option, speak
from gen_engine.cli.options import Choice, choice, generating
from gen_engine.cli.output import load_chosen, opened
from gen_engine.system.help_pages import examples
from gen_engine.system.tables import table
from gen_engine.system.underway import counted, doing

from ..rules.couplet import couplet_of, shape_of
from ..verse.books import BOOKS
from ..verse.marks import BETWEEN
from .couplet import processors_for

if TYPE_CHECKING:
    from gen_engine.engine import Engine

    from ..evaluation.couplets import Pair

LINES = 200
"""How many first lines are answered by default."""


@click.command(epilog=examples("gen eval couplet couplets.tsv --model poem --lines 20"))
@click.argument("file", metavar="FILE")
@click.option("--lines", type=click.IntRange(2), default=LINES, show_default=True, help="How many first lines.")
@click.option("--corpus", metavar="FILE", help="The couplets trained on: for copied lines, and to look answers up in.")
@click.option("--not-in", metavar="FILE", help="As in `gen couplet`: write no line that stands in FILE.")
@click.option("--rhyme-book", type=click.Choice(BOOKS), default=BOOKS[0], show_default=True,
              help="The book that says what tones characters have.")  # fmt: skip
@lang_option
@generating("poem")
def couplet(file: str, lines: int, corpus: str | None, not_in: str | None, rhyme_book: str, lang: str) -> None:
    """Judge the second lines that --model writes to first lines of FILE.

    FILE and --corpus are tables FIRST<tab>SECOND without a header; .xz is unpacked. First lines are drawn by --seed
    (default 0) and answered as `gen couplet` does. The report gives the shares of lines of equal length and of opposed
    tones, and the lines copied from the corpus. It also gives BLEU over characters: of the lines, of the same lines
    shuffled, and of a look-up of the most similar first line. With --out, the figures and the couplets are written as
    JSON.
    """
    from ..evaluation.couplets import draw, evaluate, read_pairs, rows

    chosen = choice()
    seed = chosen.seed or 0
    known = read_pairs(corpus) if corpus else None
    pairs = read_pairs(file)
    with opened(chosen.out) as out:
        engine = load_chosen(chosen)
        marks = "".join(sorted(BETWEEN))
        unknown = engine.tokenizer.encode(marks).unknown
        drawn = draw(pairs, lines, seed=seed, book=rhyme_book, unknown=unknown)
        written = _write(engine, drawn.pairs, chosen, rhyme_book, not_in)
        found = evaluate(drawn, written, book=rhyme_book, corpus=known, seed=seed)
        if chosen.json or chosen.out is not None:
            couplets = [{"first": a, "second": b, "real": c} for (a, c), b in zip(drawn.pairs, written, strict=True)]
            print(json.dumps({**asdict(found), "couplets": couplets}, ensure_ascii=False, indent=1), file=out)
        else:
            say = speak(choose_language(lang))
            title = say("second lines ({model}, {decoder})").format(model=chosen.model, decoder=chosen.decoder)
            table(title, [*map(say, ("figure", "is", "what it says"))], rows(found, say))


def _write(engine: Engine, pairs: Sequence[Pair], chosen: Choice, book: str, not_in: str | None) -> list[str]:
    """The second lines to the first ones of `pairs`, without their last mark."""
    from gen_engine.types import Request

    requests = []
    for first, _ in counted(pairs, "planning second lines"):
        shape = shape_of(first)
        machine = couplet_of(shape, book=book, not_in=not_in)
        start = machine.full_width(first + "，")
        wanted = processors_for(machine, start, chosen)
        room = (len(machine.pattern) - len(start)) * engine.tokenizer.vocabulary.tokens_per_char
        seed, patience = chosen.seed or 0, chosen.patience
        requests.append(Request(start, wanted, 1, seed, room, chosen.decoder, patience, draft=chosen.draft))
    with doing(f"writing {len(requests):,} second lines"):
        done = engine.generate_batch(requests)
    shown = (couplet_of(shape_of(first), book=book) for first, _ in pairs)
    return [
        machine.full_width(each[0].text)[len(machine.line) + 1 : -1] for machine, each in zip(shown, done, strict=True)
    ]
