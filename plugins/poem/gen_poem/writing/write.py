"""Write poems: lay out the prompt, generate, show."""

from __future__ import annotations

from collections.abc import Sequence

from gen_engine.cli.contexts import read_context
from gen_engine.cli.options import Choice
from gen_engine.cli.output import continue_text, load_chosen, mention_unknown, opened

from ..verse.layout import lay_out
from .best_of import TEMPERATURE, choose_best, demanded, draws_per_text, scorer_of
from .context import form_names, make_context, read_context_options
from .options import RuleOptions
from .poem import Poem
from .preferences import preferred
from .script import in_model_script, mention_scripts
from .show import show


def write(
    prompt: str, poem: Poem, more: Sequence[str], asked: RuleOptions, chosen: Choice, *, sentences: bool = False
) -> None:
    """Write poems of a shape that begin with `prompt`, under its processors and `more`, after its context.

    Where traditional characters are asked for, the model reads simplified ones, even if it knows both.
    """
    typed = asked.typed(lay_out(prompt, *poem.shapes))
    more = [*more, *preferred(asked, poem, chosen)]
    context = make_context(read_context_options(), form_names(poem), chosen.model, read_context())
    of = draws_per_text(chosen)
    with opened(chosen.out, lines=True) as out:
        engine = load_chosen(chosen)
        vocabulary = engine.tokenizer.vocabulary
        start, *more = (in_model_script(text, asked.script, vocabulary) for text in (typed.start, *more))
        mention_unknown(engine.tokenizer.encode(start), spelling=False)
        context.mention_unknown(engine.tokenizer)
        mention_scripts((start, asked.acrostic, asked.template, asked.require), asked.script, engine.tokenizer)
        repeated = demanded(asked.acrostic, asked.template)
        continue_text(
            out,
            engine,
            start,
            chosen,
            processors=("no_unk", "no_special", *poem.rules, *more, *chosen.with_default(TEMPERATURE)),
            max_new=max(0, poem.widest - len(start)) * vocabulary.tokens_per_char,
            show=show(poem.shape, typed, sentences=sentences),
            context=context.told(engine),
            beside=context.record,
            choosing=choose_best(of, lambda: scorer_of(engine, start, context, repeated), scored=chosen.json),
        )
