"""What may not be written: banned characters and strings, [UNK] and special tokens, two marks in a row."""

from __future__ import annotations

from dataclasses import dataclass

from ..text.char_sets import CLASSES, EVERY_CHAR, CharSet, is_punctuation
from ..text.vocabulary import Vocabulary
from ..types import CharMachine, Constraint
from .strings import BannedStrings, BannedTokens, EachChar, ManyStrings, chars_of, complement, given

MARKS = CharSet("punctuation")
PLAIN = CharSet("punctuation", inverted=True)

MANY = 100
"""More banned strings than this are a counted rule instead of part of the automaton."""


def ban(items: tuple[str, ...]) -> CharMachine:
    """Forbid characters, strings and classes of characters in the new text (`ban=punctuation|的|春风`)."""
    items = given("ban", items)
    strings = tuple(item for item in items if item not in CLASSES and len(item) > 1)
    chars = chars_of(item for item in items if item in CLASSES or len(item) == 1)
    machine = BannedStrings(complement(chars), strings)
    return ManyStrings(machine) if len(strings) == len(items) and len(items) > MANY else machine


def only(items: tuple[str, ...]) -> CharMachine:
    """Allow nothing but these classes and characters in the new text (`only=han|，。`)."""
    return EachChar(chars_of(given("only", items)))


def no_unk(vocabulary: Vocabulary) -> Constraint:
    """Forbid the token for unknown characters."""
    return BannedTokens(vocabulary, frozenset(() if vocabulary.unk is None else (vocabulary.unk,)))


def no_special(vocabulary: Vocabulary) -> Constraint:
    """Forbid every token that prints nothing, such as [PAD], [CLS], [SEP], [MASK] and [UNK], except the end token."""
    return BannedTokens(vocabulary, frozenset(vocabulary.specials | set(vocabulary.silent)) - {vocabulary.end})


def no_double_punctuation() -> CharMachine:
    """Forbid two punctuation marks in a row."""
    return NoDoublePunctuation()


@dataclass(frozen=True)
class NoDoublePunctuation:
    """State: whether the last character was a punctuation mark."""

    def start(self, text: str) -> bool:
        return bool(text) and is_punctuation(text[-1])

    def step(self, state: bool, char: str) -> bool | None:
        marked = is_punctuation(char)
        return None if state and marked else marked

    def accepts(self, state: bool) -> bool:
        return True

    def allowed(self, state: bool) -> CharSet:
        return PLAIN if state else EVERY_CHAR

    def kind(self, char: str) -> bool:
        return is_punctuation(char)

    def transitions(self, state: bool) -> list[tuple[CharSet, bool]]:
        """Any character that is no mark; also a mark, unless the last character was one."""
        return [(PLAIN, False)] if state else [(PLAIN, False), (MARKS, True)]

    def describe_next(self, state: bool) -> str:
        """What may follow, in words."""
        return "no second punctuation mark" if state else "any character"
