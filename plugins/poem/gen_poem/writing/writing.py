"""What `gen poem` and `gen ci` do once they know what is asked: lay out the prompt, generate, show."""

from __future__ import annotations

from collections.abc import Sequence

from gen_engine.cli.options import Choice
from gen_engine.cli.output import continue_text, load_engine, mention_unknown, opened

from .asked import Asked
from .drawing import DRAWN, choosing, demanded, draws, scorer_of
from .layout import Poem, show
from .preferences import preferred
from .told import forms_of, tell, wishes
from .typed import as_read, hint


def write(
    prompt: str, poem: Poem, more: Sequence[str], asked: Asked, chosen: Choice, *, sentences: bool = False
) -> None:
    """Write poems of a shape that begin with `prompt`, under its processors and `more`, behind what the model is told.

    Where traditional characters are asked for, the model reads simplified ones, even if it knows both.
    """
    typed = asked.typed(poem.lay_out(prompt))
    more = [*more, *preferred(asked, poem, chosen)]
    told = tell(wishes(), forms_of(poem), chosen.model)
    of = draws(chosen)
    streamed = chosen.num == of == 1 and not chosen.json and chosen.explain is None
    with opened(chosen.out, lines=True) as out:
        engine = load_engine(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        vocabulary = engine.tokenizer.vocabulary
        start, *more = (as_read(text, asked.script, vocabulary) for text in (typed.start, *more))
        mention_unknown(engine.tokenizer.encode(start), spelling=False)
        told.mention_unknown(engine.tokenizer)
        hint((start, asked.acrostic, asked.template, asked.require), asked.script, engine.tokenizer)
        repeated = demanded(asked.acrostic, asked.template)
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=("no_unk", "no_special", *poem.rules, *more, *chosen.with_default(DRAWN)),
            max_new=max(0, poem.widest - len(start)) * vocabulary.tokens_per_char,
            show=show(poem.shape, typed, sentences=sentences, streamed=streamed),
            context=told.context,
            beside=told.record,
            choosing=choosing(of, lambda: scorer_of(engine, start, told, repeated), told=chosen.json),
        )
