"""`gen eval poem`: figures of a model's poems, or of a file of poems."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
from click.core import ParameterSource

from gen_engine import bounds
from gen_engine.errors import GenError
from gen_engine.languages import NATS, Say, choose_language, lang_option, speak
from gen_engine.options import Choice, choice, generating
from gen_engine.output import check_out, load_engine, opened
from gen_engine.tables import table
from gen_engine.underway import counted, doing

from .asked import Asked, asked, asking, rules
from .layout import Poem
from .preferences import preferred
from .resolve import Wish, resolve

if TYPE_CHECKING:
    from gen_engine.engine import Engine

    from .eval_figures import Evaluation

TEXTS = 100
"""How many poems a model writes if nothing is said."""

FREE = 400
"""How many characters a model that writes as it will may add."""


@click.command()
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--form", default="", metavar="NAME", help="The form of the poems, a name of `gen forms`.")
@click.option("--tune", default="", metavar="NAME", help="Their tune: ci are judged, by PoeTone's measure too.")
@click.option("--variant", type=click.IntRange(1), metavar="N", help="The form of the tune.")
@click.option("--rows", type=click.IntRange(1), metavar="N", help="How many lines, for a form of no fixed length.")
@click.option("--prompt", default="", metavar="TEXT", help="How a model's poems begin.")
@click.option("--free", is_flag=True, help="Let the model write as it will, under --with alone, and see what it keeps.")
@click.option("--corpus", metavar="FILE", help="Texts, such as those trained on: how many lines stand there?")
@click.option("--picture", metavar="FILE", help="Draw the figures into FILE.svg, .png or .pdf.")
@lang_option
@asking
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
    picture: str | None,
    lang: str,
) -> None:
    """Judge poems: those that --model writes, or those of FILE.

    FILE has a poem on each line, or poems between empty lines, or JSON lines with a "text"; .xz is unpacked. Told
    are the shares of poems that keep format, tones and rhyme, how much they repeat themselves, each other and a
    corpus, and their nats a character (-log of the probability) under --model. A model writes --num poems, 100 if
    nothing is said; by strict and by loose tones they are judged whichever they kept. --out writes the figures as
    JSON.
    """
    from .eval import Wanted
    from .eval_picture import check_picture
    from .reading import read_poems, read_texts

    asks, chosen = asked(), choice()
    judged_by = asks.rhyme_book if asks.rhyme_book != "none" else None
    wanted = Wanted(form, tune, variant, judged_by or "", "".join(asks.rhyme[:1])).check()
    writing = _writing(file, asks, replace(asks.wish(form or tune), variant=variant, rows=rows), free)
    if picture:
        check_picture(picture)
        check_out(Path(picture), "--picture")
    texts, count = (read_poems(file), 0) if file else (None, _count(chosen, writing))
    with opened(chosen.out) as out:
        from .eval_figures import evaluate

        engine = load_engine(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        texts = texts or _write(engine, chosen, prompt, writing, count)
        source = file or f"{chosen.model}, {chosen.decoder}"
        found = evaluate(texts, wanted, source=source, engine=engine, corpus=read_texts(corpus) if corpus else None)
        if picture:
            from .eval_picture import draw

            with doing("drawing the picture"):
                draw(found, picture, choose_language(lang))
        _tell(found, out, speak(choose_language(lang)), as_json=chosen.json or chosen.out is not None)


def _writing(file: str | None, asks: Asked, wish: Wish, free: bool) -> Poem:
    """What poems a model is to write, if it is; GenError where that is not said, or said of a file."""
    places = asks.places()
    if file and (places or free):
        raise GenError(
            f"{file} has poems already, and {places[0] if places else '--free'} is for new ones; leave it out."
        )
    if file or free:
        return Poem(places, None, FREE)
    if not wish.name:
        raise GenError("Poems to be written need a form; give --form, --tune or --free, or a FILE of poems to judge.")
    poem = Poem((*rules(wish), *places), resolve(wish))
    return replace(poem, rules=(*poem.rules, *preferred(asks, poem, choice())))


def _count(chosen: Choice, poem: Poem) -> int:
    """How many poems a model is to write; GenError if that is more than can be judged at once."""
    # The shared option's own default is one text, of which there is little to tell.
    asked_for = click.get_current_context().get_parameter_source("num") is ParameterSource.COMMANDLINE
    wanted = chosen.num if asked_for else TEXTS
    if wanted * poem.widest > bounds.TEXTS:
        raise GenError(
            f"{wanted:,} poems of up to {poem.widest} characters are more than the {bounds.TEXTS:,} characters "
            "that are judged at once; ask for fewer."
        )
    return wanted


def _write(engine: Engine, chosen: Choice, prompt: str, poem: Poem, wanted: int) -> list[str]:
    start = poem.lay_out(prompt)
    done = engine.completions(
        start,
        processors=("no_unk", "no_special", *poem.rules, *chosen.with_default("top_k=200")),
        num=wanted,
        seed=chosen.seed,
        max_new=max(0, poem.widest - len(start)) * engine.tokenizer.vocabulary.tokens_per_char,
        decoder=chosen.decoder,
        patience=chosen.patience,
    )
    return [each.text for each in counted(done, "writing poems", wanted)]


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
