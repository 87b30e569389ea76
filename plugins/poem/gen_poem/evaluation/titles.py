"""A poem for each of many titles, as `gen poem --title` writes it, for the judges of relevance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gen_engine.cli.options import Choice
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.system.text_files import text_flaw
from gen_engine.system.underway import counted
from gen_engine.types import Completion, Request

from ..verse.layout import lay_out
from ..verse.poem_files import Row, read_lines
from ..writing.best_of import TEMPERATURE, choose_best, scorer_of
from ..writing.context import WISHED, Context, ContextOptions
from ..writing.poem import Poem

AT_ONCE = 16
"""For how many titles poems are written together."""


def read_titles(path: str, wished: ContextOptions) -> list[ContextOptions]:
    """The wishes of a file: a title on each line, or JSON lines with a `title` and perhaps an `author` and a `dynasty`.

    What these leave out is taken from `wished`. GenError if there is no title, or if one is no text.
    """
    if wished.title:
        raise GenError("--titles has the titles, and --title is one for all poems; leave out one of them.")
    if wished.silent:
        raise GenError("--no-context tells the model nothing, not even --titles; leave out one of them.")
    lines = ((number, line.strip()) for number, line in enumerate(read_lines(path), 1))
    told = [_fields(line, number, path) if line.startswith("{") else {"title": line} for number, line in lines if line]
    found = [wished.but(each) for each in told]
    if not found:
        raise GenError(f"There is no title in {path}; give a file with one a line.")
    return found


def _fields(line: str, number: int, path: str) -> dict[str, str]:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    told = {name: row.get(name) for name in WISHED if row.get(name) != ""} if isinstance(row, dict) else {}
    if not told.get("title"):
        raise GenError(f'Line {number} of {path} is no JSON object with a "title"; give titles, one a line.')
    for name, value in told.items():
        if flaw := text_flaw(value):
            raise GenError(f'Line {number} of {path} has {flaw}, in "{name}". Mend it, or leave it out.')
    return {name: value for name, value in told.items() if value is not None}


def write_each(
    engine: Engine, chosen: Choice, prompt: str, poem: Poem, contexts: Sequence[Context], of: int, repeated: int
) -> Iterator[Row]:
    """A poem for each of `contexts`, with its title, as `gen poem --title` writes it with a seed for each place.

    The n-th one, from 0, is drawn by the seed `chosen.seed` + n.
    """
    start = lay_out(prompt, *poem.shapes)
    request = Request(
        start,
        ("no_unk", "no_special", *poem.rules, *chosen.with_default(TEMPERATURE)),
        num=of,
        draws=of,
        max_new=max(0, poem.widest - len(start)) * engine.tokenizer.vocabulary.tokens_per_char,
        decoder=chosen.decoder,
        patience=chosen.patience,
        draft=chosen.draft,
    )
    requests = [
        replace(request, seed=None if chosen.seed is None else chosen.seed + number, context=each.text)
        for number, each in enumerate(contexts)
    ]

    def write() -> Iterator[Row]:
        for first in range(0, len(contexts), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            for each, drawn in zip(contexts[some], engine.generate_batch(requests[some]), strict=True):
                yield Row(_best(engine, start, each, drawn, repeated), each.wishes["title"], each.text)

    return counted(write(), "writing poems", len(contexts))


def _best(engine: Engine, start: str, context: Context, drawn: Sequence[Completion], repeated: int) -> str:
    take = choose_best(len(drawn), lambda: scorer_of(engine, start, context, repeated), scored=False)
    return next(best.text for best, _ in take.choose(iter(drawn)))
