"""`gen text`: any causal language model, any chain."""

from __future__ import annotations

import click

from ...system.help_pages import examples
from ..contexts import contexted, read_context
from ..options import choice, explaining, generating, pictured, prompted, read_prompt
from ..output import continue_text, load_chosen, mention_unknown, opened


@click.command(
    epilog=examples(
        "gen text --model poem --prompt 白日 --max-new 20 --with no_unk",
        "gen text --model novel --prompt 话说 --max-new 40 --top-p 0.9 --num 3 --json",
    )
)
@prompted
@contexted
@click.option(
    "--max-new", type=click.IntRange(1), default=256, show_default=True, metavar="N", help="At most N new tokens."
)
@explaining
@pictured
@generating()
def text(prompt: str | None, file: str | None, max_new: int) -> None:
    """Continue a text with any model and any processors."""
    chosen = choice()
    told = read_context(file)
    typed = read_prompt(prompt, file)
    with opened(chosen.out, lines=True) as out:
        engine = load_chosen(chosen)
        start = told.prompt(engine, typed)
        mention_unknown(engine.tokenizer.encode(typed))
        told.mention_unknown(engine.tokenizer)
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=chosen.processors,
            max_new=max_new,
            context=told.context(engine),
            beside=told.record,
        )
