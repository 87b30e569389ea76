"""`--best-of N`: how many texts the commands of verse sample for each one that they print, and which one they print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gen_engine.cli.options import Choice
from gen_engine.cli.output import Choosing, Drawn
from gen_engine.errors import GenError
from gen_engine.hooks.specs import parse_spec

from .known_lines import read_known_lines
from .scoring import BEST_OF, Scorer, repeats

if TYPE_CHECKING:
    from gen_engine.engine import Engine
    from gen_engine.types import Completion

    from .context import Context

Command = TypeVar("Command", bound=Callable[..., Any])

TEMPERATURE = "temperature=0.9"
"""How texts are sampled by default; the figures are in the recipe's README."""

MOST = 1000
"""The most texts that may be sampled for one; all of them are kept until the best is known."""

WHY_ONE = {
    "beam": "tells the best texts that it finds as it is",
    "greedy": "writes the same text each time",
}
"""The decoders that do not sample, and why several texts of them are of no use."""


def best_of_option(command: Command) -> Command:
    """Give a command `--best-of N`; inside it, `draws_per_text(choice())` is N."""
    return click.option(
        "--best-of",
        type=click.IntRange(1, MOST),
        metavar="N",
        expose_value=False,
        callback=_keep,
        help=f"Draw N texts for each that is told, and tell the best; 1 takes them as they come.  "
        f"[default: {BEST_OF}; 1 with another --decoder than sample]",
    )(command)


def _keep(context: click.Context, parameter: click.Parameter, value: int | None) -> None:
    context.meta.setdefault(__name__, {})[parameter.name] = value


def best_of_given() -> int | None:
    """The --best-of of the command that is running, if given."""
    found: int | None = click.get_current_context().meta[__name__]["best_of"]
    return found


def draws_per_text(chosen: Choice) -> int:
    """How many texts are sampled for each one printed. GenError for several by a decoder that does not sample."""
    given = best_of_given()
    name = parse_spec(chosen.decoder).name.rpartition(":")[2]
    if given is None:
        return BEST_OF if name == "sample" else 1
    if given > 1 and name in WHY_ONE:
        raise GenError(f"--best-of is for texts drawn at random, and {name} {WHY_ONE[name]}; leave one of them out.")
    return given


def choose_best(of: int, scorer: Callable[[], Scorer], *, scored: bool) -> Choosing:
    """The best of each `of` texts, with its score for JSON; single texts are scored only where `scored` says so."""

    def choose(drawn: Iterator[Completion]) -> Iterator[Drawn]:
        if of == 1 and not scored:
            return ((done, {}) for done in drawn)
        return scorer().best_with_scores(drawn, of)

    return Choosing(of, choose)


def scorer_of(engine: Engine, start: str, context: Context, demanded: int = 0) -> Scorer:
    """The scorer of texts that begin with `start`, after the model's context, and contain demanded repetitions.

    GenError if the model's file of known lines is damaged.
    """
    plain = None if context.without_title is None else engine.read(start, context.without_title)
    known = None if engine.folder is None else read_known_lines(engine.folder)
    return Scorer(engine, engine.read(start, context.told(engine)), plain, known, demanded)


def demanded(acrostic: str, template: str) -> int:
    """How many repetitions an acrostic and a template demand."""
    given = "".join(acrostic.split())
    return len(given) - len(set(given)) + repeats(template)
