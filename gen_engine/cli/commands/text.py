"""`gen text`: any causal language model, any chain."""

from __future__ import annotations

import click

from ..options import choice, contexted, explaining, generating, prompted, read_prompt
from ..output import continue_text, load_chosen, mention_unknown, opened


@click.command()
@prompted
@contexted
@click.option(
    "--max-new", type=click.IntRange(1), default=256, show_default=True, metavar="N", help="At most N new tokens."
)
@explaining
@generating()
def text(prompt: str | None, file: str | None, context: str, max_new: int) -> None:
    """Continue a text with any model and any processors."""
    chosen = choice()
    start = read_prompt(prompt, file)
    with opened(chosen.out, lines=True) as out:
        engine = load_chosen(chosen)
        mention_unknown(engine.tokenizer.encode(start))
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=chosen.processors,
            max_new=max_new,
            context=context,
            beside={"context": context} if context else {},
        )
