"""Characters that a vocabulary lacks, in the spelling that it knows: 東 as 东, 発 as 发, 東 for 东 the other way round.

A text stays as people typed it. The model reads the other spelling, one character for one, and rules about
characters take both for one. Which spellings belong together is OpenCC's knowledge; which of them is meant (发 for 發
or 髮 is clear, 發 or 髮 for 发 is not) goes by the words around.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from .vocabulary import is_han

if TYPE_CHECKING:
    from .vocabulary import Vocabulary

WAYS = (("t2s",), ("s2t",), ("jp2t", "t2s"), ("jp2t",), ("hk2s",), ("s2t", "t2jp"))
"""How another spelling is looked for, in this order: each is a sequence of OpenCC's conversions."""


def spelt(text: str, lacking: Container[str], known: Container[str]) -> str:
    """The text with each Chinese character of `lacking` in a spelling that is `known`, where there is one."""
    places = [place for place, char in enumerate(text) if char in lacking and is_han(char)]
    found = list(text)
    plain = "".join(unicodedata.normalize("NFC", char) if is_han(char) else char for char in text) if places else text
    for spelling in _spellings(plain) if places else ():
        places, left = [], places
        for place in left:
            if spelling[place] in known:
                found[place] = spelling[place]
            else:
                places.append(place)
        if not places:
            break
    return "".join(found)


def _spellings(text: str) -> Iterable[str]:
    yield text
    for way in WAYS:
        found = text
        for step in way:
            found = converted(step, found)
        yield found


def converted(way: str, text: str) -> str:
    """What OpenCC makes of a text by one of its conversions (t2s, s2t, ...), as many characters as before."""
    convert = _converter(way)
    found = convert(text)
    return found if len(found) == len(text) else "".join(convert(char)[:1] or char for char in text)


@cache  # at most one for each way to convert
def _converter(way: str) -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC(way).convert
    return convert


# -------------------------------------------------------------------------------------------- of rules and prompts


def labels_of(processors: Sequence[Any], vocabulary: Vocabulary) -> tuple[dict[str, str], list[Any]]:
    """For characters of the model the spelling that the written processors have of them, which the model lacks; and the
    processors, in which each character now has one spelling, the first."""
    written = "\n".join(item for item in processors if isinstance(item, str))
    lacking = set() if vocabulary.partial else {char for char in written if is_han(char)}
    if lacking:
        lacking.difference_update(vocabulary.arrays.numbers)
    if not lacking:
        return {}, list(processors)
    labels: dict[str, str] = {}
    other: dict[int, str] = {}
    for typed, char in zip(written, spelt(written, lacking, vocabulary.carriers), strict=True):
        if labels.setdefault(char, typed) != typed:
            other[ord(typed)] = labels[char]
    told = [item.translate(other) if isinstance(item, str) else item for item in processors]
    return {char: label for char, label in labels.items() if label != char}, told


def labelled(vocabulary: Vocabulary, labels: Mapping[str, str]) -> Vocabulary:
    """The vocabulary with these characters printed in their other spelling."""
    if not labels:
        return vocabulary
    table = str.maketrans(dict(labels))
    pairs = zip(vocabulary.surfaces, vocabulary.texts, strict=True)
    return replace(
        vocabulary, surfaces=tuple(text.translate(table).encode() if text else surface for surface, text in pairs)
    )


def respelt(text: str, spelt: str | None, labels: Mapping[str, str]) -> str | None:
    """What rules about characters take a text for that the model reads as `spelt` (as it stands if that is None).

    Of several spellings of one character only one is taken for it, the rules' or else the first: 發 and 髮 stay two.
    """
    if spelt is None and not labels:
        return None
    first: dict[str, str] = {}
    told = []
    for typed, char in zip(text, spelt or text, strict=True):
        label = labels.get(char, char)
        alike = (char, label) if char in labels else (char, first.setdefault(char, typed))
        told.append(label if typed in alike else typed)
    return "".join(told)
