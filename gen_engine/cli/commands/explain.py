"""`gen explain`: what each choice of a text cost, and which processor caused it."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import GenError
from ...system.help_pages import examples
from ..contexts import contexted, read_context
from ..options import choice, generating, prompted, read_prompt
from ..output import Show, check_out, continue_text, load_chosen, mention_unknown, opened, write_explained


@click.command(
    epilog=examples(
        "gen explain --model poem --prompt 白日 --max-new 6 --with only=han --seed 1",
        "gen explain --model poem --prompt 白日 --text 白日依山尽 --html costs.html",
    )
)
@prompted
@contexted
@click.option("--text", metavar="TEXT", help="Explain this text, which begins with the prompt, instead of a new one.")
@click.option(
    "--max-new", type=click.IntRange(1), default=256, show_default=True, metavar="N", help="At most N new tokens."
)
@click.option("--html", metavar="FILE", help="Write the explanation also as a page of HTML.")
@generating()
def explain(prompt: str | None, file: str | None, text: str | None, max_new: int, html: str | None) -> None:
    """Show what the model preferred at each position, and what each choice cost.

    The text is a new one, made as by `gen text`, or the one in --text. For each position, this lists the tokens that
    the model preferred and who removed them: a constraint, a shaper, or the proof that no text lies behind. It also
    shows the chosen token and its cost in nats (0.7: half as likely, 2.3: a tenth). The total cost of a constraint is
    the sum of -log of the probability mass that it leaves.
    """
    chosen = choice()
    told = read_context(file)
    typed = read_prompt(prompt, file)
    if text is not None and (chosen.num > 1 or chosen.seed is not None):
        raise GenError("--text explains the text that is given, so that --num and --seed say nothing; leave them out.")
    check_out(Path(html) if html else None, "--html")
    with opened(chosen.out, lines=True) as out:
        from ...inspecting.explain_tables import sentences

        engine = load_chosen(chosen)
        start, context = told.prompt(engine, typed), told.context(engine)
        mention_unknown(engine.tokenizer.encode(typed))
        told.mention_unknown(engine.tokenizer)
        processors, show = chosen.processors, Show(lines=sentences)
        if text is None:
            return continue_text(
                out,
                engine,
                start,
                chosen,
                processors=processors,
                max_new=max_new,
                show=show,
                explain=html or "",
                context=context,
                beside=told.record,
            )
        from ...inspecting.explain import explain_text

        found = explain_text(engine, text, prompt=start, processors=processors, max_new=max_new, context=context)
        record = {"text": text, "new": found.new, "lines": sentences(text), "model": found.model, **told.record}
        return write_explained(
            out, [(record, found)], as_json=chosen.json, html=html or "", show=show, command=chosen.command
        )
