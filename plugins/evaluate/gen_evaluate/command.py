"""The command `gen eval lm`; everything heavy is imported when it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gen_engine.cli.languages import choose_language, lang_option, speak
from gen_engine.cli.options import debug_option, device_option
from gen_engine.cli.output import check_out, opened
from gen_engine.errors import GenError, quoted
from gen_engine.patience import SECONDS
from gen_engine.system.help_pages import examples
from gen_engine.system.json_values import finite
from gen_trainkit.options import FILE, options, part, part_option, quotes_option, refuse_idle, refuse_unread


def _orders(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> tuple[int, ...]:
    found = []
    for text in given:
        kind, _, order = text.partition("=")
        if kind != "ngram" or not order.isdecimal() or not 1 <= int(order) <= 20:
            raise GenError(f"There is no baseline {quoted(text)}. Give ngram=N with N from 1 to 20, such as ngram=5.")
        found.append(int(order))
    return tuple(found)


reading_options = options(
    click.argument("files", nargs=-1, type=FILE),
    click.option("--model", "models", multiple=True, metavar="MODEL",
                 help="A model of `gen models`, a folder, or a hub name; may be repeated."),
    click.option("--baseline", "baselines", multiple=True, callback=_orders, metavar="ngram=N",
                 help="A character N-gram model (Kneser-Ney) counted in --train; may be repeated."),
    click.option("--train", multiple=True, type=FILE, help="Texts for the baseline; may be repeated."),
    click.option("--column", help="Column of a .csv/.tsv (name or number) or field of a .jsonl.  [default: text]"),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files, such as gb18030."),
    quotes_option,
    part_option("test, else valid; of --train, train"),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N texts only."),
    click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True),
    click.option("--fast", is_flag=True, help="Rows may change each other's last bits."),
)  # fmt: skip
writing_options = options(
    click.option("--candidates", multiple=True, type=FILE, help="Texts to judge, one a line; may be repeated."),
    click.option("--references", multiple=True, type=FILE,
                 help="What they should be like, in the same order; repeat for several references each."),
    click.option("--prompts", "--generate", type=FILE, help="Let each --model write the candidates: these, continued."),
    click.option("--with", "processors", multiple=True, metavar="NAME[=VALUE[,key=value]]",
                 help="A processor of `gen processors` for what is written; may be repeated."),
    click.option("--decoder", default="sample", show_default=True, help="One of `gen decoders`."),
    click.option("--max-new", type=click.IntRange(1), default=64, show_default=True, help="New tokens at most."),
    click.option("--patience", type=float, default=SECONDS, show_default=True, metavar="SECONDS",
                 help="Give up after so many seconds of search."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Prompt i has this plus i."),
    click.option("--encoder", metavar="MODEL", help="For BERTScore: an encoder's folder or hub name."),
    click.option("--bleu-tokenize", "tokenize", type=click.Choice(["char", "zh"]), default="char", show_default=True,
                 help="Tokens of BLEU; zh keeps Latin words whole."),
)  # fmt: skip


@click.command(
    "lm",
    epilog=examples(
        "gen eval lm --model novel prose.txt", "gen eval lm --model poem --baseline ngram=3 --train prose.txt poems.txt"
    ),
)
@reading_options
@writing_options
@lang_option
@device_option()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the JSON to a file, too.")
@debug_option()
def lm_command(**given: Any) -> None:
    """Measure language models on texts, and texts against references.

    FILES are read by every model and baseline. The report gives nats (-log of a probability), perplexity, how often the
    likeliest token was right, speed and memory. It counts the characters that all of them know. Texts in --candidates,
    or the models' continuations of --prompts, are compared with --references: BLEU, ROUGE and, with --encoder,
    BERTScore, all by characters. Only distinct-n needs no references.
    """
    _refuse_idle(given)
    check_out(given["out"])
    from gen_evaluate.evaluation import Models, Sources, Writing, evaluate
    from gen_evaluate.report import tell

    record = evaluate(part(Sources, given), part(Models, given), part(Writing, given))
    text = json.dumps(finite(record), ensure_ascii=False, indent=1) + "\n"
    if given["out"]:
        _write(given["out"], text)
    if given["as_json"]:
        click.echo(text, nl=False)
    else:
        tell(record, speak(choose_language(given["lang"])))


def _refuse_idle(given: dict[str, Any]) -> None:
    """Raise GenError for options on the command line that have no effect together with the others."""
    prompts = [given["prompts"]] if given["prompts"] else []
    refuse_unread((*given["files"], *given["train"], *given["references"], *given["candidates"], *prompts), given)
    if not prompts:
        refuse_idle({"processors", "decoder", "max_new", "patience", "seed"}, "without --prompts")
    if not given["references"]:
        refuse_idle({"tokenize"}, "without --references")
    if not given["models"]:
        refuse_idle({"dtype", "fast"}, "without --model")


def _write(out: Path, text: str) -> None:
    with opened(out) as file:
        file.write(text)


if __name__ == "__main__":
    lm_command()
