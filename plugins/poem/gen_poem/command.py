"""`gen poem`: verse of an exact form."""

from __future__ import annotations

import click

from gen_engine.options import choice, generating
from gen_engine.output import Show, continue_text, mention_unknown, opened

from .form import Form, break_lines, full_width, split_lines


@click.command()
@click.option("--prompt", default="", metavar="TEXT", help="How the poem begins; it flows on from line to line.")
@click.option("--rows", type=click.IntRange(1), default=4, show_default=True, metavar="N", help="How many lines.")
@click.option("--cols", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="Characters a line.")
@generating("poem")
def poem(prompt: str, rows: int, cols: int) -> None:
    """Write poems of exactly ROWS lines of COLS Chinese characters.

    A comma ends odd lines, a full stop even ones and the last. Among the allowed tokens the 200 likeliest are
    drawn from, unless --top-k or --with top_k=K says otherwise.
    """
    shape = Form(rows, cols)
    start = shape.lay_out(prompt)
    chosen = choice()
    with opened(chosen.out) as out:
        from gen_engine.engine import load

        engine = load(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        mention_unknown(engine.tokenizer.encode(start))
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=("no_unk", "no_special", f"form={rows}x{cols}", *chosen.with_default("top_k=200")),
            max_new=(len(shape.pattern) - len(start)) * engine.tokenizer.vocabulary.tokens_per_char,
            show=Show(full_width, split_lines, break_lines),
        )
