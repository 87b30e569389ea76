"""The form of regular verse: rows of equal length, a comma after odd ones, a full stop after even ones and the last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from gen_engine.errors import GenError, quoted
from gen_engine.text import NO_CHAR, CharSet, is_han, is_punctuation
from gen_engine.types import CharMachine, Named

from ..verse.books import SIMPLIFIED
from ..verse.marks import PRINTED
from ..verse.resolve import First, Start, Tones, Wish, plain_name, resolve
from .rhyme_words import RhymeWords
from .specs import as_spec

HAN = "汉"
"""The sign for any Chinese character in a pattern."""

LONGEST = 50_000
"""How many characters the longest possible poem has."""


@dataclass(frozen=True)
class Form:
    """A character machine over the whole text, a poem of `rows` lines of `cols` Chinese characters.

    State: how many places are filled.
    """

    rows: int
    cols: int
    opening: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise GenError(f"A poem of {self.rows} rows of {self.cols} is none; give both from 1.")
        if self.rows * self.cols > LONGEST:
            raise GenError(
                f"A poem of {self.rows} rows of {self.cols} has {self.rows * self.cols} characters, and {LONGEST} are "
                "the most; ask for fewer."
            )

    @cached_property
    def pattern(self) -> str:
        """One sign for each place: 汉, ， or 。"""
        marks = ("，" if row % 2 == 0 and row + 1 < self.rows else "。" for row in range(self.rows))
        return "".join(HAN * self.cols + mark for mark in marks)

    def start(self, text: str) -> int:
        state = 0
        for char in text:
            after = self.step(state, char)
            if after is None:
                raise GenError(
                    f"The prompt {quoted(text)} does not fit form={self.rows}x{self.cols} at place {state + 1}; "
                    "lay it out as the form has it."
                )
            state = after
        return state

    def step(self, state: int, char: str) -> int | None:
        return state + 1 if state < len(self.pattern) and self._fits(self.pattern[state], char) else None

    @staticmethod
    def _fits(sign: str, char: str) -> bool:
        return is_han(char) if sign == HAN else char in PRINTED[sign]

    def accepts(self, state: int) -> bool:
        return state == len(self.pattern)

    def allowed(self, state: int) -> CharSet:
        if state == len(self.pattern):
            return NO_CHAR
        sign = self.pattern[state]
        return CharSet("han") if sign == HAN else CharSet(PRINTED[sign])

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        return [(self.allowed(state), state + 1)] if state < len(self.pattern) else []

    def min_remaining(self, state: int) -> int:
        return len(self.pattern) - state

    max_remaining = min_remaining

    def describe_next(self, state: int) -> str:
        if state == len(self.pattern):
            return "the end"
        line, place = divmod(state, self.cols + 1)
        wanted = "a Chinese character" if self.pattern[state] == HAN else self.pattern[state]
        return f"{wanted} at line {line + 1}, place {place + 1}"

    def kind(self, char: str) -> str | None:
        if is_han(char):
            return HAN
        return next((mark for mark in "，。" if char in PRINTED[mark]), None)

    def mark_at(self, state: int) -> str:
        """The mark to insert next; "" where a character is wanted, and at the end."""
        sign = self.pattern[state : state + 1]
        return "" if sign == HAN else sign

    def misfit(self, prompt: str, state: int, laid: str, rest: str) -> GenError:
        """Why `rest` of a prompt cannot follow `state`, and how long the prompt may be."""
        if state == len(self.pattern):
            return self._too_long(prompt)
        return self._misfit(prompt, rest[0], self.pattern[state])

    def _too_long(self, prompt: str) -> GenError:
        count = sum(map(is_han, prompt))
        return GenError(
            f"The prompt has {count} characters and a poem of {self.rows} rows of {self.cols} holds "
            f"{self.rows * self.cols}; shorten it to at most {self.rows * self.cols}, or ask for more rows."
        )

    def _misfit(self, prompt: str, char: str, sign: str) -> GenError:
        if is_punctuation(char):
            where = f"the form has {sign} there" if sign != HAN else "the form has a Chinese character there"
            return GenError(f"The prompt {quoted(prompt)} has {char} where it does not belong ({where}); leave it out.")
        return GenError(
            f"The prompt {quoted(prompt)} has {quoted(char)}, and a poem is Chinese characters only; leave it out."
        )


def form(
    size: str,
    *,
    tones: Tones = "loose",
    book: str = "",
    rhyme: tuple[str, ...] = (),
    start: Start | None = None,
    first: First | None = None,
    rows: int | None = None,
    variant: int | None = None,
) -> CharMachine:
    """Make the whole text a poem: ROWSxCOLS Chinese characters (4x5), a form (七律) or a tune (浣溪沙) of `gen forms`.

    A form or tune is kept with its tones and rhymes. `tones` is strict, loose or off, and `book` is the rhyme book (or
    none). `rhyme` is the group to rhyme in; where a tune changes its rhyme, it is several groups with bars between
    them.
    """
    if any(map(is_han, size)):
        return resolve(Wish(size, tones, book or None, rhyme, start, first, rows, variant))
    if (tones, book, rhyme, start, first, rows, variant) != ("loose", "", (), None, None, None, None):
        raise GenError(f"form={size} has neither tones nor rhymes; name a form of `gen forms`, such as form=七律.")
    high, _, wide = size.partition("x")
    if not (re.fullmatch(r"[0-9]{1,9}", high) and re.fullmatch(r"[0-9]{1,9}", wide)):
        raise GenError(f"form={size} is no size; write ROWSxCOLS, such as form=4x5, or a name of `gen forms`.")
    return Form(int(high), int(wide))


def distinct_rhymes(
    form: str,
    *,
    tones: Tones = "loose",
    book: str = "",
    rhyme: tuple[str, ...] = (),
    start: Start | None = None,
    first: First | None = None,
    rows: int | None = None,
    variant: int | None = None,
) -> CharMachine:
    """Forbid a rhyme word that stood at the end of another line of the same rhyme; written like `form=`."""
    return RhymeWords.of(resolve(Wish(form, tones, book or None, rhyme, start, first, rows, variant)))


REMEMBERED = 64
"""For how many forms the processors are remembered, so that requests for the same form share the work."""


@lru_cache(REMEMBERED)
def size_rules(rows: int, cols: int) -> tuple[Named, ...]:
    """The processor that makes a text `rows` lines of `cols` characters, named as a user writes it."""
    return (Named(f"form={rows}x{cols}", Form(rows, cols)),)


@lru_cache(REMEMBERED)
def form_rules(wish: Wish) -> tuple[Named, ...]:
    """The processors that make a text this form or tune, named as a user writes them. Where there are rhymes, one
    forbids repeated rhyme words."""
    verse = resolve(wish)
    options = {
        "tones": wish.tones if wish.tones != "loose" else None,
        "book": wish.book,
        "rhyme": tuple(rhyme.translate(SIMPLIFIED) for rhyme in wish.rhymes) or None,
        "start": wish.start,
        "first": wish.first,
        "rows": wish.rows,
        "variant": wish.variant,
    }
    name = plain_name(wish.name)
    found = Named(as_spec("form", name, **options), verse)
    if wish.book == "none":
        return (found,)
    return found, Named(as_spec("distinct_rhymes", name, **options), RhymeWords.of(verse))


EXAMPLES = {"form": ("form=2x1", "form=五绝,tones=strict", "form=浣溪沙"), "distinct_rhymes": ("distinct_rhymes=五绝",)}
ALPHABET = "白日依山尽黄河入海流欲穷千里目更上一层楼，。"
"""EXAMPLES are the specs that `gen plugins check` tries, ALPHABET the characters over which it tries them."""
