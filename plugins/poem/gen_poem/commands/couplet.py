"""`gen couplet`: the second line to a first one, or both lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.contexts import contexted, read_context
from gen_engine.cli.options import Choice, choice, explaining, generating, pictured
from gen_engine.cli.output import Choosing, Drawn, Show, load_chosen, mention_unknown, opened
from gen_engine.errors import GenError, brief, quoted
from gen_engine.system.help_pages import examples
from gen_engine.system.screen import note

from ..interactive.loop import converse
from ..interactive.option import interactive_option, is_interactive
from ..rules.couplet import Couplet, couplet_of, shape_of
from ..rules.form import HAN
from ..verse.books import BOOKS
from ..verse.layout import lay_out
from ..verse.marks import widths, without_end_marks
from ..writing.best_of import best_of_option, choose_best, draws_per_text, scorer_of
from ..writing.context import COUPLET, Context, context_options, make_context, read_context_options
from ..writing.couplet_separator import other_separator
from ..writing.preferences import unrepeated
from ..writing.scoring import repeats
from ..writing.script import Script, TypedText, in_model_script, mention_scripts
from ..writing.write import Wanted, card_setting

if TYPE_CHECKING:
    from gen_engine.engine import Engine
    from gen_engine.text import Vocabulary
    from gen_engine.types import Completion, LanguageModel

PAIRS = "no_repeat_ngram=2"
"""A further default, unless the user says otherwise or the first line demands that a pair is repeated."""

DEFAULTS = ("temperature=0.7", "top_k=50", "top_p=0.95")
"""How characters are drawn, unless the user says otherwise."""

COLS = 7


@click.command(
    "couplet", epilog=examples("gen couplet --first 春满神州花似锦", "gen couplet --cols 4，5 --num 3 --seed 1")
)
@click.option("--first", default="", metavar="LINE", help="The first line; the second is written to it.")
@click.option("--prompt", default="", metavar="TEXT", help="Without --first: how the couplet begins.")
@click.option("--cols", metavar="N", help="Without --first: characters a line, or its parts, as in 4，5.  [default: 7]")
@click.option("--tones", type=click.Choice(["on", "off"]), default="on", show_default=True,
              help="Oppose the lines in tone, the first ending oblique and the second level.")  # fmt: skip
@click.option("--rhyme-book", type=click.Choice(BOOKS), default=BOOKS[0], show_default=True,
              help="The book that says what tones characters have.")  # fmt: skip
@click.option("--script", type=click.Choice(["simp", "trad"]),
              help="Print all in one script [default: yours as typed, the rest as the model writes].")  # fmt: skip
@click.option("--not-in", metavar="FILE", help="Write no line that stands in FILE, such as the couplets trained on.")
@context_options
@contexted
@best_of_option
@interactive_option
@explaining
@pictured
@generating("poem")
def couplet_command(
    first: str, prompt: str, cols: str | None, tones: str, rhyme_book: str, script: Script | None, not_in: str | None
) -> None:
    """Write couplets (对联): two lines of one length, opposed in tone, that share no character.

    Where the first line repeats a character, the second repeats its counterpart. Marks within the first line stand in
    the second too, so the whole has 2N + 2 characters. No pair of characters is repeated unless the first line demands
    it. Characters are sampled at temperature 0.7 from the 50 likeliest, and of these from the top 0.95. Options
    --temperature, --top-k, --top-p and --with change this. With --beams 8, the likeliest couplet is searched for
    instead.
    """
    line = without_end_marks(first)
    if first and not line:
        raise GenError(f"The first line {quoted(first)} has no characters; write one, such as 春满神州花似锦.")
    shape = _shape(line, prompt, cols)
    book = rhyme_book if tones == "on" else "none"
    machine = couplet_of(shape, book=book, not_in=not_in)
    start = lay_out(prompt, machine) if prompt else machine.full_width(line + "，" * bool(line))
    _check_ending(machine, start, book)
    chosen = choice()
    context = make_context(read_context_options(), COUPLET, chosen.model, read_context())
    prepare = _preparing(machine, start, chosen, script, context)
    if is_interactive(chosen):
        return converse(prepare, chosen, book=book)
    with opened(chosen.out, lines=True) as out:
        return prepare().write(out, chosen)


def _shape(line: str, prompt: str, cols: str | None) -> str:
    if line and prompt:
        raise GenError("Both --first and --prompt were given; give the whole first line, or how it begins.")
    if not line:
        return cols or str(COLS)
    shape = shape_of(line)
    if cols is not None and cols != shape:
        raise GenError(f"The first line is of the shape {brief(shape)}, and --cols is {cols}; leave out --cols.")
    return shape


def _check_ending(machine: Couplet, start: str, book: str) -> None:
    first = machine.split(start)[0].rstrip("，") if start else ""
    wrong = machine.ends_wrong(first) if len(first) == len(machine.line) else ""
    if wrong:
        raise GenError(
            f"The first line {quoted(first)} ends in {wrong}, which {book} does not have in an oblique "
            "tone (仄), as a first line ends; end it otherwise, or give --tones off."
        )


def _check_marks(machine: Couplet, start: str, vocabulary: Vocabulary, model: str) -> None:
    """Raise GenError if the model lacks a mark that it has to write after `start`."""
    rest = (sign for sign in machine.pattern[len(start) :] if sign != HAN)
    lacking = next((mark for mark in rest if not any(char in vocabulary.carriers for char in widths(mark))), None)
    if lacking is not None and lacking in machine.line:
        raise GenError(f"The model {model} does not know the mark {lacking}, and the second line needs it; write ，.")
    if lacking is not None:
        raise GenError(
            f"The model {model} does not know the mark {lacking} that ends a line of a couplet; take another model, or "
            "train one with `gen train gpt2 --separator ， --ending 。`."
        )


def processors_for(machine: Couplet, start: str, chosen: Choice) -> tuple[Any, ...]:
    """The whole chain of a couplet that begins with `start`: the rules, what the user chose, and the defaults.

    `no_repeat_ngram=2` is left out where every couplet must repeat a pair.
    """
    defaults = DEFAULTS if machine.must_repeat(start, 2) else (PAIRS, *DEFAULTS)
    added = tuple(spec for each in defaults for spec in chosen.with_default(each)[len(chosen.processors) :])
    rules = tuple(spec for spec in added if spec == PAIRS)
    drawn = (*unrepeated(chosen), *chosen.processors, *(spec for spec in added if spec != PAIRS))
    return ("no_unk", "no_special", machine.named, *rules, *drawn)


def _note_separator(model: LanguageModel, line: str, name: str) -> None:
    found = other_separator(model, line)
    if found:
        note(
            f"behind a first line the model {name} expects {found}: it learned another separator; "
            "take another model, or train one with `gen train gpt2 --separator ，`."
        )


def _noting(
    completions: Iterator[Completion], model: LanguageModel, machine: Couplet, name: str
) -> Iterator[Completion]:
    """The `completions`; after the first line of the first one, the model is asked which mark it expects."""
    for index, done in enumerate(completions):
        if index == 0:
            _note_separator(model, done.text[: len(machine.line)], name)
        yield done


def _preparing(
    machine: Couplet, start: str, chosen: Choice, script: Script | None, context: Context
) -> Callable[[], Wanted]:
    """What loads the model, and says what it is to write."""
    typed = TypedText(start, script=script)
    of = draws_per_text(chosen)

    def prepare() -> Wanted:
        engine = load_chosen(chosen)
        begun = in_model_script(start, script, engine.tokenizer.vocabulary)
        processors = _checked_processors(machine, begun, chosen, script, context, engine)
        whole_line = len(begun) > len(machine.line)
        if whole_line and not context.given.option:
            _note_separator(engine.model, begun[: len(machine.line)], chosen.model)

        def show(text: str) -> str:
            """A couplet, or the new part of one, shown with the characters and marks of its beginning."""
            missing = len(machine.pattern) - len(text)
            return typed.shown(machine.full_width(begun[:missing] + text))[missing:]

        def choosing(demanded: int) -> Choosing:
            best = choose_best(of, lambda: scorer_of(engine, begun, context, demanded), scored=chosen.json)
            asks_mark = not whole_line and not context.given.option

            def choose(drawn: Iterator[Completion]) -> Iterator[Drawn]:
                return best.choose(_noting(drawn, engine.model, machine, chosen.model) if asks_mark else drawn)

            return Choosing(of, choose)

        return Wanted(
            engine,
            begun,
            processors,
            max_new=(len(machine.pattern) - len(begun)) * engine.tokenizer.vocabulary.tokens_per_char,
            # Shown when they are whole: traditional characters depend on what follows.
            show=Show(show, machine.split, streams=False, setting=card_setting(context, "楹联", scrolls=True)),
            context=context,
            choosing=choosing,
            demanded=repeats(begun) if whole_line else 0,  # the second line has as many as the first
            script=script,
        )

    return prepare


def _checked_processors(
    machine: Couplet, start: str, chosen: Choice, script: Script | None, context: Context, engine: Engine
) -> tuple[Any, ...]:
    """The chain, after a look at what the model does not know."""
    vocabulary = engine.tokenizer.vocabulary
    _check_marks(machine, start, vocabulary, chosen.model)
    mention_unknown(engine.tokenizer.encode(start), spelling=False)
    context.mention_unknown(engine.tokenizer)
    mention_scripts([start], script, engine.tokenizer)
    processors = processors_for(machine, start, chosen)
    if PAIRS not in processors and PAIRS in chosen.with_default(PAIRS):
        note(f"the second line must repeat a pair, as the first does: {PAIRS} is left out.")
    return processors
