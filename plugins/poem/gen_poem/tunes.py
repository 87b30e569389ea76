"""The tunes of ci (词牌) after the imperial tune book of 1715 (钦定词谱), each with all its forms.

A rhyme is a letter; 叶 is the same letter in the other tone, 换韵 another letter. 叠 and 重, words that are repeated,
are lines like any other: that they are repeated is not asked for.
"""

from __future__ import annotations

import lzma
import re
from dataclasses import dataclass
from functools import cache

from gen_engine.errors import GenError

from .books import TABLES
from .patterns import Line, Pattern

LINE = re.compile(r"([平仄中]+)([A-Z]?)([，、。])")


@dataclass(frozen=True)
class Tune:
    """A tune: its names, the usual one first, and its forms; `form` of each is the usual name, `name` 第1体, ..."""

    names: tuple[str, ...]
    variants: tuple[Pattern, ...]

    def variant(self, number: int) -> Pattern:
        """The form of that number in the tune book; GenError names those there are."""
        for pattern in self.variants:
            if pattern.name == f"第{number}体":
                return pattern
        numbers = ", ".join(each.name[1:-1] for each in self.variants)
        raise GenError(f"{self.names[0]} has no form {number}; choose one of {numbers}.")


@cache
def _book() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """For each name its tune's names and the unread lines of its forms."""
    text = lzma.decompress((TABLES / "tunes.txt.xz").read_bytes()).decode()
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for block in text.split("\n\n"):
        first, *forms = block.splitlines()
        names = tuple(first.split("/"))
        found.update(dict.fromkeys(names, (names, tuple(forms))))
    return found


@cache
def _read(names: tuple[str, ...], forms: tuple[str, ...]) -> Tune:
    return Tune(names, tuple(_pattern(names[0], form) for form in forms))


def _pattern(name: str, form: str) -> Pattern:
    number, _, signs = form.partition(" ")
    lines = (Line((tones,), mark, rhyme) for tones, rhyme, mark in LINE.findall(signs))
    return Pattern(name, f"第{number}体", tuple(lines))


def tunes() -> list[str]:
    """The usual name of each tune, in the order of the book: from the shortest to the longest."""
    return list(dict.fromkeys(names[0] for names, _ in _book().values()))


@cache
def every_tune() -> tuple[Tune, ...]:
    """All tunes with all their forms, in the order of the book."""
    return tuple(_read(*entry) for entry in dict.fromkeys(_book().values()))


def search(part: str) -> list[Tune]:
    """The tunes in one of whose names the part occurs."""
    plain = _simple(part)
    found = dict.fromkeys(entry for name, entry in _book().items() if plain in name)
    return [_read(*entry) for entry in found]


def tune(name: str) -> Tune:
    """The tune of that name, any of its names, in simplified or traditional characters; GenError names near misses."""
    plain = _simple(name)
    if plain in _book():
        return _read(*_book()[plain])
    from difflib import get_close_matches

    near = get_close_matches(plain, _book(), 5, 0.4)
    remedy = f"take {', '.join(near)}, or what `gen forms` lists" if near else "`gen forms` lists those there are"
    raise GenError(f"The tune book knows no tune {name!r}; {remedy}.")


def _simple(name: str) -> str:
    """The name without blanks; in simplified characters, if it is not in the book as it stands."""
    bare = "".join(name.split())
    if bare in _book() or bare.isascii():
        return bare
    from .traditional import to_simplified

    return to_simplified(bare)
