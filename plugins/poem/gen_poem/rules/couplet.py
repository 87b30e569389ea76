"""Couplets (对联): 上联，下联。 of one shape, opposed in tone, the first ending oblique and the second level."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby, zip_longest
from typing import ClassVar

from gen_engine.errors import GenError, brief, quoted
from gen_engine.hooks.specs import Opened
from gen_engine.text import is_han, is_punctuation
from gen_engine.types import CharMachine, Named

from ..verse.books import OBLIQUE
from ..verse.marks import BETWEEN
from .form import HAN
from .machine import Together
from .parallel import NO_TONES, Lines, Opposed, Tones, Unshared, tones_of
from .specs import as_spec
from .templates import Template
from .unseen import known_lines, unseen

LONGEST = 100
"""Characters of the longest line of a couplet."""


def couplet(shape: str, *, book: str | None = "pingshui", not_in: Opened | None = None) -> CharMachine:
    """Make the whole text a couplet 上联，下联。 of lines with this many characters (`couplet=7`, `couplet=4，5`).

    Tones are opposed at the even places and at the ends of parts, and the lines end 仄 and 平. No character stands in
    both, and repetitions correspond. Marks of the shape stand in both lines. `book` says which tones characters have
    (none: tones are not judged). No written line may be one of those in the file `not_in` (or in a column of it).
    """
    return couplet_of(shape, book=book, not_in=not_in).rule


REMEMBERED = 64
"""How many couplets are remembered, so that requests for the same one share the work."""


@lru_cache(REMEMBERED)
def couplet_of(shape: str, *, book: str | None, not_in: str | None = None) -> Couplet:
    """The couplet of `couplet=SHAPE`. GenError if the shape is invalid, or the file `not_in` cannot be read."""
    sizes = re.split(r"(\D)", "".join(str(shape).split()))
    parts, marks = [len(size) < 4 and size.isdecimal() and int(size) for size in sizes[::2]], sizes[1::2]
    if not all(parts) or sum(parts) > LONGEST or not BETWEEN.issuperset(marks):
        raise GenError(
            f"couplet={brief(shape)} is no shape of up to {LONGEST} characters a line; write their number, or "
            "parts of a line with marks between them, such as 7 or 4，5."
        )
    line = "".join(HAN * int(size) if size.isdecimal() else size for size in sizes)
    label = as_spec("couplet", shape, book=book, not_in=not_in or None)
    return Couplet(line, tones_of(book), known_lines(not_in) if not_in else frozenset(), label)


def shape_of(line: str) -> str:
    """The shape of a first line: its Chinese characters counted, its marks kept. GenError names any other sign."""
    odd = next((char for char in line if not is_han(char) and not is_punctuation(char)), None)
    if odd is not None:
        raise GenError(
            f"The line {quoted(line)} has {quoted(odd)}, and a couplet is Chinese characters and marks; leave it out."
        )
    runs = ((is_mark, "".join(run)) for is_mark, run in groupby(line, is_punctuation))
    return "".join(run if is_mark else str(len(run)) for is_mark, run in runs)


@dataclass(frozen=True, eq=False)
class Couplet:
    """`line` is the shape of either line: 汉 for a character, and the marks between its parts. Without a rhyme book,
    `tones` are not judged. Neither line may be one of those `known`. `label` is how a user writes the couplet."""

    line: str
    tones: Tones
    known: frozenset[str] = field(default=frozenset(), repr=False)
    label: str = "couplet"
    opening: ClassVar[int] = 0

    @cached_property
    def pattern(self) -> str:
        """One sign for each place: 汉 or a mark."""
        return f"{self.line}，{self.line}。"

    @cached_property
    def _signs(self) -> Template:
        """The machine of the shape alone."""
        return Template(self.pattern.replace(HAN, "□"), "couplet")

    @cached_property
    def named(self) -> Named:
        """The processor that makes a text such a couplet, called as a user writes it."""
        return Named(self.label, self.rule)

    @cached_property
    def rule(self) -> Together:
        """The machine over characters: the shape, the tones, and what the lines share."""
        ends = tuple(self.line[:place].count(HAN) for place, sign in enumerate(self.line) if sign != HAN)
        lines = Lines(frozenset({1}), self.line.count(HAN), ends)
        toned = (Opposed(self.tones, lines, "couplet", OBLIQUE),) if self.tones is not NO_TONES else ()
        fresh = (unseen(self.pattern, HAN, lines=self.known, label="couplet"),) if self.known else ()
        return Together((self._signs, Unshared(lines, "couplet"), *toned, *fresh))

    def split(self, text: str) -> list[str]:
        """The couplet's two lines, or as much as there is of them, each with the mark that ends it."""
        cut = len(self.line) + 1
        return [part for part in (text[:cut], text[cut:]) if part]

    def full_width(self, text: str) -> str:
        """The couplet with the marks of its shape."""
        return "".join(char if sign == HAN else sign for char, sign in zip(text, self.pattern, strict=False))

    def start(self, text: str) -> int:
        """How many signs a text has; only its shape is judged."""
        return self._signs.start(text)

    def step(self, state: int, char: str) -> int | None:
        """The state after one more sign; None if the shape has another one there."""
        return self._signs.step(state, char)

    def mark_at(self, state: int) -> str:
        """The mark to insert next; "" where a character is wanted, and at the end."""
        sign = self.pattern[state : state + 1]
        return "" if sign == HAN else sign

    def misfit(self, prompt: str, state: int, laid: str, rest: str) -> GenError:
        """Why `rest` of a prompt cannot follow `state`, and how long the prompt may be."""
        if state == len(self.pattern):
            return GenError(
                f"The prompt {quoted(prompt)} is longer than the couplet; shorten it to {len(self.pattern)}."
            )
        wanted = self.mark_at(state) or "a Chinese character"
        return GenError(
            f"The prompt {quoted(prompt)} has {quoted(rest[0])} where the couplet has {wanted}; leave it out."
        )

    def must_repeat(self, start: str, n: int) -> bool:
        """Whether the rest of a couplet with this beginning must repeat a run of `n` signs.

        Where the first line repeats a character, the second repeats its counterpart. So a pair repeated in the first
        line, or parts of it that begin alike, demand a repeated pair in the second.
        """
        open_places = (sign if sign != HAN else f"?{place}" for place, sign in enumerate(self.line))
        first = [given or sign for given, sign in zip_longest(start[: len(self.line)], open_places)]
        answers = (
            f"!{first.index(char)}" if sign == HAN else sign for char, sign in zip(first, self.line, strict=True)
        )
        whole = (*first, "，", *answers, "。")
        runs = [whole[at : at + n] for at in range(len(whole) - n + 1)]
        return any(run in runs[:at] for at, run in enumerate(runs) if at + n > len(start))

    def ends_wrong(self, first: str) -> str:
        """The last character of a first line that cannot be read in an oblique tone; "" if it can, or tones are off."""
        last = first[-1:] if is_han(first[-1:] or " ") else ""
        return "" if self.tones is NO_TONES or OBLIQUE in self.tones.of(last) else last
