"""`gen eval poem`: figures of a model's poems, or of a file of poems."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from gen_engine.errors import GenError
from gen_engine.options import Choice, choice, generating

if TYPE_CHECKING:
    from gen_engine.engine import Engine

    from .eval import Wanted
    from .eval_figures import Evaluation

ENOUGH = 400
"""More new characters than any form has."""


@click.command()
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--form", default="", metavar="NAME", help="The form of the poems, a name of `gen forms`.")
@click.option("--tune", default="", metavar="NAME", help="Their tune: ci are judged, by PoeTone's measure too.")
@click.option("--variant", type=click.IntRange(1), metavar="N", help="The form of the tune.")
@click.option("--tones", type=click.Choice(["strict", "loose", "off"]), default="loose", show_default=True,
              help="What a model's poems have to keep; all are judged by strict and by loose.")  # fmt: skip
@click.option("--rhyme-book", default="", metavar="NAME", help="pingshui, cilin, xinyun or tongyun.")
@click.option("--rhyme", default="", metavar="GROUP", help="The rhyme that they should have.")
@click.option("--prompt", default="", metavar="TEXT", help="How a model's poems begin.")
@click.option("--free", is_flag=True, help="Let the model write as it will, under --with alone, and see what it keeps.")
@click.option("--corpus", metavar="FILE", help="Texts, such as those trained on: how many lines stand there?")
@click.option("--picture", metavar="FILE", help="Draw the figures into FILE.svg, .png or .pdf.")
@generating("poem")
def poem(
    file: str | None,
    form: str,
    tune: str,
    variant: int | None,
    tones: str,
    rhyme_book: str,
    rhyme: str,
    prompt: str,
    free: bool,
    corpus: str | None,
    picture: str | None,
) -> None:
    """Judge poems: those that --model writes, or those of FILE.

    FILE has a poem on each line, or poems between empty lines, or JSON lines with a "text"; .xz is unpacked. Told
    are the shares of poems that keep format, tones and rhyme, how much they repeat themselves, each other and a
    corpus, and their nats a character under --model. A model writes --num poems, 100 if nothing is said.
    """
    from gen_engine.output import opened

    from .eval import Wanted, read_corpus, read_poems
    from .eval_picture import check_picture

    wanted = Wanted(form, tune, variant, rhyme_book, rhyme).check()
    chosen = choice()
    if picture:
        check_picture(picture)
    texts = read_poems(file) if file else None
    if texts is None and not (form or tune or free):
        raise GenError("Poems to be written need a form; give --form, --tune or --free, or a FILE of poems to judge.")
    with opened(chosen.out) if chosen.out else nullcontext() as out:
        from gen_engine.engine import load

        from .eval_figures import evaluate

        engine = load(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        if texts is None:
            texts = _write(engine, chosen, prompt, () if free else _specs(wanted, tones))
        source = file or f"{chosen.model}, {chosen.decoder}"
        found = evaluate(texts, wanted, source=source, engine=engine, corpus=read_corpus(corpus) if corpus else None)
        if picture:
            from .eval_picture import draw

            draw(found, picture)
        _tell(found, chosen, out)


def _specs(wanted: Wanted, tones: str) -> tuple[str, ...]:
    """The processors that keep a form, as on the command line."""
    options = {
        "tones": "" if wanted.tune and tones == "loose" else tones,
        "book": wanted.rhyme_book,
        "rhyme": wanted.rhyme,
        "variant": wanted.variant,
    }
    written = "".join(f",{name}={value}" for name, value in options.items() if value)
    return (f"form={wanted.form or wanted.tune}{written}", f"distinct_rhymes={wanted.form or wanted.tune}{written}")


def _write(engine: Engine, chosen: Choice, prompt: str, specs: Sequence[str]) -> list[str]:
    processors = ("no_unk", "no_special", *specs, *chosen.with_default("top_k=200"))
    context = click.get_current_context()
    # The shared option's own default is one text, of which there is little to tell.
    asked = context.get_parameter_source("num") is click.core.ParameterSource.COMMANDLINE
    done = engine.completions(
        prompt,
        processors=processors,
        num=chosen.num if asked else 100,
        seed=chosen.seed,
        max_new=ENOUGH * engine.tokenizer.vocabulary.tokens_per_char,
        decoder=chosen.decoder,
    )
    return [each.text for each in done]


def _tell(found: Evaluation, chosen: Choice, out: object) -> None:
    """Print the figures as a table or as JSON; to a file always as JSON."""
    import json

    from gen_engine.output import dump, table

    if out is not None:
        print(json.dumps(found.record(), ensure_ascii=False), file=out)  # type: ignore[call-overload]
    if chosen.json and out is None:
        return dump(found.record())
    rows = [[figure.name, _shown(figure.value, figure.unit), figure.meaning] for figure in found.figures]
    rhymes = " ".join(f"{name} {count}" for name, count in found.groups[:12])
    rows += [["rhymes", "", rhymes]] if rhymes else []
    if out is None:
        what = found.wanted.form or found.wanted.tune or "poems"
        table(f"{len(found.poems)} × {what} ({found.source})", ["figure", "is", "what it says"], rows)
    return None


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}%" if unit == "share" else f"{value:.3f}"
