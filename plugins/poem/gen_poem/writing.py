"""What `gen poem` and `gen ci` do once they know what is asked: lay out the prompt, generate, show."""

from __future__ import annotations

from collections.abc import Sequence

from gen_engine.options import Choice
from gen_engine.output import continue_text, load_engine, mention_unknown, opened

from .asked import Asked
from .layout import Poem, show
from .traditional import to_simplified


def write(
    prompt: str, poem: Poem, more: Sequence[str], asked: Asked, chosen: Choice, *, sentences: bool = False
) -> None:
    """Write poems of a shape that begin with `prompt`, under its processors and `more`.

    The model reads simplified characters; where traditional ones are asked for, the prompt may have them, too.
    """
    start = poem.lay_out(to_simplified(prompt) if asked.script == "trad" else prompt)
    streamed = chosen.num == 1 and not chosen.json and chosen.explain is None
    with opened(chosen.out, lines=True) as out:
        engine = load_engine(chosen.model, dtype=chosen.dtype, fast=chosen.fast)
        mention_unknown(engine.tokenizer.encode(start))
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=("no_unk", "no_special", *poem.rules, *more, *chosen.with_default("top_k=200")),
            max_new=max(0, poem.widest - len(start)) * engine.tokenizer.vocabulary.tokens_per_char,
            show=show(poem.shape, start, script=asked.script, sentences=sentences, streamed=streamed),
        )
