"""The options that `gen poem` and `gen ci` share, and the processors that they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from gen_engine.errors import GenError

from ..verse.books import BOOKS, SIMPLIFIED
from ..verse.resolve import Tones, Wish, plain_name
from .typed import At, Script, Typed

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """What was asked of tones, rhyme and characters; None or empty where nothing was."""

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
        """The form or tune that is asked for, with its tones and rhymes."""
        return Wish(name.strip(), self.tones or "loose", self.rhyme_book, self.rhyme)

    def refuse_verse(self) -> None:
        """GenError if tones or rhymes were asked of a poem that has none."""
        given = {"--tones": self.tones, "--rhyme-book": self.rhyme_book, "--rhyme": self.rhyme}
        for option, value in given.items():
            if value:
                raise GenError(f"{option} is for a form with tones and rhymes; name one, as in --form 五绝.")

    def places(self) -> tuple[str, ...]:
        """The processors that place characters."""
        at = "" if self.acrostic_at == "head" else f",at={self.acrostic_at}"
        found = [
            f"acrostic={as_value(self.acrostic)}{at}" if self.acrostic else "",
            f"template={as_value(self.template)}" if self.template else "",
            f"require={listed(self.require)}" if self.require else "",
            f"ban={listed(self.forbid)}" if self.forbid else "",
            "distinct" if self.distinct else "",
        ]
        return tuple(filter(None, found))

    def typed(self, start: str) -> Typed:
        """What was typed, in a poem that begins with `start`."""
        return Typed(start, self.acrostic, self.acrostic_at, self.template, self.script)


def rules(wish: Wish) -> tuple[str, ...]:
    """The processors that make a text this form or tune; where there are rhymes, no rhyme word stands twice."""
    given = {
        "tones": wish.tones if wish.tones != "loose" else None,
        "book": wish.book,
        "rhyme": "|".join(as_value(rhyme.translate(SIMPLIFIED)) for rhyme in wish.rhymes) or None,
        "start": wish.start,
        "first": wish.first,
        "rows": wish.rows,
        "variant": wish.variant,
    }
    # The name is no text: in traditional characters it would be taken for characters to write.
    written = as_value(plain_name(wish.name)) + "".join(
        f",{key}={value}" for key, value in given.items() if value is not None
    )
    return (f"form={written}", *([f"distinct_rhymes={written}"] if wish.book != "none" else []))


def as_value(value: str) -> str:
    """A value as it is written in a processor, in quotes if it needs them."""
    if not re.search(r"[,|'\"\\]", value):
        return value
    return "'" + value.replace("\\", r"\\").replace("'", r"\'") + "'"


def listed(items: str) -> str:
    """Characters as a list; or, where they are parted by bars, what stands between these."""
    parts = items.split("|") if "|" in items else [char for char in items if not char.isspace()]
    return "|".join(as_value(part) for part in parts if part)


def asking(command: Command) -> Command:
    """Give a command the shared options; inside it, `asked()` tells what was asked."""
    for option in reversed(_options()):
        command = option(command)
    return command


def asked() -> Asked:
    """The shared options of the command that is running."""
    return Asked(**click.get_current_context().meta[__name__])


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
