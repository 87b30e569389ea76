"""Write poems: lay out the prompt, generate, show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

from gen_engine.cli.contexts import read_context
from gen_engine.cli.options import Choice
from gen_engine.cli.output import Choosing, Setting, Show, continue_text, load_chosen, mention_unknown, opened

from ..verse.layout import lay_out
from .best_of import TEMPERATURE, choose_best, demanded, draws_per_text, scorer_of
from .context import Context, form_names, make_context, read_context_options
from .options import RuleOptions
from .poem import Poem
from .preferences import preferred
from .script import Script, in_model_script, mention_scripts
from .show import show

if TYPE_CHECKING:
    from gen_engine.engine import Engine


@dataclass(frozen=True)
class Wanted:
    """What is asked of the engine: how texts begin, the processors, the most new tokens, what the model is told, and
    how texts are shown, in which script if one was asked for.

    `choosing` chooses among the drawn texts. It takes how many repetitions are demanded in them.
    """

    engine: Engine
    start: str
    processors: tuple[Any, ...]
    max_new: int
    show: Show
    context: Context
    choosing: Callable[[int], Choosing]
    demanded: int = 0
    script: Script | None = None

    def write(self, out: TextIO, chosen: Choice) -> None:
        """Write the texts, as `chosen`."""
        continue_text(
            out,
            self.engine,
            self.start,
            chosen,
            processors=self.processors,
            max_new=self.max_new,
            show=self.show,
            context=self.context.told(self.engine),
            beside=self.context.record,
            choosing=self.choosing(self.demanded),
        )


def card_setting(context: Context, seal: str, *, topic: str = "", scrolls: bool = False) -> Setting:
    """How a card of the text is headed and signed: by the topic (a tune) and the title, and in whose manner it is."""
    title = "·".join(filter(None, (topic, context.wishes.get("title", "").strip())))
    author = context.wishes.get("author", "").strip()
    return Setting(title, f"拟{author}" if author else "", seal, scrolls)


def write(prompt: str, poem: Poem, more: Sequence[str], asked: RuleOptions, chosen: Choice, *, tune: str = "") -> None:
    """Write poems of a shape that begin with `prompt`, under its processors and `more`, after its context.

    `tune` is the name of the tune of a ci.
    """
    prepare = preparing(prompt, poem, more, asked, chosen, tune=tune)
    with opened(chosen.out, lines=True) as out:
        prepare().write(out, chosen)


def preparing(
    prompt: str, poem: Poem, more: Sequence[str], asked: RuleOptions, chosen: Choice, *, tune: str = ""
) -> Callable[[], Wanted]:
    """Check what is asked now; what is returned loads the model, and says what it is to write.

    Where traditional characters are asked for, the model reads simplified ones, even if it knows both. A ci is shown
    sentence by sentence.
    """
    typed = asked.typed(lay_out(prompt, *poem.shapes))
    wishes = [*more, *preferred(asked, poem, chosen)]
    context = make_context(read_context_options(), form_names(poem), chosen.model, read_context())
    of = draws_per_text(chosen)

    def prepare() -> Wanted:
        engine = load_chosen(chosen)
        vocabulary = engine.tokenizer.vocabulary
        start, *rules = (in_model_script(text, asked.script, vocabulary) for text in (typed.start, *wishes))
        mention_unknown(engine.tokenizer.encode(start), spelling=False)
        context.mention_unknown(engine.tokenizer)
        mention_scripts((start, asked.acrostic, asked.template, asked.require), asked.script, engine.tokenizer)
        setting = card_setting(context, "词笺" if tune else "诗笺", topic=tune)
        return Wanted(
            engine,
            start,
            processors=("no_unk", "no_special", *poem.rules, *rules, *chosen.with_default(TEMPERATURE)),
            max_new=max(0, poem.widest - len(start)) * vocabulary.tokens_per_char,
            show=replace(show(poem.shape, typed, sentences=bool(tune)), setting=setting),
            context=context,
            choosing=lambda repeated: choose_best(
                of, lambda: scorer_of(engine, start, context, repeated), scored=chosen.json
            ),
            demanded=demanded(asked.acrostic, asked.template),
            script=asked.script,
        )

    return prepare
