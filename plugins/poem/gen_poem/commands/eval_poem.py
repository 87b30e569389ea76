"""`gen eval poem`: figures of a model's poems, or of a file of poems."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
from click.core import ParameterSource

from gen_engine.cli.languages import NATS, Say, choose_language, lang_option, speak
from gen_engine.cli.options import Choice, choice, generating
from gen_engine.cli.output import check_out, load_chosen, opened
from gen_engine.errors import GenError
from gen_engine.system import bounds
from gen_engine.system.help_pages import examples
from gen_engine.system.tables import table
from gen_engine.system.underway import counted, doing

from ..verse.layout import lay_out
from ..verse.resolve import Wish
from ..writing.best_of import (
    TEMPERATURE,
    best_of_given,
    best_of_option,
    choose_best,
    demanded,
    draws_per_text,
    scorer_of,
)
from ..writing.context import Context, ContextOptions, context_options, form_names, make_context, read_context_options
from ..writing.options import RuleOptions, read_rule_options, rule_options
from ..writing.poem import Poem
from ..writing.preferences import preferred

if TYPE_CHECKING:
    from gen_engine.engine import Engine

    from ..evaluation.figures import Evaluation
    from ..evaluation.relevance import Judges
    from ..verse.poem_files import Row

TEXTS = 100
"""How many poems a model writes by default."""

FREE = 400
"""How many characters a model may add when it writes without a form."""


@click.command(
    epilog=examples("gen eval poem --model poem --form 五绝 --num 10", "gen eval poem poems.txt --form 五绝")
)
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--form", default="", metavar="NAME", help="The form of the poems, a name of `gen forms`.")
@click.option("--tune", default="", metavar="NAME", help="Their tune: ci are judged, by PoeTone's measure too.")
@click.option("--variant", type=click.IntRange(1), metavar="N", help="The form of the tune.")
@click.option("--rows", type=click.IntRange(1), metavar="N", help="How many lines, for a form of no fixed length.")
@click.option("--prompt", default="", metavar="TEXT", help="How a model's poems begin.")
@click.option("--free", is_flag=True, help="Let the model write as it will, under --with alone, and see what it keeps.")
@click.option("--corpus", metavar="FILE", help="Texts, such as those trained on: how many lines stand there?")
@click.option("--judges", metavar="FOLDER", help="Judges of `recipe/judges.py`: how often do they find a text's title?")
@click.option("--titles", metavar="FILE", help="Titles: a model writes a poem for each, as gen poem --title does.")
@click.option("--real", metavar="FILE", help="Real poems: how well does a classifier tell the others from them?")
@click.option("--picture", metavar="FILE", help="Draw the figures into FILE.svg, .png or .pdf.")
@lang_option
@rule_options
@context_options
@best_of_option
@generating("poem")
def poem(
    file: str | None,
    form: str,
    tune: str,
    variant: int | None,
    rows: int | None,
    prompt: str,
    free: bool,
    corpus: str | None,
    judges: str | None,
    titles: str | None,
    real: str | None,
    picture: str | None,
    lang: str,
) -> None:
    """Judge poems: those that --model writes, or those of FILE.

    FILE has a poem on each line, or poems between empty lines, or JSON lines with a "text" and perhaps a "title" and a
    "context"; .xz is unpacked. The report gives the shares of poems that keep format, tones and rhyme, and the share of
    parallel middle couplets. It tells how much poems repeat themselves, each other and a corpus. It gives the nats per
    character (-log of the probability) under --model, with and without the poems' contexts. A model writes --num poems
    (default 100), or one for each of --titles. They are judged by strict and by loose tones, whichever they were
    written to keep. With --out, the figures are written as JSON.
    """
    from ..evaluation.classifier import check_classifier
    from ..evaluation.measures import Wanted
    from ..evaluation.picture import check_picture
    from ..verse.poem_files import read_poems, read_rows, read_texts

    asks, chosen = read_rule_options(), choice()
    judged_by = asks.rhyme_book if asks.rhyme_book != "none" else None
    wanted = Wanted(form, tune, variant, judged_by or "", "".join(asks.rhyme[:1])).check()
    wish = replace(asks.wish(form or tune), variant=variant, rows=rows)
    writing = _writing(file, asks, wish, free, read_context_options(), titles)
    of = 1 if file or (free and best_of_given() is None) else draws_per_text(chosen)
    if picture:
        check_picture(picture)
        check_out(Path(picture), "--picture")
    if real:
        check_classifier()
    texts = read_rows(file) if file else None
    contexts = [] if file else _contexts(chosen, writing, titles)
    by = _judges(judges, has_titles=bool(titles) or any(row.title for row in texts or ())) if judges else None
    others, known = read_poems(real) if real else None, read_texts(corpus) if corpus else None
    with opened(chosen.out) as out:
        from ..evaluation.figures import evaluate

        engine = load_chosen(chosen)
        repeated = demanded(asks.acrostic, asks.template)
        texts = texts or _write(engine, chosen, prompt, writing, contexts, of, repeated, one_each=bool(titles))
        context = contexts[0].text if contexts and not titles else ""
        source = file or ", ".join(filter(None, (chosen.model, chosen.decoder, context, titles)))
        found = evaluate(texts, wanted, source=source, engine=engine, corpus=known, judges=by, real=others)
        if picture:
            from ..evaluation.picture import draw

            with doing("drawing the picture"):
                draw(found, picture, choose_language(lang))
        _tell(found, out, speak(choose_language(lang)), as_json=chosen.json or chosen.out is not None)


def _judges(folder: str, *, has_titles: bool) -> Judges:
    """The judges of a folder; GenError if there is no title for them to find."""
    from ..evaluation.judges import read_judges

    if not has_titles:
        raise GenError('--judges look for titles; give --titles, or a FILE of JSON lines with "text" and "title".')
    return read_judges(Path(folder))


def _writing(
    file: str | None, asks: RuleOptions, wish: Wish, free: bool, wished: ContextOptions, titles: str | None
) -> Poem:
    """What poems a model is to write, if any; GenError where that is missing, or given for a file."""
    places = asks.processors()
    given = best_of_given() is not None
    options = {"--free": free, "--best-of": given, "--titles": titles is not None}
    for_new = [*places, *(name for name, is_there in options.items() if is_there)]
    for_new += [f"--{part}" for part in wished.asked]
    if file and for_new:
        raise GenError(f"{file} has poems already, and {for_new[0]} is for new ones; leave it out.")
    if file or free:
        return Poem(places, None, FREE)
    if not wish.name:
        raise GenError("Poems to be written need a form; give --form, --tune or --free, or a FILE of poems to judge.")
    poem = Poem.of(wish)
    return replace(poem, rules=(*poem.rules, *places, *preferred(asks, poem, choice())))


def _contexts(chosen: Choice, poem: Poem, titles: str | None) -> list[Context]:
    """The context of each poem that a model is to write; GenError if there are more than can be judged at once."""
    from ..evaluation.titles import read_titles

    # The shared option's own default is one text, of which there is little to tell.
    asked_for = click.get_current_context().get_parameter_source("num") is ParameterSource.COMMANDLINE
    wished = read_titles(titles, read_context_options()) if titles else []
    wanted = (len(wished) or TEXTS) if not asked_for else min(chosen.num, len(wished) or chosen.num)
    if wanted * poem.widest > bounds.TEXTS:
        raise GenError(
            f"{wanted:,} poems of up to {poem.widest} characters are more than the {bounds.TEXTS:,} characters "
            "that are judged at once; ask for fewer."
        )
    forms = form_names(poem)
    if titles:
        return [make_context(each, forms, chosen.model) for each in wished[:wanted]]
    return [make_context(read_context_options(), forms, chosen.model)] * wanted


def _write(
    engine: Engine,
    chosen: Choice,
    prompt: str,
    poem: Poem,
    contexts: Sequence[Context],
    of: int,
    repeated: int,
    *,
    one_each: bool,
) -> list[Row]:
    """As many poems as there are `contexts`: one for each, or, where all are alike, all of them from one request."""
    from ..evaluation.titles import write_each
    from ..verse.poem_files import Row

    if one_each:
        return list(write_each(engine, chosen, prompt, poem, contexts, of, repeated))
    start, one = lay_out(prompt, *poem.shapes), contexts[0]
    one.mention_unknown(engine.tokenizer)
    take = choose_best(of, lambda: scorer_of(engine, start, one, repeated), scored=False)
    done = engine.completions(
        start,
        processors=("no_unk", "no_special", *poem.rules, *chosen.with_default(TEMPERATURE)),
        num=len(contexts) * of,
        draws=of,
        seed=chosen.seed,
        max_new=max(0, poem.widest - len(start)) * engine.tokenizer.vocabulary.tokens_per_char,
        decoder=chosen.decoder,
        patience=chosen.patience,
        context=one.text,
        draft=chosen.draft,
    )
    title = one.wishes.get("title", "")
    return [Row(each.text, title, one.text) for each, _ in counted(take.choose(done), "writing poems", len(contexts))]


def _tell(found: Evaluation, out: TextIO, say: Say, *, as_json: bool) -> None:
    """Print the figures as a table or as JSON."""
    if as_json:
        print(json.dumps(found.record(), ensure_ascii=False, indent=2), file=out)
        return
    rows = [[say(figure.name), _shown(figure.value, figure.unit), figure.told(say)] for figure in found.figures]
    rhymes = " ".join(f"{name} {count}" for name, count in found.groups[:12])
    rows += [[say("rhymes"), "", rhymes]] if rhymes else []
    heads = [*map(say, ("figure", "is", "what it says"))]
    legend = [say(NATS)] if any(figure.unit == "nats" for figure in found.figures) else []
    table(found.title(say), heads, rows, right=heads[1:2], legend=legend)


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}%" if unit == "share" else f"{value:.3f}"
