"""What a terminal shows: its width, the width of characters, where lines may break, and the few styles.

No style says more than the words do. All suit dark and light backgrounds.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from io import StringIO
from itertools import groupby
from operator import itemgetter
from typing import TextIO
from unicodedata import category, east_asian_width

from ..errors import tame

STYLES = {
    "": "",
    "heading": "1",  # bold
    "name": "1",
    "error": "1;31",  # red
    "wrong": "31",
    "right": "32",  # green
    "note": "35",  # magenta
    "quiet": "2",  # dim
    "chosen": "1;32",
    "removed": "31;9",  # struck out
}
"""The names of all styles. The values are the codes of terminals (SGR)."""

UNBROKEN = 10**9
"""The most columns of any line."""

USUAL = 80
"""Columns of a terminal that does not report its width."""

HARD_BLANK = "\u00a0"
"""A blank at which no line is broken. Tables print it as a blank."""

Span = tuple[str, str]
"""Some text, and the name of its style."""

Words = str | Sequence[Span]
"""Text without a style, or in several."""

CHUNK = re.compile(r"[^ ，。；：、！？]*[，。；：、！？]* *")
"""What stays together on one line: a word, or Chinese up to a punctuation mark, with the blanks after it."""

PARTS = (re.compile(r"\[?[^\[]+|\["), re.compile(r"[^,|/=]*[,|/=]|[^,|/=]+"))
"""What stays together within a word that is longer than a line: `[,exempt=text]` of a specification, else `exempt=`, or
`old/` of a path. If that is too long as well, single characters.
"""


# ----------------------------------------------------------------------------------------- what the terminal can do


def width_of(file: TextIO) -> int | None:
    """How many columns a terminal has; None if the file is no terminal. COLUMNS overrides what the terminal reports."""
    if not _is_terminal(file):
        return None
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(file.fileno()).columns or USUAL
    except (OSError, ValueError):  # a terminal in name only, as in tests
        return USUAL


def is_coloured(file: TextIO) -> bool:
    """Whether styles are shown. They are on a terminal, unless NO_COLOR, CLICOLOR=0, FORCE_COLOR=0 or TERM=dumb is set.

    FORCE_COLOR and CLICOLOR_FORCE also colour standard output and standard error that are no terminals, but no file. On
    Windows only the newer terminal counts as capable of colours.
    """
    wanted = os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE")
    if os.environ.get("NO_COLOR") or wanted == "0":
        return False
    if wanted:
        return file in (sys.stdout, sys.stderr)
    knows = os.environ.get("TERM") != "dumb" and (sys.platform != "win32" or "WT_SESSION" in os.environ)
    return knows and _is_terminal(file) and os.environ.get("CLICOLOR") != "0"


def _is_terminal(file: TextIO) -> bool:
    return not file.closed and file.isatty()


# ------------------------------------------------------------------------------------------------- styles and width


def paint(words: Words, file: TextIO) -> str:
    """The words as printed into `file`: with styles if it shows them, and harmless to a terminal."""
    if not is_coloured(file):
        return tame(plain(words), file)
    painted = []
    for style, group in groupby([span for span in spans(words) if span[0]], key=itemgetter(1)):
        text = tame("".join(text for text, _ in group), file)
        painted.append(f"\x1b[{STYLES[style]}m{text}\x1b[0m" if style else text)
    return "".join(painted)


def spans(words: Words) -> Sequence[Span]:
    """Text as spans."""
    return [(words, "")] if isinstance(words, str) else words


def plain(words: Words) -> str:
    """Text without its styles."""
    return words if isinstance(words, str) else "".join(text for text, _ in words)


def styled(words: Words, style: str) -> list[Span]:
    """Text in a style, where it has no style of its own."""
    return [(text, own or style) for text, own in spans(words)]


def cells(text: str) -> int:
    """How many columns a text takes: two for Chinese characters and full-width marks, none for combining marks."""
    return len(text) if text.isascii() else sum(map(_cell, text))


@lru_cache(maxsize=4096)
def _cell(char: str) -> int:
    if category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits `width` columns followed by `…`."""
    if cells(text) <= width:
        return text
    kept = 0
    for place, char in enumerate(text):
        kept += cells(char)
        if kept > width - 1:
            return text[:place].rstrip() + "…"
    return text


# ------------------------------------------------------------------------------------------------------ line breaks


def fold(words: Words, width: int, *, whole: bool = False) -> list[list[Span]]:
    """Words as lines of at most `width` columns, broken at blanks and after Chinese marks. Only a word longer than a
    line is broken within: before [ or after one of , | / = if possible. With `whole`, such a word is left too long.
    """
    text, width = plain(words), max(2, width)
    finer = (CHUNK,) if whole else (CHUNK, *PARTS)
    return [list(_slice(spans(words), *ends)) for ends in _breaks(_pieces(text, width, finer, whole), width)]


def longest_word(words: Words) -> int:
    """The columns of the longest word: no narrower lines are possible without cutting one."""
    return max(cells(chunk.rstrip(" ")) for chunk in CHUNK.findall(plain(words)))


def _breaks(pieces: Iterable[str], width: int) -> Iterator[tuple[int, int]]:
    """Where the lines of a text of these pieces begin and end. Blanks between two lines belong to neither."""
    start = end = place = used = 0
    for piece in pieces:
        shown = piece.rstrip(" ")  # a combining mark has no width, but takes the blanks before it onto its line
        if shown and used + cells(shown) > width:
            if end > start:
                yield start, end
            start, used = place, 0
        used += cells(piece)
        place += len(piece)
        end = place - len(piece) + len(shown) if shown else end
    yield start, max(start, end)


def _pieces(text: str, width: int, finer: Sequence[re.Pattern[str]], whole: bool) -> Iterator[str]:
    for piece in finer[0].findall(text):
        if cells(piece.rstrip(" ")) <= width or (whole and len(finer) == 1):
            yield piece
        elif len(finer) == 1:
            yield from piece
        else:
            yield from _pieces(piece, width, finer[1:], whole)


def _slice(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    place = 0
    for text, style in spans:
        piece = text[max(0, start - place) : max(0, end - place)]
        place += len(text)
        if piece:
            yield piece, style


def say(words: Words, *, indent: str = "", file: TextIO | None = None) -> None:
    """Print a sentence on standard output, or into `file`. On a terminal its lines fit; elsewhere it is one line."""
    out = file or results()
    for line in hang(words, width_of(out), indent=indent, hanging=indent + "  "):
        print(paint(line, out), file=out)


_results: ContextVar[StringIO | None] = ContextVar("results", default=None)


@contextmanager
def results_kept() -> Iterator[StringIO]:
    """Inside, in this thread, what commands print on standard output goes here instead."""
    kept = StringIO()
    token = _results.set(kept)
    try:
        yield kept
    finally:
        _results.reset(token)


def results() -> TextIO:
    """Where commands print: standard output, or what `results_kept` keeps."""
    return _results.get() or sys.stdout


_kept: ContextVar[list[str] | None] = ContextVar("notes", default=None)


@contextmanager
def notes_kept() -> Iterator[list[str]]:
    """Inside, what `note` says goes into this list."""
    notes: list[str] = []
    token = _kept.set(notes)
    try:
        yield notes
    finally:
        _kept.reset(token)


def note(words: str, head: str = "note:", style: str = "note") -> None:
    """Say a sentence on standard error, after a coloured head if there is one.

    On a terminal, lines break at blanks, but never within a word or `backquotes`, so that those can be copied. Inside
    `notes_kept`, nothing is printed.
    """
    kept = _kept.get()
    if kept is not None:
        kept.append(words)
        return
    told = re.sub("`[^`]*`", lambda quoted: quoted[0].replace(" ", HARD_BLANK), words)
    spans = [(head, style), (f" {told}", "")] if head else [(told, "")]
    for line in fold(spans, width_of(sys.stderr) or UNBROKEN, whole=True):
        print(paint(line, sys.stderr).replace(HARD_BLANK, " "), file=sys.stderr, flush=True)


def hang(words: Words, width: int | None, *, indent: str = "", hanging: str | None = None) -> list[list[Span]]:
    """Lines of words after an indent, and after a `hanging` indent from the second line on; one line without a
    width.
    """
    if width is None:
        return [[(indent, ""), *spans(words)]]
    rest = indent if hanging is None else hanging
    lines = fold(words, width - max(cells(indent), cells(rest)))
    return [[(rest if number else indent, ""), *line] for number, line in enumerate(lines)]
