"""`gen text`: any causal language model, any chain."""

from __future__ import annotations

import click

from ..options import choice, generating, prompted, read_prompt
from ..output import mention_unknown, opened, stream, write


@click.command()
@prompted
@click.option(
    "--max-new", type=click.IntRange(1), default=256, show_default=True, metavar="N", help="At most N new tokens."
)
@generating()
def text(prompt: str | None, file: str | None, max_new: int) -> None:
    """Continue a text with any model and any processors."""
    chosen = choice()
    start = read_prompt(prompt, file)
    with opened(chosen.out) as out:
        from ..engine import load

        engine = load(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        mention_unknown(engine.tokenizer.encode(start))
        if chosen.num == 1 and not chosen.json:
            pieces = engine.stream(
                start, processors=chosen.processors, seed=chosen.seed, max_new=max_new, decoder=chosen.decoder
            )
            stream(out, start, pieces)
        else:
            completions = engine.generate(
                start,
                processors=chosen.processors,
                num=chosen.num,
                seed=chosen.seed,
                max_new=max_new,
                decoder=chosen.decoder,
            )
            write(out, completions, as_json=chosen.json)
