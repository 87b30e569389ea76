"""`gen novel`: a text continued for an exact number of characters, or to the next sentence end."""

from __future__ import annotations

import click

from gen_engine.errors import GenError
from gen_engine.options import choice, explaining, generating, prompted, read_prompt
from gen_engine.output import continue_text, load_engine, mention_unknown, opened

from .works import Unseen, tell

FUNCTION_WORDS = "的了是不我他你她在着也就都这那有人一来去说道么"
"""The commonest function words, which prose can hardly do without for 30 characters."""

PATIENCE = 300
"""How many characters past --len a sentence may take to end."""


@click.command()
@prompted
@click.option("--len", "length", type=click.IntRange(1), default=300, show_default=True, metavar="N",
              help="How many new characters.")  # fmt: skip
@click.option("--end", type=click.Choice(["exact", "sentence"]), default="exact", show_default=True,
              help="End after --len characters, or at the first sentence end after them.")  # fmt: skip
@click.option("--no-repeat", type=click.IntRange(0), default=30, show_default=True, metavar="N",
              help="No character twice within N, punctuation aside; 0 allows repeats.")  # fmt: skip
@click.option("--repeat-words", is_flag=True, help="Let the commonest function words repeat, too.")
@click.option("--like", metavar="WORK",
              help="In the manner of a work that the model has seen, such as 红楼梦.")  # fmt: skip
@click.option("--unseen", type=click.Choice(["ignore", "refuse"]), default="ignore", show_default=True,
              help="What becomes of a work that it has not seen.")  # fmt: skip
@explaining
@generating("novel")
def novel(
    prompt: str | None,
    file: str | None,
    length: int,
    end: str,
    no_repeat: int,
    repeat_words: bool,
    like: str | None,
    unseen: Unseen,
) -> None:
    """Continue a text by exactly LEN characters.

    Among the allowed tokens the 10 likeliest are drawn from, unless --top-k or --with top_k=K says otherwise.
    --decoder greedy takes the likeliest allowed one each time.
    """
    chosen = choice()
    start = read_prompt(prompt, file)
    if not start.strip():
        raise GenError("There is nothing to continue; give --prompt TEXT or --file FILE.")
    told = tell(like, chosen.model, unseen=unseen)
    with opened(chosen.out, lines=True) as out:
        engine = load_engine(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        mention_unknown(engine.tokenizer.encode(start))
        processors = (
            *rules(length, end == "sentence", no_repeat, repeat_words),
            *chosen.with_default("top_k=10"),
        )
        chars = length + (PATIENCE if end == "sentence" else 0)
        max_new = chars * engine.tokenizer.vocabulary.tokens_per_char
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=processors,
            max_new=max_new,
            context=told.context,
            beside=told.record,
        )


def rules(length: int, to_sentence_end: bool, no_repeat: int, repeat_words: bool) -> tuple[str, ...]:
    """The constraints of a continuation, as they are written for the chain."""
    exempt = "punctuation" + (f"|{FUNCTION_WORDS}" if repeat_words else "")
    return (
        "no_unk",
        "no_special",
        *((f"no_repeat={no_repeat},exempt={exempt}",) if no_repeat else ()),
        f"sentence_end={length}" if to_sentence_end else f"length={length}",
    )
