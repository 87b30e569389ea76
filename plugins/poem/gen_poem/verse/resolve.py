"""Turns what people write about a form or a tune into the verse that they mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from gen_engine.errors import GenError, brief

from .books import BOOKS, EITHER, Book, book
from .patterns import FORMS, LONG_NAMES, NEIGHBOUR, SCRIPT, Pattern, patterns, without_tones
from .sounds import SILENT
from .tunes import simple, tune
from .verse import Verse

Tones = Literal["strict", "loose", "off"]
Start = Literal["平起", "仄起"]
First = Literal["rhymed", "unrhymed", "neighbour"]

REMEMBERED = 64
"""How many verses are remembered, each with the work done for it."""


@dataclass(frozen=True)
class Wish:
    """The form or tune that a user asks for: which of its patterns, and how they are judged.

    `book` is the rhyme book (None: pingshui for a form and cilin for a tune; "none": no rhyme is required). `rhymes`
    are the groups of the rhyme letters, in the order in which the letters begin. `rows` is for forms of no fixed
    length. `start` and `first` are for regulated verse, `variant` is for tunes.
    """

    name: str
    tones: Tones = "loose"
    book: str | None = None
    rhymes: tuple[str, ...] = ()
    start: Start | None = None
    first: First | None = None
    rows: int | None = None
    variant: int | None = None


def is_form(name: str) -> bool:
    """Whether it is a form of regulated or similar verse, rather than a tune."""
    return name.strip().translate(SCRIPT) in {*FORMS, *LONG_NAMES}


def plain_name(name: str) -> str:
    """The name of a form or tune in simplified characters."""
    return name.strip().translate(SCRIPT) if is_form(name) else simple(name)


@lru_cache(maxsize=REMEMBERED)
def resolve(wish: Wish) -> Verse:
    """The verse that is meant, one object for equal wishes. GenError names what does not exist, and what does."""
    found = _of_form(wish) if is_form(wish.name) else _of_tune(wish)
    name = wish.book or ("pingshui" if is_form(wish.name) else "cilin")
    if name == "none":
        if wish.rhymes or wish.first == NEIGHBOUR:
            raise GenError("A rhyme was asked for without a rhyme book; leave one of them out.")
        found = tuple(_without_rhyme(pattern) for pattern in found)
        name = "pingshui"
    if wish.first == NEIGHBOUR:
        _refuse_lonely(book(name), wish.rhymes)
    found = _with_letters(found, wish)
    judged = any(line.rhyme or set("".join(line.tones)) != {EITHER} for pattern in found for line in pattern.lines)
    chosen = book(name) if judged or name not in BOOKS else SILENT
    return Verse(found, chosen, tuple(chosen.find(rhyme) for rhyme in wish.rhymes))


def _refuse_lonely(rules: Book, rhymes: tuple[str, ...]) -> None:
    """GenError if there is no neighbouring rhyme to borrow."""
    if not rules.neighbours:
        raise GenError(
            f"first={NEIGHBOUR} borrows a neighbouring rhyme, which only 平水韵 has; leave out {rules.name}."
        )
    for rhyme in rhymes:
        if rules.find(rhyme) not in rules.neighbours:
            raise GenError(
                f"first={NEIGHBOUR} borrows a neighbouring rhyme, and {brief(rhyme)} has none; change one of them."
            )


def _of_form(wish: Wish) -> tuple[Pattern, ...]:
    if wish.variant is not None:
        raise GenError(f"variant={wish.variant} is for tunes, and {brief(wish.name)} is a form; leave it out.")
    return patterns(wish.name, tones=wish.tones, start=wish.start or "", first=wish.first or "", rows=wish.rows)


def _of_tune(wish: Wish) -> tuple[Pattern, ...]:
    for what in ("start", "first", "rows"):
        if getattr(wish, what) is not None:
            raise GenError(f"{what} is for forms of regulated verse, and {brief(wish.name)} is a tune; leave it out.")
    meant = tune(wish.name, forms=FORMS)
    found = meant.variants if wish.variant is None else (meant.variant(wish.variant),)
    return tuple(without_tones(pattern) for pattern in found) if wish.tones == "off" else found


def _with_letters(found: tuple[Pattern, ...], wish: Wish) -> tuple[Pattern, ...]:
    """Those patterns that have a rhyme for each group asked for."""
    letters = [len({line.rhyme for line in pattern.lines} - {""}) for pattern in found]
    if len(wish.rhymes) > max(letters):
        raise GenError(
            f"{brief(wish.name)} rhymes in {max(letters)} of the {len(wish.rhymes)} groups asked for "
            f"({brief('、'.join(wish.rhymes))}), as it has no more rhymes; leave out the others."
        )
    return tuple(each for each, count in zip(found, letters, strict=True) if count >= len(wish.rhymes))


def _without_rhyme(pattern: Pattern) -> Pattern:
    return replace(pattern, lines=tuple(replace(line, rhyme="") for line in pattern.lines))
