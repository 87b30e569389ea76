"""Help pages that say everything: no description is cut short, and no line is wider than the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from .screen import cells, paint

SECOND = "\ufffe"
"""Stands for the second column of a double-width character. It is removed when a line is written."""

HYPHEN = "\uffff"
"""Stands for a hyphen at which no line breaks: an option is one word."""

EXAMPLES = "\ufdd0"
"""Begins an epilog that lists examples."""

UNCUT = 10**6
"""More characters than the first sentence of any help text has."""


class Page(click.HelpFormatter):
    """click's own layout, with Chinese characters as wide as they are shown. click offers no way but inheritance."""

    def write(self, string: str) -> None:
        super().write(string.replace(SECOND, "").replace(HYPHEN, "-"))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, _widened(args), prefix)

    def write_heading(self, heading: str) -> None:
        super().write(paint([(f"{'':>{self.current_indent}}{heading}:", "heading")], sys.stdout) + "\n")

    def write_text(self, text: str) -> None:
        if not text.startswith(EXAMPLES):
            return super().write_text(_widened(text))
        self.dedent()
        self.write_heading("Examples")
        for line in text.removeprefix(EXAMPLES).splitlines():
            self.write(f"  {line}\n")
        return self.indent()

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(_widened(term), _widened(value)) for term, value in rows], col_max, col_spacing)


class PageContext(click.Context):
    """A context whose help is a `Page`, which shows built-in defaults."""

    formatter_class: type[click.HelpFormatter] = Page

    def get_help(self) -> str:
        """The page. Files of defaults are not read for it: it comes whatever they say."""
        self.default_map = None
        return super().get_help()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: Any) -> bool | None:
        """A misuse that click's parser finds names no context; the innermost one is meant."""
        if isinstance(problem, click.UsageError) and problem.ctx is None:
            problem.ctx = self
        return super().__exit__(kind, problem, trace)


def examples(*commands: str) -> str:
    """The epilog of a command that shows how it is used: commands that run as they stand."""
    return EXAMPLES + "\n".join(commands)


def uncut(command: click.Command) -> click.Command:
    """The command, made to list its commands by whole sentences and to lay its help out as a `Page`. So do its
    subcommands.
    """
    command.context_class = PageContext
    if command.short_help is None and not command.deprecated:
        command.short_help = command.get_short_help_str(UNCUT)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            uncut(each)
    return command


def _widened(text: str) -> str:
    """The text with one character per column, and with unbreakable hyphens within words."""
    wide = "".join(SECOND * (cells(char) - 1) + char for char in text) if not text.isascii() else text
    words = (word.replace("-", HYPHEN) if word != "-" else word for word in wide.split(" "))
    return " ".join(words)
