"""The command `gen novel`: continue a text by an exact number of characters, or to the next sentence end."""

from __future__ import annotations

import click

from gen_engine.cli.contexts import contexted, read_context, refuse_beside
from gen_engine.cli.options import Choice, choice, explaining, generating, pictured, prompted, read_prompt
from gen_engine.cli.output import Setting, Show, continue_text, load_chosen, mention_unknown, opened
from gen_engine.errors import GenError
from gen_engine.hooks.specs import parse_spec
from gen_engine.system.help_pages import examples

from .works import Unseen, tell

FUNCTION_WORDS = "的了是不我他你她在着也就都这那有人一来去说道么"
"""The commonest function words; hardly any 30 characters of prose lack them."""

WHOLE = "no_repeat_ngram=6,within=300,exempt=punctuation|space"
"""The default rule. It ends loops and leaves names whole; a rule against repeated single characters breaks names
apart."""

LIKELY, TUTORIAL = "top_p=0.85", "top_k=10"
"""What tokens are sampled from by default, and under a rule against repeated single characters."""

PATIENCE = 300
"""How many characters after --len a sentence may take to end."""


@click.command(
    epilog=examples(
        "gen novel --prompt 却说宝玉 --like 红楼梦 --len 80 --end sentence",
        "gen novel --prompt 却说 --len 60 --no-repeat 30 --repeat-words",
    )
)
@prompted
@click.option("--len", "length", type=click.IntRange(1), default=300, show_default=True, metavar="N",
              help="How many new characters.")  # fmt: skip
@click.option("--end", type=click.Choice(["exact", "sentence"]), default="exact", show_default=True,
              help="End after --len characters, or at the first sentence end after them.")  # fmt: skip
@click.option("--no-repeat", type=click.IntRange(0), metavar="N",
              help="No character twice within N, punctuation aside, drawn from the 10 likeliest; 0 allows all repeats."
              "  [default: no run of 6 characters twice within 300]")  # fmt: skip
@click.option("--repeat-words", is_flag=True, help="With --no-repeat: let the commonest function words repeat, too.")
@click.option("--like", metavar="WORK",
              help="In the manner of a work that the model has seen, such as 红楼梦.")  # fmt: skip
@click.option("--unseen", type=click.Choice(["ignore", "refuse"]), default="ignore", show_default=True,
              help="What becomes of a work that it has not seen.")  # fmt: skip
@contexted
@explaining
@pictured
@generating("novel")
def novel(
    prompt: str | None,
    file: str | None,
    length: int,
    end: str,
    no_repeat: int | None,
    repeat_words: bool,
    like: str | None,
    unseen: Unseen,
) -> None:
    """Continue a text by exactly LEN characters.

    Tokens are sampled from the likeliest allowed ones that together have a probability of 0.85, unless --top-p, --top-k
    or --with says otherwise. The options --no-repeat 30 --decoder greedy give the tutorial's generator.
    """
    chosen = choice()
    given = read_context(file)
    typed = read_prompt(prompt, file)
    if not typed.strip() and not given.option:
        raise GenError("There is nothing to continue; give --prompt TEXT or --file FILE.")
    refuse_beside(given, {"--like": like})
    if repeat_words and not no_repeat:
        raise GenError("--repeat-words is for a rule against single characters; add --no-repeat 30, or leave it out.")
    told = tell(like, chosen.model, unseen=unseen)
    with opened(chosen.out, lines=True) as out:
        engine = load_chosen(chosen)
        mention_unknown(engine.tokenizer.encode(typed))
        given.mention_unknown(engine.tokenizer)
        processors = (
            *rules(length, end == "sentence", no_repeat, repeat_words),
            *drawn(chosen, LIKELY if not no_repeat else TUTORIAL),
        )
        chars = length + (PATIENCE if end == "sentence" else 0)
        max_new = chars * engine.tokenizer.vocabulary.tokens_per_char
        continue_text(
            out,
            engine,
            given.prompt(engine, typed),
            chosen,
            processors=processors,
            max_new=max_new,
            show=Show(setting=Setting(byline=f"拟《{like}》" if like else "", seal="文笺")),
            context=given.context(engine) or told.context,
            beside={**told.record, **given.record},
        )


def rules(length: int, to_sentence_end: bool, no_repeat: int | None, repeat_words: bool) -> tuple[str, ...]:
    """The constraints of a continuation, as they are written for the chain."""
    exempt = "punctuation" + (f"|{FUNCTION_WORDS}" if repeat_words else "")
    single = (f"no_repeat={no_repeat},exempt={exempt}",) if no_repeat else ()
    return (
        "no_unk",
        "no_special",
        *((WHOLE,) if no_repeat is None else single),
        f"sentence_end={length}" if to_sentence_end else f"length={length}",
    )


def drawn(chosen: Choice, likely: str) -> tuple[str, ...]:
    """The chosen processors, with the default `likely` unless one of them is a top_k or top_p."""
    names = {parse_spec(each).name.rpartition(":")[2] for each in chosen.processors}
    return chosen.processors if names & {"top_k", "top_p"} else chosen.with_default(likely)
