"""Couplets (对联): 上联，下联。 of one shape, opposed in tone, the first ending oblique and the second level."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from gen_engine.errors import GenError
from gen_engine.text import NO_CHAR, CharSet, is_han, is_punctuation
from gen_engine.types import CharMachine

from .form import HAN
from .lines import follow, known_han
from .parallel import LEVEL, NAMES, OBLIQUE, Answers, tones_of
from .places import widths

LONGEST = 100
"""Characters of the longest line of a couplet."""


class State(NamedTuple):
    """How many places are filled, and the Chinese characters in them."""

    filled: int
    chars: str


def couplet(shape: str, *, book: str | None = "pingshui") -> CharMachine:
    """Make the whole text a couplet 上联，下联。 with so many characters a line (`couplet=7`, `couplet=4，5`).

    Tones are opposed at the even places and at the ends of parts, the lines end 仄 and 平, no character stands in both,
    and repetitions correspond. Marks of the shape stand in both lines. `book` says what tones characters have (none:
    tones are not judged).
    """
    return couplet_of(shape, book=book)


def couplet_of(shape: str, *, book: str | None) -> Couplet:
    """The machine of `couplet`. GenError if the shape is none."""
    sizes = re.split(r"(\D)", "".join(str(shape).split()))
    parts, marks = [len(size) < 4 and size.isdecimal() and int(size) for size in sizes[::2]], sizes[1::2]
    if not all(parts) or sum(parts) > LONGEST or not all(map(is_punctuation, marks)):
        raise GenError(
            f"couplet={shape} is no shape of up to {LONGEST} characters a line; write their number, or parts of a line "
            "with marks between them, such as 7 or 4，5."
        )
    line = "".join(HAN * int(size) if size.isdecimal() else size for size in sizes)
    return Couplet(line, Answers(tones_of(book), "" if book is None else LEVEL))


def shape_of(line: str) -> str:
    """The shape of a first line: its Chinese characters counted, its marks kept. GenError names what is neither."""
    odd = next((char for char in line if not is_han(char) and not is_punctuation(char)), None)
    if odd is not None:
        raise GenError(f"The line {line!r} has {odd!r}, and a couplet is Chinese characters and marks; leave it out.")
    runs = ((is_mark, "".join(run)) for is_mark, run in groupby(line, is_punctuation))
    return "".join(run if is_mark else str(len(run)) for is_mark, run in runs)


@dataclass(frozen=True, eq=False)
class Couplet:
    """`line` is the shape of either line: 汉 for a character, and the marks between its parts."""

    line: str
    answers: Answers

    @cached_property
    def pattern(self) -> str:
        """One sign for each place: 汉 or a mark."""
        return f"{self.line}，{self.line}。"

    @cached_property
    def _size(self) -> int:
        return self.line.count(HAN)

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        """How many characters stand before each mark within a line."""
        return tuple(self.line[:i].count(HAN) for i, sign in enumerate(self.line) if sign != HAN)

    @cached_property
    def _marks(self) -> dict[str, frozenset[str]]:
        return {sign: widths(sign) for sign in self.pattern if sign != HAN}

    def start(self, text: str) -> State:
        return follow(self, State(0, ""), text, "couplet")  # type: ignore[no-any-return]

    def step(self, state: State, char: str) -> State | None:
        filled, chars = state
        if filled == len(self.pattern):
            return None
        sign = self.pattern[filled]
        if sign != HAN:
            return State(filled + 1, chars) if char in self._marks[sign] else None
        if not known_han(char) or not self._fits(chars, char):
            return None
        return State(filled + 1, chars + char)

    def _fits(self, chars: str, char: str) -> bool:
        if len(chars) >= self._size:
            return self.answers.fits(chars[: self._size], chars[self._size :], char, self._ends)
        return not self._ends_oblique(chars) or char in self.answers.tones.of[OBLIQUE]

    def _ends_oblique(self, chars: str) -> bool:
        """Whether the first line's last character follows, and tones are judged."""
        return bool(self.answers.last) and len(chars) + 1 == self._size

    def accepts(self, state: State) -> bool:
        return state.filled == len(self.pattern)

    def least(self, state: State) -> int:
        return len(self.pattern) - state.filled

    most = least

    def allowed(self, state: State) -> CharSet:
        filled, chars = state
        if filled == len(self.pattern):
            return NO_CHAR
        sign = self.pattern[filled]
        if sign != HAN:
            return CharSet(self._marks[sign])
        if len(chars) < self._size:
            return CharSet(self._toned[OBLIQUE]) if self._ends_oblique(chars) else CharSet("han")
        first, second = chars[: self._size], chars[self._size :]
        echo = self.answers.echo(first, second)
        if echo:
            return CharSet(inverted=True, plus=frozenset(echo))
        tone = self.answers.wanted(first, self._ends)[len(second)]
        return CharSet(self._toned[tone] if tone else "han", minus=frozenset(chars))

    @cached_property
    def _toned(self) -> dict[str, frozenset[str]]:
        return {tone: frozenset(filter(is_han, chars)) for tone, chars in self.answers.tones.of.items()}

    def kind(self, char: str) -> str | None:
        if known_han(char):
            return HAN + self.answers.tones.kind(char)
        return next((sign for sign, chars in self._marks.items() if char in chars), None)

    def mentions(self, state: State) -> frozenset[str]:
        return frozenset(state.chars)

    def wants(self, state: State) -> str:
        filled, chars = state
        if filled == len(self.pattern):
            return "nothing more"
        sign, size = self.pattern[filled], self._size
        if sign != HAN:
            return f"{sign} after place {(len(chars) - 1) % size + 1} of line {1 + (len(chars) > size)}"
        if len(chars) >= size:
            what = self.answers.wants(chars[:size], chars[size:], self._ends)
        else:
            what = NAMES[OBLIQUE] if self._ends_oblique(chars) else "a Chinese character"
        return f"{what} at line {1 + len(chars) // size}, place {len(chars) % size + 1}"

    def split(self, text: str) -> list[str]:
        """The couplet's two lines, or as much as there is of them, each with the mark that ends it."""
        cut = len(self.line) + 1
        return [part for part in (text[:cut], text[cut:]) if part]

    def full_width(self, text: str) -> str:
        """The couplet with the marks of its shape."""
        return "".join(char if sign == HAN else sign for char, sign in zip(text, self.pattern, strict=False))

    def lay_out(self, prompt: str) -> str:
        """The prompt as the beginning of a couplet: its marks are put in where it has none.

        GenError says what does not fit, or that its first line cannot end oblique.
        """
        laid: list[str] = []
        for char in "".join(prompt.split()):
            while len(laid) < len(self.pattern) and self.pattern[len(laid)] != HAN and is_han(char):
                laid.append(self.pattern[len(laid)])
            if len(laid) == len(self.pattern):
                raise GenError(f"The prompt {prompt!r} is longer than the couplet; shorten it to {len(self.pattern)}.")
            sign = self.pattern[len(laid)]
            if not is_han(char) if sign == HAN else char not in self._marks[sign]:
                wanted = "a Chinese character" if sign == HAN else sign
                raise GenError(f"The prompt {prompt!r} has {char!r} where the couplet has {wanted}; leave it out.")
            laid.append(char if sign == HAN else sign)
        return "".join(laid)

    def ends_wrong(self, first: str) -> str:
        """The last character of a first line that cannot be read in an oblique tone; "" if it can, or tones are off."""
        last = first[-1:] if is_han(first[-1:] or " ") else ""
        return "" if not self.answers.last or last in self.answers.tones.of[OBLIQUE] else last
