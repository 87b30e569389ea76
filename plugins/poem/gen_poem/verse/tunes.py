"""The tunes of ci (词牌) with all their forms, after the tune book of 1715 (钦定词谱) and 龙榆生《唐宋词格律》.

A rhyme is a letter; 叶 is the same letter in the other tone, 换韵 is another letter. Repeated words (叠 and 重) are
lines like any other; that they repeat is not required. `tables/README.md` says where a line is free.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from gen_engine.errors import GenError, quoted

from .books import TABLES
from .patterns import Line, Pattern

LINE = re.compile(r"([平仄中/]+)([A-Z]?)([，、。])")

SECOND, FROM = "龙", 100
"""The prefix of the names of forms that only 龙榆生 has (龙1), and the offset of their numbers (101)."""

Entry = tuple[tuple[str, ...], tuple[str, ...]]
"""A tune's names and the unparsed lines of its forms."""


@dataclass(frozen=True)
class Tune:
    """A tune: its names, the usual one first, and its forms; in each, `form` is the usual name, `name` 第1体 etc.

    A name that several tunes have (浪淘沙) means all of them. Their forms follow each other, each with its own tune in
    `form`.
    """

    names: tuple[str, ...]
    variants: tuple[Pattern, ...]

    def variant(self, number: int) -> Pattern:
        """The form of that number in the tune book, or, from 101 on, of 龙榆生; GenError names the existing ones."""
        for pattern in self.variants:
            if number_of(pattern) == number:
                return pattern
        by_tune: dict[str, list[str]] = {}
        for each in self.variants:
            by_tune.setdefault(each.form, []).append(str(number_of(each)))
        several = len(by_tune) > 1
        numbers = "; ".join(f"{f'of {name} ' * several}{', '.join(found)}" for name, found in by_tune.items())
        remedy = "name one of these tunes and a form of it:" if several else "choose one of"
        raise GenError(f"{self.names[0]} has no form {number}; {remedy} {numbers}.")


def number_of(pattern: Pattern) -> int:
    """The number by which a form of a tune is asked for: 3 of 第3体, 101 of 龙1."""
    if pattern.name.startswith(SECOND):
        return FROM + int(pattern.name.removeprefix(SECOND))
    return int(pattern.name[1:-1])


@cache
def _entries() -> tuple[Entry, ...]:
    """The tunes in the order of the book: from the shortest to the longest."""
    text = lzma.decompress((TABLES / "tunes.txt.xz").read_bytes()).decode()
    blocks = (block.splitlines() for block in text.split("\n\n"))
    return tuple((tuple(first.split("/")), tuple(forms)) for first, *forms in blocks)


@cache
def _book() -> dict[str, tuple[Entry, ...]]:
    """For each name the tunes that it means, first the tune whose usual name it is."""
    found: dict[str, list[Entry]] = {}
    for entry in _entries():
        for number, name in enumerate(entry[0]):
            meant = found.setdefault(name, [])
            meant.insert(0 if number == 0 else len(meant), entry)
    return {name: tuple(entries) for name, entries in found.items()}


@cache  # at most one for each tune of the book
def _read(entry: Entry) -> Tune:
    names, forms = entry
    return Tune(names, tuple(_pattern(names[0], form) for form in forms))


def _pattern(name: str, form: str) -> Pattern:
    number, _, signs = form.partition(" ")
    lines = (Line(tuple(tones.split("/")), mark, rhyme) for tones, rhyme, mark in LINE.findall(signs))
    return Pattern(name, number if number.startswith(SECOND) else f"第{number}体", tuple(lines))


@cache  # at most one for each name in the book
def _meant(name: str) -> Tune:
    """All tunes of that name as one."""
    found = [_read(entry) for entry in _book()[name]]
    return Tune(found[0].names, tuple(each for one in found for each in one.variants))


def tunes() -> list[str]:
    """The usual name of each tune, in the order of the book: from the shortest to the longest."""
    return [names[0] for names, _ in _entries()]


@cache
def every_tune() -> tuple[Tune, ...]:
    """All tunes with all their forms, in the order of the book."""
    return tuple(map(_read, _entries()))


def search(part: str) -> list[Tune]:
    """The tunes in one of whose names the part occurs."""
    plain = simple(part)
    return [_read(entry) for entry in _entries() if any(plain in name for name in entry[0])]


def tune(name: str, *, forms: Sequence[str] = ()) -> Tune:
    """The tune with this name among its names, in simplified or traditional characters; GenError names similar ones,
    and similar `forms` if the name might have been that of a form.
    """
    plain = simple(name)
    if plain in _book():
        return _meant(plain)
    from difflib import get_close_matches

    near = [*get_close_matches(plain, forms, 3, 0.4), *get_close_matches(plain, _book(), 5, 0.4)][:5]
    remedy = f"take {', '.join(near)}, or what `gen forms` lists" if near else "`gen forms` lists those there are"
    raise GenError(f"{'There is no form and' if forms else 'The tune book knows'} no tune {quoted(name)}; {remedy}.")


def simple(name: str) -> str:
    """The name without blanks; in simplified characters unless the book has it as typed."""
    bare = "".join(name.split())
    if bare in _book() or bare.isascii():
        return bare
    from .traditional import to_simplified

    return to_simplified(bare)
