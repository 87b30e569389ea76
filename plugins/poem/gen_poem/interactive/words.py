"""The commands of a session: how they are typed, and what they are for."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from gen_engine.errors import GenError, quoted

HELP = (
    ("Enter, n", "another text; fixed characters stay"),
    ("l 2", "line 2 anew, the rest kept"),
    ("c 1", "couplet 1 anew (of a ci, sentence 1), the rest kept"),
    ("x 2.3", "another character at line 2, place 3, the rest kept"),
    ("f 2.3 月", "fix 月 there, now and later; f 2.3 fixes what stands there"),
    ("d 2.3, d 2, d", "free it again, all of line 2, or all"),
    ("title 秋夜", "write by another title; so for form, rhyme, tones, acrostic"),
    ("title -", "and all options of the command; - takes it back"),
    ("a", "which options are given, and which may be"),
    ("w 2.3", "what the model wanted there, and which rules removed it"),
    ("u, r", "undo, and do again"),
    ("k, ls, b 1", "keep the text, list the kept ones, bring number 1 back"),
    ("s FILE", "save the kept texts, or this one if none is kept; to a .png or"),
    ("", ".svg, a picture of this one; s! replaces a file that is there"),
    ("?, q", "this list; quit (Ctrl-C stops what is being written)"),
)
"""Each command, and what it does."""

NAMES = {
    "": "n", "n": "n", "new": "n", "l": "l", "line": "l", "c": "c", "couplet": "c", "x": "x", "f": "f", "fix": "f",
    "d": "d", "free": "d", "w": "w", "why": "w", "a": "a", "given": "a", "u": "u", "undo": "u", "r": "r",
    "redo": "r", "k": "k", "keep": "k",
    "ls": "ls", "list": "ls", "b": "b", "back": "b", "s": "s", "save": "s", "s!": "s!", "?": "?", "h": "?",
    "help": "?", "q": "q", "quit": "q", "exit": "q",
}  # fmt: skip
"""The commands by all their names."""

TAKES = {"l": "n", "c": "n", "b": "n", "x": "p", "w": "p", "f": "p", "d": "?", "s": "t", "s!": "t"}
"""What follows a command: n a number, p a place, t a text, ? a number, a place or nothing. Others take nothing."""

LIKE = {"n": "a number, such as {} 2", "p": "a place, such as {} 2.3", "t": "the name of a file, such as {} poems.txt"}


@dataclass(frozen=True)
class Command:
    """A command as typed: its name, its line (or number) and place if it has them, and the text behind them.

    `option` is the option that it changes, if it does.
    """

    name: str
    line: int = 0
    place: int = 0
    text: str = ""
    option: str = ""


def parse(typed: str, options: Collection[str] = ()) -> Command:
    """The command that was typed; one of these options by its name changes it. GenError says what is wrong with it."""
    word, _, rest = typed.replace("\u3000", " ").strip().partition(" ")
    glued = re.fullmatch(r"([a-z]+)([0-9].*)", word.lower())
    if glued:
        word, rest = glued[1], f"{glued[2]} {rest}"
    option = word.lower().removeprefix("--").replace("_", "-")
    if option in options:
        return Command("o", text=rest.strip(), option=option)
    name = NAMES.get(word.lower())
    if name is None:
        raise GenError(f"{quoted(typed.strip())} is no command; ? lists them.")
    return _with_arguments(name, rest.strip())


def _with_arguments(name: str, rest: str) -> Command:
    takes = TAKES.get(name, "")
    found = re.fullmatch(r"([0-9]{1,5})(?:[.．。,，:]([0-9]{1,5}))?\s*(.*)", rest)
    line, place = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    text = found[3] if found else rest
    if takes == "t" and rest:
        return Command(name, text=rest)
    is_right = {
        "": not rest,
        "n": line and not place and not text,
        "p": line and place and (name == "f" or not text),
        "?": not text and (line or not rest),
        "t": False,
    }[takes]
    if not is_right:
        wanted = LIKE.get(takes, "nothing behind it" if not takes else "nothing, a line or a place, such as {} 2.3")
        raise GenError(f"{name} takes {wanted.format(name)}.")
    return Command(name, line, place, "".join(text.split()))
