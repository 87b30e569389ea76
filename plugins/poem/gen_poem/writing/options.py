"""The options that `gen poem` and `gen ci` share, and the processors that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from gen_engine.errors import GenError

from ..rules.specs import as_spec
from ..verse.books import BOOKS
from ..verse.resolve import Tones, Wish
from .script import At, Script, TypedText

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class RuleOptions:
    """The options for tones, rhyme and characters; None or empty where not given."""

    tones: Tones | None
    rhyme_book: str | None
    rhyme: tuple[str, ...]
    acrostic: str
    acrostic_at: At
    template: str
    require: str
    forbid: str
    distinct: bool
    script: Script | None

    def wish(self, name: str) -> Wish:
        """The chosen form or tune, with its tones and rhymes."""
        return Wish(name.strip(), self.tones or "loose", self.rhyme_book, self.rhyme)

    def refuse_verse(self) -> None:
        """Raise GenError if tones or rhymes were asked for in a poem that has none."""
        given = {"--tones": self.tones, "--rhyme-book": self.rhyme_book, "--rhyme": self.rhyme}
        for option, value in given.items():
            if value:
                raise GenError(f"{option} is for a form with tones and rhymes; name one, as in --form 五绝.")

    def processors(self) -> tuple[str, ...]:
        """The processors about single characters: which ones stand where, and which must or must not occur."""
        at = None if self.acrostic_at == "head" else self.acrostic_at
        found = [
            as_spec("acrostic", self.acrostic, at=at) if self.acrostic else "",
            as_spec("template", self.template) if self.template else "",
            as_spec("require", *listed(self.require)) if self.require else "",
            as_spec("ban", *listed(self.forbid)) if self.forbid else "",
            "distinct" if self.distinct else "",
        ]
        return tuple(filter(None, found))

    def typed(self, start: str) -> TypedText:
        """The characters that the user typed, in a poem that begins with `start`."""
        return TypedText(start, self.acrostic, self.acrostic_at, self.template, self.script)


def listed(items: str) -> list[str]:
    """The characters one by one; or, where there are bars, the parts between these."""
    return [
        part for part in (items.split("|") if "|" in items else items) if part and ("|" in items or not part.isspace())
    ]


def rule_options(command: Command) -> Command:
    """Give a command the shared options; inside it, `read_rule_options()` returns them."""
    for option in reversed(_options()):
        command = option(command)
    return command


def read_rule_options() -> RuleOptions:
    """The shared options of the command that is running."""
    return RuleOptions(**click.get_current_context().meta[__name__])


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(__name__, {})[parameter.name] = value


def _options() -> list[Callable[[Command], Command]]:
    def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
        return click.option(*names, expose_value=False, callback=_keep, **settings)

    return [
        option("--tones", type=click.Choice(["strict", "loose", "off"]), help="How tones are kept [default: loose]."),
        option("--rhyme-book", type=click.Choice([*BOOKS, "none"]),
               help="Whose rhymes and tones; none asks for no rhyme."),
        option("--rhyme", multiple=True, metavar="GROUP",
               help="Rhyme in this group, such as 东; repeat where it changes."),
        option("--acrostic", default="", metavar="TEXT", help="Line n begins with the n-th character of TEXT."),
        option("--acrostic-at", type=click.Choice(["head", "tail", "diagonal"]), default="head", show_default=True,
               help="Where in its line each character of --acrostic stands."),
        option("--template", default="", metavar="TEXT", help="Fill the □ of TEXT: '床前□□光，□□□□□。'"),
        option("--require", default="", metavar="CHARS",
               help="Each of these characters stands somewhere, all over the text."),
        option("--forbid", default="", metavar="CHARS", help="None of these does; between bars, strings: 春风|愁."),
        option("--distinct", is_flag=True, help="No character stands twice."),
        option("--script", type=click.Choice(["simp", "trad"]),
               help="Print all in one script [default: yours as typed, the rest as the model writes]."),
    ]  # fmt: skip
